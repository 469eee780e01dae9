"""Every page a reader can come to, at two widths, light and dark: whole, quiet, accessible."""

from pathlib import Path
from typing import Literal

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import ConsoleMessage, Page, Response

from tests.browser.conftest import Open, Shot
from tests.browser.reader import open_mail, subscribe, topics_of_the_leader

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

WIDTHS = (390, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABS = 12  # how often Tab is pressed to see where the focus is
AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")

FIND_TROUBLE = """async () => {
  const found = await axe.run(document, {iframes: false, resultTypes: ["violations"]});
  return found.violations
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}"""

# A chip's box is invisible, and the words beside it show the focus.
SHOW_FOCUS = """() => {
  const focused = document.activeElement;
  if (focused === document.body || focused.tagName === "IFRAME") return "";
  const isSeen = [focused, focused.nextElementSibling].some((element) => {
    if (!element) return false;
    const {outlineStyle, outlineWidth} = getComputedStyle(element);
    return outlineStyle === "auto" || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
  });
  const {top, bottom} = focused.getBoundingClientRect();
  return isSeen && bottom > 0 && top < innerHeight ? "" : focused.outerHTML.slice(0, 160);
}"""


class Inspector:
    """Looks at the page that is open, in every form it has, and remembers what it finds."""

    def __init__(self, page: Page, shot: Shot) -> None:
        self.page, self.shot = page, shot
        self.found: list[str] = []
        self.status = 200
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.found.append(f"{page.url}: {error}"))
        page.on("response", self.note)

    def note(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.frame == self.page.main_frame:
            self.status = response.status

    def hear(self, message: ConsoleMessage) -> None:
        # The browser complains of a page's own status too; which one is expected is said where it is asked for.
        is_of_the_page = message.location["url"] == self.page.url
        if message.type in {"error", "warning"} and not is_of_the_page:
            self.found.append(f"{self.page.url}: {message.text} {message.location['url']}")

    def visit(self, path: str, name: str, status: int = 200) -> None:
        self.page.goto(path)
        self.look(name, status)

    def look(self, name: str, status: int = 200) -> None:
        self.page.wait_for_load_state()
        self.expect(self.status == status, f"{name}: answered {self.status}")
        self.expect(self.page.locator("h1").count() == 1, f"{name}: not one h1")
        self.page.evaluate(AXE)
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                self.look_at_form(f"{name}, {width}, {scheme}")
        self.find_focus(name)

    def look_at_form(self, form: str) -> None:
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        self.expect(wide <= 0, f"{form}: {wide} px too wide")
        self.found += [f"{form}: {trouble}" for trouble in self.page.evaluate(FIND_TROUBLE)]
        self.shot(self.page, form)

    def find_focus(self, name: str) -> None:
        self.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(TABS):
            self.page.keyboard.press("Tab")
            if unseen := self.page.evaluate(SHOW_FOCUS):
                self.found.append(f"{name}: the focus is not seen on {unseen}")

    def expect(self, fact: bool, words: str) -> None:
        if not fact:
            self.found.append(words)


@pytest.fixture
def inspector(open_page: Open, shot: Shot) -> Inspector:
    # The inspection is a script that the pages' own policy rightly forbids.
    return Inspector(open_page(bypass_csp=True), shot)


def test_public_pages_are_whole(inspector: Inspector) -> None:
    inspector.visit("/", "home")
    issue = inspector.page.locator("link[rel=canonical]").get_attribute("href") or ""
    inspector.visit(issue, "issue")
    inspector.visit("/issues/", "archive")
    inspector.visit("/privacy/", "privacy")
    inspector.visit("/preferences/", "link needed")
    inspector.visit("/subscribe/", "subscribe")
    look_at_the_preview(inspector)
    inspector.page.goto("/subscribe/")
    inspector.page.locator("main form").evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    inspector.page.wait_for_selector("[role=alert]")
    inspector.look("subscribe with problems", 422)

    assert inspector.found == []


def look_at_the_preview(inspector: Inspector) -> None:
    """Choose a topic and see what it would have brought; all that is folded away is whole too."""
    page = inspector.page
    topics = topics_of_the_leader(page)
    page.goto("/subscribe/")
    page.get_by_text("Choose a topic, or follow keywords or authors, and their papers appear here").wait_for()
    for topic in topics:
        page.get_by_label(topic, exact=True).check()
    page.locator(".preview li").first.wait_for()
    page.locator(".choices summary").click()
    inspector.look("subscribe with a preview")


def test_the_page_of_a_challenge_is_whole_and_goes_on_by_its_button(inspector: Inspector) -> None:
    page = inspector.page
    page.route("**/proof.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    post_from_elsewhere(page)
    page.get_by_text("Press the button instead").wait_for()
    inspector.look("challenge", 403)
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url("**/subscribe/check-your-inbox/")
    page.unroute("**/proof.js")
    assert inspector.found == []


def test_a_form_of_another_site_leads_on_under_the_pages_own_policy(open_page: Open) -> None:
    page = open_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "403" not in message.text else None)
    post_from_elsewhere(page)
    page.wait_for_url("**/subscribe/check-your-inbox/")
    assert complaints == []


def post_from_elsewhere(page: Page) -> None:
    """Post a plain form that stands on another site."""
    page.goto("/")
    target, topic = page.url + "subscribe/", page.locator("input[name=topics]").first.get_attribute("value")
    fields = {
        "email": "lab@example.org",
        "topics": topic,
        "frequency": "daily",
        "send_time": "07:00",
        "timezone": "UTC",
    }
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    form = f'<form method="post" action="{target}">{inputs}<button>Join</button></form>'
    page.route("http://elsewhere.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://elsewhere.test/")
    page.get_by_role("button", name="Join").click()
    page.locator("h1").wait_for()


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "413", "500"])
def test_the_pages_of_errors_are_whole(name: str, inspector: Inspector) -> None:
    status = int(name[:3])
    request = RequestFactory().get("/broken/") if status < 500 else None
    body = render_to_string(f"{name}.html", request=request)
    inspector.page.route("**/broken/", lambda route: route.fulfill(status=status, body=body, content_type="text/html"))
    inspector.visit("/broken/", f"error {name}", status)

    assert inspector.found == []


def test_a_page_that_is_not_there_or_not_that_way_is_designed_on_a_desk_too(inspector: Inspector) -> None:
    inspector.visit("/nowhere/", "error 404", 404)
    inspector.visit("/anymail/postmark/tracking/", "error 405", 405)

    assert inspector.found == []


def test_the_pages_of_links_that_do_not_work_are_whole(inspector: Inspector) -> None:
    inspector.visit("/confirm/over/", "link is over", 404)
    inspector.visit("/preferences/cut/", "link does not work", 404)

    assert inspector.found == []


def test_the_pages_of_a_readers_way_are_whole(inspector: Inspector, open_page: Open) -> None:
    page, address = inspector.page, "pages@example.org"
    topics = topics_of_the_leader(page)
    subscribe(page, address, topics)
    inspector.look("check your inbox")
    inspector.visit("/mailbox/", "mailbox")

    open_mail(page, address, "confirm").get_by_role("link", name="Confirm").click()
    inspector.look("confirm")
    page.get_by_role("button", name="Confirm").click()
    inspector.look("confirmed")

    open_mail(page, address, "digest")
    inspector.look("mail")
    mail = page.url
    inspector.visit(f"{mail}html/", "digest")

    link = page.get_by_role("link", name="Your settings")
    choices = link.get_attribute("href") or ""
    link.click()
    page.locator(".effect .week details").first.wait_for()
    page.locator(".last .week").wait_for()
    inspector.look("preferences")
    look_at_the_effect_as_others(choices, open_page)
    look_at_the_effect(inspector)
    page.get_by_role("button", name="Save").click()
    inspector.look("preferences saved")

    page.goto(f"{mail}html/")
    page.get_by_role("link", name="Pause a week").click()
    inspector.look("pause")
    page.get_by_role("button", name="Pause a week").click()
    inspector.look("paused")

    page.goto(f"{mail}html/")
    page.get_by_role("link", name="Unsubscribe").click()
    inspector.look("unsubscribe")
    page.get_by_role("button", name="Unsubscribe").click()
    inspector.look("unsubscribed")
    page.get_by_label("Too many emails").check()
    page.get_by_role("button", name="Send").click()
    inspector.look("farewell")
    page.go_back()
    page.get_by_role("button", name="Pause a month").click()
    inspector.look("paused instead")
    page.goto(choices)
    look_at_the_end_of_all_links(inspector, address, choices)
    look_at_what_else_can_be_asked_for(inspector, address)
    look_at_erasing(inspector, f"new-{address}")

    assert inspector.found == []


def look_at_the_end_of_all_links(inspector: Inspector, address: str, old: str) -> None:
    page = inspector.page
    page.get_by_role("button", name="Switch off all my links").click()
    inspector.look("links ended")
    inspector.visit(old, "link has ended", 410)
    open_mail(page, address, "link").get_by_role("link", name="Open my settings").click()
    page.wait_for_url("**/preferences/")


def look_at_what_else_can_be_asked_for(inspector: Inspector, address: str) -> None:
    """Ask for the data and for another address, and follow the letters."""
    page = inspector.page
    page.get_by_role("button", name="Email me my data").click()
    inspector.look("data mailed")
    open_mail(page, address, "export").get_by_role("link", name="Get my data").click()
    inspector.look("data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    inspector.expect(download.value.suggested_filename == "my-digests.json", "the data is no file")
    page.goto("/preferences/")
    page.get_by_role("link", name="Use another address").click()
    move(inspector, f"new-{address}", address)


def move(inspector: Inspector, there: str, here: str) -> None:
    page = inspector.page
    page.get_by_label("New address").fill("nowhere")
    page.get_by_role("button", name="Email the link").click()
    inspector.look("new address with a problem", 422)
    page.get_by_label("New address").fill(there)
    page.get_by_role("button", name="Email the link").click()
    inspector.look("new address mailed")
    open_mail(page, there, "address").get_by_role("link", name="Send them here").click()
    inspector.look("move")
    page.get_by_role("button", name="Send them here").click()
    inspector.look("moved")
    open_mail(page, here, "moved")
    page.goto("/preferences/")
    page.get_by_label("Email address").fill(there)
    page.get_by_role("button", name="Email me my link").click()
    inspector.look("link mailed")
    open_mail(page, there, "link").get_by_role("link", name="Open my settings").click()
    page.wait_for_url("**/preferences/")


def look_at_erasing(inspector: Inspector, address: str) -> None:
    page = inspector.page
    page.goto("/preferences/")
    page.get_by_role("button", name="Delete my data").click()
    inspector.look("erasure mailed")
    choices = open_mail(page, address, "link").get_by_role("link", name="Open my settings").get_attribute("href") or ""
    open_mail(page, address, "erase").get_by_role("link", name="Delete my data").click()
    inspector.look("erase")
    page.get_by_role("button", name="Delete my data").click()
    inspector.look("erased")
    inspector.visit(choices, "link of who was erased", 410)


def look_at_the_effect(inspector: Inspector) -> None:
    """Ask for fewer papers and see another week; without JavaScript the button brings the same, and saves nothing."""
    page = inspector.page
    effect = page.locator(".effect [aria-live=polite]")
    before = effect.inner_text()
    with page.expect_response("**/digest/effect/**"):
        page.get_by_label("At most").select_option("5")
    page.wait_for_function("old => document.querySelector('.effect [aria-live=polite]').innerText !== old", arg=before)
    inspector.look("preferences with another choice")
    changed = effect.locator("p").first.inner_text()
    url = effect.get_attribute("hx-post")
    page.route("**/htmx.min.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.locator("#choices").evaluate("(form, url) => { form.action = url; form.submit(); }", url)
    page.wait_for_url("**/digest/effect/**")
    page.get_by_text("Nothing is saved yet").wait_for()
    inspector.expect(changed in page.locator(".effect").inner_text(), "the two ways differ")
    inspector.look("preferences with the effect, without a script")
    page.unroute("**/htmx.min.js")


def look_at_the_effect_as_others(url: str, open_page: Open) -> None:
    """It comes by itself under the pages' own policy, and by its button where no script runs."""
    strict, plain = open_page(), open_page(java_script_enabled=False)
    complaints: list[str] = []
    strict.on("console", lambda message: complaints.append(message.text))
    strict.goto(url)
    strict.locator(".effect .week details").first.wait_for()
    strict.locator(".last .week").wait_for()
    assert complaints == []
    plain.goto(url)
    plain.get_by_role("button", name="Preview").click()
    plain.get_by_text("Nothing is saved yet").wait_for()
    assert plain.locator(".effect .week").is_visible()
    plain.get_by_role("link", name="Show them, and why some days had none").click()
    assert plain.locator(".last .week a").count() == 1


def test_pages_can_be_enlarged_to_400_percent(inspector: Inspector) -> None:
    """1280 px at 400 % are 320."""
    for path in ("/", "/subscribe/", "/issues/"):
        inspector.page.set_viewport_size({"width": 320, "height": 640})
        inspector.page.goto(path)
        wide = inspector.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        inspector.expect(wide <= 0, f"{path}: {wide} px too wide")

    assert inspector.found == []

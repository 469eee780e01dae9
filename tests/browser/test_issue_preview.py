"""What an editor looks at before an issue is sent: the preview, the checks, a test and the reach."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import EDITOR, log_in
from tests.browser.test_pages import AXE
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
PAGES = ("preview", "checks", "test")
# Our part of the page: the rest is the theme's.
FIND_TROUBLE = """async () => {
  const found = await axe.run(".preview-page", {iframes: false, resultTypes: ["violations"]});
  return found.violations
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}"""


def open_issue(page: Page, password: str) -> str:
    """Log in and return the address of the draft's pages."""
    log_in(page, password)
    page.goto("/admin/issues/issue/")
    link = page.locator("#result_list tbody").filter(has_text="Draft").locator("a[href*=change]").first
    found = re.search(r"(/admin/issues/issue/\d+)/change/", link.get_attribute("href") or "")
    assert found
    return found[1]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_before_sending_are_accessible(
    open_page: Open, product: Product, shot: Shot, width: int, scheme: str
) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    issue = open_issue(page, product.password)
    for name in PAGES:
        page.goto(f"{issue}/{name}/")
        if name == "checks":
            expect(page.get_by_text("over the next 24 hours")).to_be_visible(timeout=30_000)
        shot(page, f"{name}-{width}-{scheme}")
        page.evaluate(AXE)
        assert page.evaluate(FIND_TROUBLE) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def test_a_preview_is_dark_and_narrow_as_chosen_and_runs_no_script(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    issue = open_issue(page, product.password)
    page.goto(f"{issue}/preview/")
    page.get_by_label("Width").first.select_option("phone")
    page.get_by_label("Colours").first.select_option("dark")
    page.get_by_role("button", name="Show", exact=True).click()
    shot(page, "dark-phone")
    frame = page.frame_locator("iframe[title='The mail as HTML']")
    expect(frame.locator("body")).to_have_css("background-color", "rgb(22, 21, 19)")
    expect(page.locator("iframe[title='The mail as HTML']")).to_have_attribute("width", "390")


def test_a_test_goes_to_the_editor(open_page: Open, product: Product) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{open_issue(page, product.password)}/test/")
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_text(f"On its way to {EDITOR}")).to_be_visible()

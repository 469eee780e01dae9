"""Readers have a say: they vote from the digest and on the page of an issue, and propose a paper that editors take."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.reader import open_mail, subscribe, topics_of_the_leader
from tests.browser.test_desk import log_in
from tests.browser.test_pages import Inspector
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
OTHER = "https://example.org/a-talk-about-readers"


def digest_of_a_new_reader(page: Page, address: str) -> str:
    """Subscribe, and return the address of the digest as the mailbox shows it alone."""
    subscribe(page, address, topics_of_the_leader(page))
    open_mail(page, address, "confirm").get_by_role("link", name="Confirm").click()
    page.get_by_role("button", name="Confirm").click()
    open_mail(page, address, "digest")
    return f"{page.url}html/"


def test_a_vote_and_a_wrong_topic_are_one_button_each_and_can_be_taken_back(open_page: Open, shot: Shot) -> None:
    inspector = Inspector(open_page(bypass_csp=True), shot)
    page = inspector.page
    mail = digest_of_a_new_reader(page, "votes@example.org")
    page.goto(mail)
    title = page.locator(".t a").first.inner_text()
    link = page.get_by_role("link", name="Vote").first.get_attribute("href") or ""
    for _ in range(2):  # a scanner that runs scripts looks on, and nothing changes
        scanner = open_page()
        scanner.goto(link)
        scanner.wait_for_load_state("networkidle")
        expect(scanner.get_by_role("heading", name="Vote for this paper?")).to_be_visible()
    page.goto(link)
    assert re.search(r"/vote/\?entry=\d+$", page.url)
    expect(page.get_by_role("main")).to_contain_text(title)
    inspector.look("vote")
    page.get_by_role("button", name="Vote for this paper").dblclick()
    expect(page.get_by_role("heading", name="You voted for this paper")).to_be_visible()
    inspector.look("voted")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="Vote for this paper?")).to_be_visible()
    if page.get_by_role("radio").count():  # where the paper has several of the reader's topics
        page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Wrong topic").click()
    expect(page.get_by_text("You said that it does not belong to")).to_be_visible()
    inspector.look("topic called wrong")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Wrong topic")).to_be_visible()
    inspector.visit("/vote/?entry=0", "nothing to vote for", 404)
    inspector.page.context.clear_cookies()
    inspector.visit(page.url, "vote needs a link")
    assert inspector.found == []


@pytest.mark.parametrize("scripts", [True, False])
def test_readers_with_a_link_vote_on_an_issues_page_and_others_see_how_to(
    open_page: Open, shot: Shot, scripts: bool
) -> None:
    address = f"page-{scripts}@example.org".lower()
    page = open_page(java_script_enabled=scripts)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto("/")
    page.locator(".paper").nth(1).get_by_role("link", name="Vote").click()
    expect(page.get_by_role("main")).to_contain_text("Vote from your digest")
    shot(page, "stranger")

    reading = open_page()
    reading.goto(digest_of_a_new_reader(reading, address))
    choices = reading.get_by_role("link", name="Your settings").get_attribute("href") or ""
    page.goto(choices)
    expect(page.get_by_role("link", name="Propose a paper")).to_be_visible()
    page.goto("/")
    page.locator(".paper").nth(1).get_by_role("link", name="Vote").click()
    page.get_by_role("button", name="Vote for this paper").click()
    expect(page.get_by_text("Your vote counts")).to_be_visible()
    if scripts:
        assert page.url.endswith("/")
    shot(page, "voted")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("button", name="Vote for this paper")).to_be_visible()
    assert complaints == []


def test_a_proposal_goes_from_the_digest_to_the_editors_and_into_the_draft(
    open_page: Open, product: Product, shot: Shot
) -> None:
    inspector = Inspector(open_page(bypass_csp=True), shot)
    page = inspector.page
    page.goto(digest_of_a_new_reader(page, "proposes@example.org"))
    page.get_by_role("link", name="Propose a paper").click()
    inspector.look("propose")
    edges = page.get_by_role("textbox").evaluate_all("all => all.map(it => it.getBoundingClientRect().x)")
    assert len(set(edges)) == 1, "the fields of a form begin on one line"
    heights = page.locator("footer a").evaluate_all("all => all.map(it => it.getBoundingClientRect().height)")
    assert min(heights) >= 40, "a thumb hits each link of the footer"
    page.get_by_label("Link to the paper").fill("nothing")
    page.get_by_label("Why should others read it?").fill("It says what readers want of a daily paper.")
    page.get_by_role("button", name="Propose").click()
    page.get_by_role("alert").wait_for()
    inspector.look("propose with problems", 422)
    page.get_by_label("Link to the paper").fill(OTHER)
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("The editors will look at it")).to_be_visible()
    inspector.look("proposed")
    assert inspector.found == []
    editor_accepts(open_page(viewport={"width": 1280, "height": 900}), product, shot)
    page.goto("/propose/")
    expect(page.get_by_text("The editors say: Gladly.")).to_be_visible()
    inspector.look("accepted")
    assert inspector.found == []


def editor_accepts(page: Page, product: Product, shot: Shot) -> None:
    log_in(page, product.password)
    page.goto("/admin/papers/proposal/")
    row = page.get_by_role("row").filter(has_text=OTHER)
    expect(row).to_contain_text("It says what readers want")
    shot(page, "queue")
    row.get_by_role("link").first.click()
    accept = page.get_by_role("link", name="Accept into the draft")
    expect(accept).to_be_visible()
    shot(page, "proposal")
    accept.click()
    page.get_by_label("Title").fill("A talk about readers")
    page.get_by_label("Message to the proposer").fill("Gladly.")
    shot(page, "accepting")
    page.emulate_media(color_scheme="dark")
    shot(page, "accepting-dark")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("was accepted. It is in the draft of")).to_be_visible()

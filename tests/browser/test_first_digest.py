"""A reader's whole way: home page, box, mailbox, confirmation, first digest, other topics, and out."""

import re

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.reader import open_mail, subscribe, topics_of_the_leader

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

# No paper of the sample is about it.
STRANGE_TOPIC = "Economics and games"


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def confirm(page: Page, address: str) -> None:
    """Follow the link of the mail and press the button."""
    open_mail(page, address, "confirm").get_by_role("link", name="Confirm").click()
    heading(page, "Confirm your subscription")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name="Confirm").click()
    heading(page, "You are subscribed")


def reasons(mail: FrameLocator) -> list[str]:
    return [text.replace("\u00a0", " ") for text in mail.locator("p.w").all_inner_texts()]


def test_from_the_home_page_to_a_digest_to_other_topics_and_out(open_page: Open, shot: Shot) -> None:
    page, address = open_page(), "ada@example.org"
    topics = topics_of_the_leader(page)
    subscribe(page, address, topics)
    heading(page, "Check your inbox")
    shot(page, "check-your-inbox")
    page.get_by_role("main").get_by_role("link", name="local mailbox").click()
    heading(page, "Local mailbox")

    confirm(page, address)
    expect(page.get_by_role("main")).to_contain_text("weekdays at 07:00 Berlin time")
    shot(page, "confirmed")
    mail = open_mail(page, address, "digest")
    shot(page, "digest")
    has_papers_with_reasons(mail, topics)
    has_text_headers_and_metadata(page, address)

    shows_a_friend_the_mail_alone(mail, open_page())
    opens_every_link_as_a_scanner(page, mail, open_page())
    mail.get_by_role("link", name="Your settings").click()
    changes_topics(page, topics)
    shot(page, "saved")
    open_mail(page, address, "digest").get_by_role("link", name="Pause a week").click()
    pauses(page)

    open_mail(page, address, "digest").get_by_role("link", name="Unsubscribe").click()
    leaves(page, address)
    shot(page, "unsubscribed")


def shows_a_friend_the_mail_alone(mail: FrameLocator, friend: Page) -> None:
    """Open the mail's own page in another browser: it holds the papers, and nothing that acts for the reader."""
    friend.goto(mail.get_by_role("link", name="View online").get_attribute("href") or "")
    expect(friend.locator(".t").first).to_be_visible()
    foot = friend.get_by_role("group", name="About this mail")
    expect(foot).to_contain_text("Shared copy. Is it yours? Your settings link is at the foot of your email.")
    for name in ("Your settings", "Pause a week", "Unsubscribe", "Propose a paper", "Vote"):
        expect(friend.get_by_role("link", name=name)).to_have_count(0)
    assert not friend.context.cookies()


def opens_every_link_as_a_scanner(page: Page, mail: FrameLocator, scanner: Page) -> None:
    """Open all that leads to us in a browser that runs every script, and find the subscription as it was."""
    links = [link.get_attribute("href") or "" for link in mail.get_by_role("link").all()]
    ours = [link for link in links if link.startswith(page.url.partition("/mailbox/")[0])]
    votes, details = ([link for link in ours if part in link] for part in ("/vote/", "#paper-"))
    assert len(ours) - len(votes) - len(details) == 6
    for link in {*ours} - {*votes[1:], *details[1:]}:
        scanner.goto(link)
        scanner.wait_for_load_state("networkidle")
    choices, leave = (next(link for link in ours if f"/{word}/" in link) for word in ("preferences", "unsubscribe"))
    scanner.goto(leave)
    heading(scanner, "Unsubscribe?")
    scanner.goto(choices)
    expect(scanner.get_by_role("main")).to_contain_text("The next digest goes to")
    expect(scanner.get_by_label("Pause until")).to_have_value("")


def pauses(page: Page) -> None:
    heading(page, "Pause for a week?")
    page.get_by_role("button", name="Pause a week").click()
    heading(page, "Your digest is paused")


def has_papers_with_reasons(mail: FrameLocator, topics: list[str]) -> None:
    expect(mail.locator("h2").first).to_be_visible()
    assert mail.locator("h2").count() == len(reasons(mail)) > 0
    for reason in reasons(mail):
        assert reason.startswith("Editors’ pick") or any(topic in reason for topic in topics), reason
    assert re.search(r" · \d+\svotes?", reasons(mail)[0])


def has_text_headers_and_metadata(page: Page, address: str) -> None:
    text = page.locator(".text-part")
    expect(text).to_contain_text(page.frame_locator("iframe").locator("h2 a").first.inner_text()[:30])
    expect(text).to_contain_text("/unsubscribe/")
    for name, words in (("To", address), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"), ("tag", "digest")):
        value = page.locator("dt").get_by_text(name, exact=True).locator("xpath=following-sibling::dd[1]")
        expect(value).to_have_text(words)
    expect(page.locator("dt").filter(has_text="(metadata)").first).to_be_visible()


def changes_topics(page: Page, topics: list[str]) -> None:
    heading(page, "Your settings")
    chosen = page.locator("input[name=topics]:checked")
    expect(chosen).to_have_count(len(topics))
    for topic in topics:
        page.get_by_label(topic, exact=True).uncheck()
    page.get_by_label(STRANGE_TOPIC).check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".state.done")).to_contain_text("Saved.")
    expect(chosen).to_have_count(1)
    expect(page.get_by_label(STRANGE_TOPIC)).to_be_checked()


def leaves(page: Page, address: str) -> None:
    heading(page, "Unsubscribe?")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name="Unsubscribe").click()
    heading(page, "You are unsubscribed")
    expect(page.get_by_role("main")).to_contain_text(address)
    page.reload()  # sends the form again
    heading(page, "You are unsubscribed")


def test_the_whole_way_needs_no_javascript(open_page: Open) -> None:
    page, address = open_page(java_script_enabled=False, viewport={"width": 390, "height": 844}), "bob@example.org"
    topics = topics_of_the_leader(page)
    subscribe(page, address, topics)
    confirm(page, address)
    expect(page.get_by_role("main")).to_contain_text("weekdays at 07:00 UTC")

    mail = open_mail(page, address, "digest")
    has_papers_with_reasons(mail, topics)
    mail.get_by_role("link", name="Your settings").click()
    changes_topics(page, topics)
    choices = page.url
    open_mail(page, address, "digest").get_by_role("link", name="Pause a week").click()
    pauses(page)
    page.goto(choices)
    page.get_by_role("main").get_by_role("link", name="Unsubscribe").click()
    leaves(page, address)


def test_the_whole_abstract_is_chosen_seen_before_and_mailed(open_page: Open, shot: Shot) -> None:
    page, address = open_page(viewport={"width": 390, "height": 844}), "cyd@example.org"
    topics = topics_of_the_leader(page)
    page.goto("/subscribe/")
    page.get_by_label("Email address").fill(address)
    for topic in topics:
        page.get_by_label(topic, exact=True).check()
    page.locator(".choices > summary").click()
    under = page.locator(".preview .under").first
    two_lines = under.inner_text()
    detail = page.get_by_label("Under each paper")
    expect(detail).to_have_value("lines")
    detail.select_option("The whole abstract")
    expect(under).not_to_have_text(two_lines)
    abstract = under.inner_text()
    shot(page, "whole-abstract")
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url("**/subscribe/check-your-inbox/")

    confirm(page, address)
    mail = open_mail(page, address, "digest")
    expect(mail.locator("p.s").first).to_have_text(abstract)
    expect(page.locator(".text-part")).to_contain_text(abstract.split()[-1])
    mail.get_by_role("link", name="Your settings").click()
    expect(page.get_by_label("Under each paper")).to_have_value("abstract")


def test_a_first_digest_without_a_match_has_the_fronts_best_and_says_why(open_page: Open, shot: Shot) -> None:
    page, address = open_page(), "eve@example.org"
    page.goto("/")
    leader = page.locator(".paper h2").first.inner_text()
    subscribe(page, address, [STRANGE_TOPIC])
    confirm(page, address)

    mail = open_mail(page, address, "digest")
    expect(mail.get_by_role("article")).to_contain_text("None of the last days’ papers matches what you chose")
    expect(mail.locator("h2 a").first).to_have_text(leader)
    assert all(reason.startswith("From the issue of ") for reason in reasons(mail))
    shot(page, "digest")


def test_a_form_that_cannot_be_read_says_what_is_wrong_and_keeps_the_rest(open_page: Open, shot: Shot) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/subscribe/")
    page.get_by_label("Email address").fill("nobody@nowhere")
    page.get_by_label(STRANGE_TOPIC).check()
    page.get_by_role("button", name="Subscribe").click()

    expect(page.get_by_role("alert")).to_contain_text("Please fix the field marked below.")
    expect(page.locator(".for-email .error")).to_contain_text("We cannot send mail to this address.")
    expect(page.get_by_label(STRANGE_TOPIC)).to_be_checked()
    shot(page, "problem")

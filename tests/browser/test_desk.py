"""An editor's morning: the draft is opened, curated by mouse and by keyboard, tried out by mail and published."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.reader import open_mail
from tests.browser.test_pages import AXE, FIND_TROUBLE
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

EDITOR = "editor@paper-round.invalid"
INTRO = "A quiet day for models, and a loud one for the machines below them."
NOTE = "Read the *appendix* first."
SAVED = re.compile(r"^Saved \d\d:\d\d$")


def test_an_editor_arranges_by_keyboard_and_hears_what_became_of_it(open_page: Open, product: Product) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    open_draft(page)
    before = titles(page)

    page.get_by_role("button", name=f"Up: {before[1]}").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#desk-said")).to_have_text(f"“{before[1]}” is at place 1.")
    assert titles(page)[:2] == [before[1], before[0]]
    # At the top there is no further up: the focus waits on the way back.
    expect(page.get_by_role("button", name=f"Down: {before[1]}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#desk-said")).to_have_text(f"“{before[1]}” is at place 2.")
    expect(page.get_by_role("button", name=f"Down: {before[1]}")).to_be_focused()
    assert titles(page) == before

    page.get_by_label(f"Place of {before[4]}").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.locator("#desk-said")).to_have_text(f"“{before[4]}” is at place 1.")
    page.get_by_role("button", name=f"Pick: {before[4]}").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name=f"Pick: {before[4]}")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name=f"Pick: {before[4]}")).to_have_attribute("aria-pressed", "false")


def test_an_outdated_page_overwrites_nothing_and_keeps_the_typed_text(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    open_draft(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("textbox", name="Subject").fill("Theirs")
    other.get_by_role("textbox", name="Subject").blur()
    expect(other.locator("#desk-saved")).to_have_text(SAVED)

    page.get_by_role("textbox", name="Intro").fill("Mine.")
    page.get_by_role("textbox", name="Intro").blur()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this issue")
    shot(page, "stale")
    page.get_by_role("button", name="Reload the issue").click()
    expect(page.get_by_role("textbox", name="Subject")).to_have_value("Theirs")
    expect(page.get_by_role("textbox", name="Intro")).to_have_value("Mine.")
    page.get_by_role("textbox", name="Intro").press("Control+Enter")
    expect(page.locator("#desk-saved")).to_have_text(SAVED)
    other.reload()
    expect(other.get_by_role("textbox", name="Intro")).to_have_value("Mine.")

    page.context.set_offline(True)
    page.get_by_role("textbox", name="Intro").fill("Typed in a tunnel.")
    page.get_by_role("textbox", name="Intro").blur()
    expect(page.get_by_role("alert")).to_contain_text("The connection is lost. This was not saved")
    expect(page.get_by_role("textbox", name="Intro")).to_have_value("Typed in a tunnel.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#desk-saved")).to_have_text(SAVED)
    expect(page.get_by_role("alert")).to_be_hidden()
    for field in ("Subject", "Intro"):
        page.get_by_role("textbox", name=field).fill("")
        page.get_by_role("textbox", name=field).blur()
    expect(page.locator("#desk-said")).to_have_text("Intro saved.")


def test_without_scripts_an_editor_places_annotates_picks_drops_and_restores(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    log_in(page, product.password)
    page.goto("/admin/issues/issue/")
    page.goto(
        page.locator("#result_list tbody").filter(has_text="Draft").locator("a[href*=change]").get_attribute("href")
        or ""
    )
    before = titles(page)
    shot(page, "plain")
    page.get_by_label(f"Place of {before[2]}").fill("1")
    page.get_by_label(f"Place of {before[2]}").press("Enter")
    stands_as(page, [before[2], before[0], before[1], *before[3:]])
    page.get_by_role("button", name=f"Down: {before[2]}").click()
    stands_as(page, [before[0], before[2], before[1], *before[3:]])
    page.get_by_role("button", name=f"Down: {before[2]}").click()
    stands_as(page, before)
    noted = card(page, before[0])
    noted.get_by_text("Add a note").click()
    noted.get_by_label("Note", exact=False).first.fill(NOTE)
    noted.get_by_role("button", name="Save the note").click()
    expect(card(page, before[0]).locator(".desk-note em").first).to_have_text("appendix")
    page.get_by_role("button", name=f"Drop: {before[1]}").click()
    stands_as(page, [before[0], *before[2:]])
    # The page comes back at the dropped entry, and unfolds it.
    page.get_by_role("button", name=f"Restore: {before[1]}").click()
    stands_as(page, before)
    for is_pick in ("true", "false"):
        page.get_by_role("button", name=f"Pick: {before[0]}").click()
        expect(page.get_by_role("button", name=f"Pick: {before[0]}")).to_have_attribute("aria-pressed", is_pick)
    noted = card(page, before[0])
    noted.get_by_text("Edit the note").click()
    noted.locator("textarea[name=note]").fill("")
    noted.get_by_role("button", name="Save the note").click()
    expect(card(page, before[0]).locator(".desk-note em")).to_have_count(0)


def test_an_editor_curates_an_issue_tries_it_out_publishes_it_and_takes_it_back(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    open_draft(page)
    before = titles(page)

    drag(page, cards(page).nth(2), above=cards(page).nth(0))
    expect(page.locator("#desk-said")).to_have_text(f"“{before[2]}” is at place 1.")
    assert titles(page) == [before[2], before[0], before[1], *before[3:]]
    assert places(page) == [str(number) for number in range(1, len(before) + 1)]
    move(page, before[7], "2")
    page.get_by_role("button", name=f"Drop: {before[0]}").click()
    page.get_by_role("button", name=f"Pick: {before[4]}").click()
    noted = card(page, before[4])
    expect(noted.locator(".desk-mark")).to_have_text("Pick")
    noted.get_by_text("Add a note").click()
    noted.locator("textarea[name=note]").fill(NOTE)
    expect(noted.locator(".desk-preview em")).to_have_text("appendix")
    # What was typed last is saved before the button's own act.
    page.get_by_role("textbox", name="Intro").fill(INTRO)
    is_at_ease(page, shot)
    page.get_by_role("link", name="Send a test").click()
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_text(f"On its way to {EDITOR}")).to_be_visible()
    page.get_by_role("link", name="Back to the issue").click()
    expected = [before[2], before[7], before[1], *before[3:7], *before[8:]]
    stands_as(page, expected)
    arrives_as_a_test(open_page(), expected)

    page.get_by_role("link", name="Publish…").click()
    shot(page, "publish")
    page.get_by_role("button", name="Publish to").click()
    expect(page.get_by_text("Published. Readers get it from now on")).to_be_visible()
    expect(page.get_by_role("link", name="Withdraw…")).to_be_visible()
    expect(page.get_by_role("link", name="Publish…")).to_have_count(0)
    expect(page.locator("#desk textarea")).to_have_count(0)
    shot(page, "published")
    stands_on_the_home_page(open_page(), shot, expected, before[4])
    is_withdrawn_only_after_a_question(page)
    page.goto("/")
    expect(page.locator(".intro")).to_have_count(0)


def log_in(page: Page, password: str, name: str = "editor") -> None:
    page.goto("/admin/login/?next=/admin/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/admin/")


def open_draft(page: Page) -> None:
    page.locator("a[href='/admin/issues/issue/']").first.click()
    page.locator("#result_list tbody").filter(has_text="Draft").locator("a[href*=change]").first.click()
    expect(page.get_by_text("unless you hold it")).to_be_visible()


def cards(page: Page) -> Locator:
    return page.locator("#desk-front .desk-card")


def card(page: Page, title: str) -> Locator:
    return cards(page).filter(has_text=title)


def titles(page: Page) -> list[str]:
    return page.locator("#desk-front .desk-title").all_inner_texts()


def stands_as(page: Page, expected: list[str]) -> None:
    expect(page.locator("#desk-front .desk-title")).to_have_text(expected)


def places(page: Page) -> list[str]:
    return [field.input_value() for field in page.locator("#desk-front input[name=place]").all()]


def move(page: Page, title: str, place: str) -> None:
    page.get_by_label(f"Place of {title}").fill(place)
    page.get_by_label(f"Place of {title}").press("Enter")
    expect(page.locator("#desk-said")).to_have_text(f"“{title}” is at place {place}.")


def drag(page: Page, row: Locator, *, above: Locator) -> None:
    """Take a card by its handle and let it go above another, as a hand would."""
    above.evaluate("row => scrollBy(0, row.getBoundingClientRect().top - 120)")
    row.locator(".desk-handle").hover()
    page.mouse.down()
    target = above.bounding_box()
    assert target
    page.mouse.move(target["x"] + 30, target["y"] + 60, steps=8)
    page.mouse.move(target["x"] + 30, target["y"] + 4, steps=8)
    page.mouse.up()


def is_at_ease(page: Page, shot: Shot) -> None:
    """Look at the page with its boxes open, narrow and wide, light and dark."""
    page.locator("#desk-pull summary").click()
    page.get_by_label("Words of its title").fill("language")
    expect(page.get_by_role("button", name="Pull in").first).to_be_visible()
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            shot(page, f"{width}-{scheme}")
            assert page.evaluate(FIND_TROUBLE) == []


def arrives_as_a_test(page: Page, expected: list[str]) -> None:
    mail = open_mail(page, EDITOR, "test")
    expect(page.get_by_role("heading", level=1)).to_contain_text("[Test]")
    expect(mail.locator(".intro")).to_have_text(INTRO)
    assert mail.locator("h2 a").all_inner_texts() == expected


def stands_on_the_home_page(page: Page, shot: Shot, expected: list[str], picked: str) -> None:
    page.goto("/")
    expect(page.locator(".intro")).to_have_text(INTRO)
    expect(page.locator(".dateline")).to_contain_text("curated by editor")
    assert page.locator(".paper h2").all_inner_texts() == expected
    paper = page.locator(".paper").filter(has_text=picked)
    expect(paper.locator(".mark")).to_have_text("Editors’ pick")
    expect(paper.locator(".note")).to_contain_text("appendix")
    shot(page, "home")


def is_withdrawn_only_after_a_question(page: Page) -> None:
    page.get_by_role("link", name="Withdraw…").click()
    page.get_by_label("Why").fill("A retracted paper leads.")
    page.get_by_role("button", name="Withdraw it for good").click()
    expect(page.get_by_text("Nobody gets it later.")).to_be_visible()

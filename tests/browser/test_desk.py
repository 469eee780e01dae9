"""An editor's morning: the draft is opened, curated, tried out by mail and published."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.reader import open_mail
from tests.product import Product

pytestmark = pytest.mark.browser

EDITOR = "editor@paper-round.invalid"
INTRO = "A quiet day for models, and a loud one for the machines below them."
NOTE = "Read the appendix first."


def test_an_editor_curates_an_issue_tries_it_out_publishes_it_and_takes_it_back(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    open_draft(page)
    shot(page, "draft")
    before = titles(page)

    drag(page, rows(page).nth(2), above=rows(page).nth(0))
    assert titles(page) == [before[2], before[0], before[1], *before[3:]]
    assert places(page) == [str(number) for number in range(1, len(before) + 1)]
    page.get_by_label(f"Place: {before[7]}").fill("2")
    page.get_by_label(f"Drop: {before[0]}").check()
    page.get_by_label(f"Pick: {before[4]}").check()
    page.get_by_label(f"Note: {before[4]}").fill(NOTE)
    page.locator("[name=intro]").fill(INTRO)
    shot(page, "curated")

    page.get_by_role("button", name="Save and send it to me").click()
    expect(page.get_by_text(f"On its way to {EDITOR}")).to_be_visible()
    expected = [before[2], before[7], before[0], before[1], *before[3:7], *before[8:]]
    assert titles(page) == expected
    shot(page, "saved")
    expected.remove(before[0])
    arrives_as_a_test(open_page(), expected)

    page.get_by_role("link", name="Publish…").click()
    shot(page, "publish")
    page.get_by_role("button", name="Publish to").click()
    expect(page.get_by_text("Published. Readers get it from now on")).to_be_visible()
    expect(page.get_by_role("link", name="Withdraw…")).to_be_visible()
    expect(page.get_by_role("link", name="Publish…")).to_have_count(0)
    shot(page, "published")
    stands_on_the_home_page(open_page(), shot, expected, before[4])
    is_withdrawn_only_after_a_question(page)
    page.goto("/")
    expect(page.locator(".intro")).to_have_count(0)


def log_in(page: Page, password: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("editor")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def open_draft(page: Page) -> None:
    page.locator("a[href='/admin/issues/issue/']").first.click()
    page.locator("#result_list tbody").filter(has_text="Draft").locator("a[href*=change]").first.click()
    expect(page.get_by_text("unless you hold it")).to_be_visible()


def rows(page: Page) -> Locator:
    return page.locator("#entries-group .form-group.original")


def titles(page: Page) -> list[str]:
    return page.locator("#entries-group .desk-paper > a").all_inner_texts()


def places(page: Page) -> list[str]:
    return [field.input_value() for field in page.locator("#entries-group [name$=-position]").all()]


def drag(page: Page, row: Locator, *, above: Locator) -> None:
    """Take a row by its handle and let it go above another, as a hand would."""
    handle = row.get_by_text("drag_indicator")
    above.evaluate("row => row.scrollIntoView()")
    handle.hover()
    page.mouse.down()
    target = above.bounding_box()
    assert target
    page.mouse.move(target["x"] + 30, target["y"] + 60, steps=8)
    page.mouse.move(target["x"] + 30, target["y"] + 4, steps=8)
    page.mouse.up()


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
    expect(paper.locator(".note")).to_contain_text(NOTE)
    shot(page, "home")


def is_withdrawn_only_after_a_question(page: Page) -> None:
    page.get_by_role("link", name="Withdraw…").click()
    page.get_by_label("Why").fill("A retracted paper leads.")
    page.get_by_role("button", name="Withdraw it for good").click()
    expect(page.get_by_text("nor does anybody later.")).to_be_visible()

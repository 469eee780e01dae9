"""An issue goes out and comes back by keyboard, and the home of the admin is looked at."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import log_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")
# Of the page's own part: what surrounds it is the theme's.
VIOLATIONS = """
async () => {
  const found = await axe.run(document.querySelector(".home, .desk-sheet"), {resultTypes: ["violations"]});
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
}
"""
DRAFT = """
from datetime import timedelta
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.papers.models import Paper
from subscribers.synthetic_subscribers import make_subscribers

now, day = clock.now(), clock.today() + timedelta(days=20)
title = "On publishing by keyboard"
paper = Paper.objects.create(key="url:keys", title=title, url="https://keys.example", first_seen_at=now, listed_on=day)
issue = Issue.objects.create(date=day, cutoff_at=cutoff_of(day))
IssueEntry.objects.create(issue=issue, paper=paper, position=1)
list(make_subscribers(20))
print(issue.pk)
"""


def test_an_issue_is_published_and_withdrawn_by_keyboard(open_page: Open, product: Product, shot: Shot) -> None:
    issue_id = product.run("shell", "--no-imports", "-c", DRAFT).stdout.strip()
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    page.goto(f"/admin/issues/issue/{issue_id}/change/")
    go_to(page, "link", "Publish…")
    expect(page.get_by_text("1 paper, ")).to_contain_text("readers over the next")
    is_sound(page, shot, "publish")
    go_to(page, "button", "Publish to ")
    expect(page.get_by_text("Published. Readers get it from now on")).to_be_visible()

    go_to(page, "link", "Withdraw…")
    expect(page.get_by_text("Would not get it: their hour is still to come")).to_be_visible()
    is_sound(page, shot, "withdraw")
    page.get_by_label("Why").focus()
    page.keyboard.type("It was a trial.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody gets it later.")).to_be_visible()


def test_the_home_of_the_admin_is_sound_at_any_width(open_page: Open, product: Product, shot: Shot) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    for name in ("Waiting for you", "The next issue", "Sending now", "Sources", "Readers", "The last issues"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    is_sound(page, shot, "home")


def go_to(page: Page, role: str, name: str) -> None:
    """Press what the Tab key comes to."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the Tab key does not come to {name}")


def is_sound(page: Page, shot: Shot, name: str) -> None:
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.reload()
        page.evaluate(AXE)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(VIOLATIONS) == []
            shot(page, f"{name}-{scheme}-{width}")
    page.set_viewport_size({"width": 1280, "height": 900})

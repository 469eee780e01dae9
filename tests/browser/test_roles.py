"""A draft's way to its readers through two pairs of hands, and every page of the desk in all its looks."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import log_in, stands_as, titles
from tests.browser.test_pages import AXE, FIND_TROUBLE
from tests.browser.test_publishing import go_to
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

PASSWORD = "a long one for a trial"
DESK = f"""
from datetime import timedelta
from django.contrib.auth.models import Group, User
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.papers.models import Paper, Proposal

now, day = clock.now(), clock.today() + timedelta(days=30)
for name, role in (("ada", "curator"), ("bo", "editor")):
    user = User.objects.create_user(name, f"{{name}}@paper-round.invalid", "{PASSWORD}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
issue = Issue.objects.create(date=day, cutoff_at=cutoff_of(day))
for place, title in enumerate(("On first things", "On second thoughts"), start=1):
    values = dict(title=title, url=f"https://roles.example/{{place}}", first_seen_at=now, listed_on=day)
    paper = Paper.objects.create(key=f"url:roles.example/{{place}}", **values)
    IssueEntry.objects.create(issue=issue, paper=paper, position=place)
Proposal.objects.create(key=paper.key, link=paper.url, paper=paper, why="It is right.", reader_key="a reader")
print(issue.pk)
"""
# One page a template: what the theme draws alike is looked at once.
PAGES = (
    "issues/issue/", "issues/issue/prepare/", "issues/issue/{issue}/statistics/", "issues/cutoff/",
    "papers/proposal/", "papers/proposal/{proposal}/change/", "papers/proposal/{proposal}/accept/",
    "auth/user/", "auth/user/add/", "auditlog/logentry/", "digests/sendingswitch/",
)  # fmt: skip
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1280)]


@pytest.fixture(scope="module")
def issue_id(product: Product) -> str:
    return product.run("shell", "--no-imports", "-c", DESK).stdout.strip()


def test_what_a_curator_arranges_by_keyboard_an_editor_publishes_by_mouse(
    open_page: Open, issue_id: str, shot: Shot
) -> None:
    ada = open_page(viewport={"width": 1280, "height": 900})
    log_in(ada, PASSWORD, "ada")
    ada.goto(f"/admin/issues/issue/{issue_id}/change/")
    expect(ada.get_by_text("To publish or hold it, ask bo or editor.")).to_be_visible()
    expect(ada.get_by_role("link", name="Publish…")).to_have_count(0)
    first, second = titles(ada)
    go_to(ada, "button", f"Up: {second}")
    stands_as(ada, [second, first])
    shot(ada, "curator")
    go_to(ada, "link", "Preview")
    expect(ada.frame_locator("iframe[title='The mail as HTML']").locator("h2 a")).to_have_text([second, first])
    answer = ada.goto(f"/admin/issues/issue/{issue_id}/publish/")
    assert answer
    assert answer.status == 403

    bo = open_page(viewport={"width": 390, "height": 844})
    log_in(bo, PASSWORD, "bo")
    bo.goto(f"/admin/issues/issue/{issue_id}/change/")
    stands_as(bo, [second, first])
    bo.get_by_role("link", name="Publish…").click()
    bo.get_by_role("button", name="Publish to ").click()
    expect(bo.get_by_text("Published. Readers get it from now on")).to_be_visible()
    ada.goto(f"/admin/issues/issue/{issue_id}/change/")
    expect(ada.get_by_text("UTC by bo")).to_be_visible()


def test_every_page_of_the_desk_is_whole_and_accessible(
    open_page: Open, product: Product, issue_id: str, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    page.goto("/admin/papers/proposal/")
    link = page.locator("#result_list tbody a").first.get_attribute("href") or ""
    ids = {"issue": issue_id, "proposal": link.split("/")[-3]}
    found = [trouble for path in PAGES for trouble in troubles_of(page, path.format(**ids), shot)]
    assert found == []


def troubles_of(page: Page, path: str, shot: Shot) -> list[str]:
    page.goto(f"/admin/{path}")
    page.evaluate(AXE)
    found = []
    for scheme, width in LOOKS:
        page.evaluate("isDark => document.documentElement.classList.toggle('dark', isDark)", scheme == "dark")
        page.set_viewport_size({"width": width, "height": 900})
        shot(page, f"{path}-{width}-{scheme}")
        troubles = page.evaluate(FIND_TROUBLE)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            troubles.append(f"{wide - width} px too wide")
        found += [f"{path}, {width}, {scheme}: {trouble}" for trouble in troubles]
    return found

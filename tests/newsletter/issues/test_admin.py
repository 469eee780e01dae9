"""The desk on which editors curate, through the pages they see."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsletter.issues import drafting
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Paper
from tests.factories import MONDAY, MORNING, IssueFactory, PaperFactory, TopicFactory, published_issue
from tests.pages import form_of
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Issue.Status
OnCommit = Callable[..., AbstractContextManager[list[Any]]]
DAY = timedelta(days=1)


class Desk:
    """One issue's page, as an editor who is logged in uses it."""

    def __init__(self, client: Client, issue: Issue) -> None:
        self.client, self.pk = client, issue.pk
        self.path = f"/admin/issues/issue/{issue.pk}/change/"
        self.said: list[str] = []

    @property
    def page(self) -> str:
        response = self.client.get(self.path)
        assert response.status_code == 200
        return response.content.decode()

    @property
    def issue(self) -> Issue:
        return Issue.objects.get(pk=self.pk)

    def submit(self, button: str = "_continue", rows: dict[Paper, dict[str, str]] | None = None, **typed: str) -> None:
        """Press a button, having typed into the issue's fields and into the rows of some papers."""
        answers = form_of(self.page, "issue_form")
        prefixes = {value: name.removesuffix("-id") for name, value in answers.items() if name.endswith("-id")}
        for paper, changes in (rows or {}).items():
            prefix = prefixes[str(self.entry(paper).pk)]
            answers |= {f"{prefix}-{name}": value for name, value in changes.items()}
        name = button if button.startswith("_") else f"issues_issue_{button}"
        response = self.client.post(self.path, answers | typed | {name: "1"})
        assert response.status_code == 302, response.content.decode()
        self.said = [str(message) for message in get_messages(response.wsgi_request)]

    def press(self, page: str, **typed: str) -> None:
        """Press the button of the page that asks before an issue goes out or comes back."""
        path = f"/admin/issues/issue/{self.pk}/{page}/"
        fields = dict(re.findall(r'name="(\w+)" value="(\d+)"', self.client.get(path).content.decode()))
        response = self.client.post(path, fields | {"act": page} | typed)
        self.said = [str(message) for message in get_messages(response.wsgi_request)]

    def entry(self, paper: Paper) -> IssueEntry:
        return IssueEntry.objects.get(issue=self.pk, paper=paper)

    def front(self) -> list[Paper]:
        rows = self.issue.entries.front().kept().order_by("position", "pk")
        return [entry.paper for entry in rows.select_related("paper") if entry.paper]


@pytest.fixture
def papers() -> list[Paper]:
    return [PaperFactory(score=score, title=f"Paper {number}") for number, score in enumerate((9, 8, 7), start=1)]


@pytest.fixture
def desk(admin_client: Client, papers: list[Paper]) -> Desk:
    return Desk(admin_client, drafting.draft_issue(MONDAY))


def test_an_editor_sees_the_front_with_what_speaks_for_each_paper(desk: Desk, papers: list[Paper]) -> None:
    Paper.objects.update(votes=41)
    page = desk.page
    for words in ("Paper 1", "Paper 2", "Paper 3", "41 votes", "4 May"):
        assert words in page


def test_a_page_that_is_only_saved_changes_nothing(desk: Desk) -> None:
    before = Issue.objects.values().get(), list(IssueEntry.objects.order_by("pk").values())
    desk.submit()
    assert (Issue.objects.values().get(), list(IssueEntry.objects.order_by("pk").values())) == before


def test_an_editor_reorders_the_front_and_a_refresh_keeps_the_order(desk: Desk, papers: list[Paper]) -> None:
    one, two, three = papers
    desk.submit(rows={one: {"position": "3"}, two: {"position": "1"}, three: {"position": "2"}})
    assert desk.front() == [two, three, one]
    Paper.objects.filter(pk=one.pk).update(score=99)
    newcomer = PaperFactory(score=50)
    drafting.draft_issue(MONDAY)
    assert desk.front() == [two, three, one, newcomer]


def test_an_editor_drops_a_paper_and_takes_it_back(desk: Desk, papers: list[Paper]) -> None:
    one, two, three = papers
    desk.submit(rows={two: {"is_dropped": "on"}})
    assert desk.entry(two).dropped_at == MORNING
    drafting.draft_issue(MONDAY)
    assert desk.front() == [one, three]

    desk.submit(rows={two: {"is_dropped": ""}})
    assert desk.entry(two).dropped_at is None


def test_an_editor_picks_and_annotates(desk: Desk, papers: list[Paper]) -> None:
    desk.submit(rows={papers[1]: {"is_pick": "on", "note": "Read the appendix."}})
    entry = desk.entry(papers[1])
    assert (entry.is_pick, entry.note) == (True, "Read the appendix.")


def test_what_is_saved_when_it_is_published_is_what_is_frozen(
    desk: Desk, papers: list[Paper], client: Client, admin_user: User
) -> None:
    one, two, three = papers
    desk.submit(
        rows={
            one: {"position": "2", "is_dropped": "on"},
            two: {"position": "3", "is_pick": "on"},
            three: {"position": "1", "note": "First today."},
        },
        intro="Good morning.",
        subject="What a Monday",
    )
    desk.press("publish")
    issue = desk.issue
    assert (issue.status, issue.published_at, issue.curated_by) == (Status.PUBLISHED, MORNING, admin_user)
    assert (issue.intro, issue.subject) == ("Good morning.", "What a Monday")
    assert desk.front() == [three, two]
    assert [desk.entry(paper).position for paper in (three, two)] == [1, 2]
    assert all(desk.entry(paper).snapshot for paper in papers)
    page = client.get("/issues/2026-05-04/").content.decode()
    assert "Good morning." in page
    assert "First today." in page
    assert "Paper 1" not in page


def test_an_issue_without_papers_is_not_published_and_the_editor_is_told(admin_client: Client) -> None:
    desk = Desk(admin_client, IssueFactory())
    desk.submit(intro="Good morning.")
    desk.press("publish")
    assert desk.issue.status == Status.DRAFT
    assert desk.issue.intro == "Good morning."
    assert desk.said == ["The issue of 2026-05-04 has no paper on its front. Nothing was published."]


def test_an_issue_is_held_and_released(desk: Desk) -> None:
    desk.submit("hold")
    assert desk.issue.status == Status.HELD
    desk.submit("release")
    assert desk.issue.status == Status.DRAFT


def test_a_held_issue_can_be_published(desk: Desk) -> None:
    desk.submit("hold")
    desk.press("publish")
    assert desk.issue.status == Status.PUBLISHED


def test_a_published_issue_is_withdrawn_for_good(desk: Desk) -> None:
    desk.press("publish")
    desk.press("withdraw", reason="A retraction.")
    assert desk.issue.status == Status.WITHDRAWN
    page = desk.page
    assert not any(f"issues_issue_{button}" in page for button in ("publish", "hold", "release", "withdraw"))


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        (Status.DRAFT, {"hold", "send_to_me"}),
        (Status.HELD, {"release", "send_to_me"}),
        (Status.PUBLISHED, {"send_to_me"}),
        (Status.WITHDRAWN, {"send_to_me"}),
    ],
)
def test_the_buttons_are_those_that_fit(admin_client: Client, status: str, buttons: set[str]) -> None:
    page = Desk(admin_client, IssueFactory(status=status, published_at=MORNING)).page
    every = ("publish", "hold", "release", "withdraw", "send_to_me")
    assert {button for button in every if f'name="issues_issue_{button}"' in page} == buttons


def test_a_button_that_fits_no_more_does_nothing(desk: Desk) -> None:
    page = desk.page
    desk.issue.move_to(Status.PUBLISHED, published_at=MORNING)
    desk.client.post(desk.path, form_of(page, "issue_form") | {"issues_issue_hold": "1"})
    assert desk.issue.status == Status.PUBLISHED


def test_what_is_published_is_changed_by_dropping_only(desk: Desk, papers: list[Paper]) -> None:
    page = desk.page
    desk.press("publish")
    before = Issue.objects.values().get()
    answers = form_of(page, "issue_form")  # a page opened before somebody published it
    answers |= {name: "Sneaked in." for name in answers if name in {"intro", "subject"} or name.endswith("-note")}
    desk.client.post(desk.path, answers | {"_continue": "1"})
    assert Issue.objects.values().get() == before
    assert not IssueEntry.objects.exclude(note="").exists()

    desk.submit(rows={papers[0]: {"is_dropped": "on"}})
    assert desk.front() == papers[1:]


def test_a_dropped_paper_that_led_a_later_issue_is_not_taken_back(desk: Desk, papers: list[Paper]) -> None:
    desk.press("publish")
    desk.submit(rows={papers[0]: {"is_dropped": "on"}})
    published_issue(MONDAY + DAY, papers[0])
    response = desk.client.post(
        desk.path,
        {k: v for k, v in form_of(desk.page, "issue_form").items() if not k.endswith("is_dropped")}
        | {"_continue": "1"},
    )
    assert response.status_code == 200
    assert "cannot be put back" in response.content.decode()
    assert desk.entry(papers[0]).dropped_at == MORNING


def test_the_draft_is_mailed_to_the_editor_as_a_test_as_it_was_just_saved(
    desk: Desk, papers: list[Paper], worker: None, django_capture_on_commit_callbacks: OnCommit, admin_user: User
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        desk.submit("send_to_me", intro="Good morning.", rows={papers[0]: {"is_dropped": "on"}})
    (message,) = sent()
    assert message.to == [admin_user.email]
    assert message.subject.startswith("[Test] ")
    for part in (message.body, message.alternatives[0][0]):
        assert "Good morning." in part
        assert "Paper 2" in part
        assert "Paper 1" not in part
    assert desk.issue.status == Status.DRAFT


def test_an_editor_without_an_address_is_told_to_get_one(
    desk: Desk, admin_user: User, worker: None, django_capture_on_commit_callbacks: OnCommit
) -> None:
    User.objects.update(email="")
    with django_capture_on_commit_callbacks(execute=True):
        desk.submit("send_to_me")
    assert sent() == []
    assert "Your account has no email address" in desk.said[0]


@pytest.mark.parametrize("path", ["/admin/issues/issue/", "/admin/issues/issue/1/change/"])
def test_the_desk_is_for_editors(client: Client, path: str) -> None:
    IssueFactory(pk=1)
    assert client.get(path)["Location"].startswith("/admin/login/")


def test_issues_are_neither_added_nor_deleted_by_hand(desk: Desk) -> None:
    assert desk.client.get("/admin/issues/issue/add/").status_code == 403
    assert desk.client.post(f"/admin/issues/issue/{desk.pk}/delete/", {"post": "yes"}).status_code == 403


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_list_runs_no_query_a_row(admin_client: Client, admin_user: User) -> None:
    def make(start: int, end: int) -> None:
        for days in range(start, end):
            IssueFactory(date=MONDAY + days * DAY, curated_by=admin_user)

    make(0, 3)
    few = queries(admin_client, "/admin/issues/issue/")
    make(3, 30)
    assert queries(admin_client, "/admin/issues/issue/") == few


def test_an_issues_page_runs_no_query_a_paper(admin_client: Client) -> None:
    topics = TopicFactory.create_batch(2)
    PaperFactory.create_batch(3, topics=topics)
    desk = Desk(admin_client, drafting.draft_issue(MONDAY))
    few = queries(admin_client, desk.path)
    PaperFactory.create_batch(27, topics=topics)
    drafting.draft_issue(MONDAY)
    assert queries(admin_client, desk.path) == few

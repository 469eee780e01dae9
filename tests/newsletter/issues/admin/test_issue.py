"""The desk on which editors curate, through the pages they see."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client

from newsletter.issues import draft as drafting
from newsletter.issues.desk.actions import ACTS
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Paper
from tests.factories import MONDAY, MORNING, IssueFactory, PaperFactory, SightingFactory, TopicFactory
from tests.pages import form_of
from tests.provider import sent
from tests.queries import page_query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Issue.Status
OnCommit = Callable[..., AbstractContextManager[list[Any]]]
DAY = timedelta(days=1)


class Desk:
    """One issue's page, as an editor who is logged in uses it without a script."""

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

    def press(self, button: str) -> None:
        """Press one of the issue's own buttons."""
        answers = form_of(self.page, "issue_form") | {f"issues_issue_{button}": "1"}
        self.hear(self.client.post(self.path, answers))

    def confirm(self, page: str, **typed: str) -> None:
        """Press the button of the page that asks before an issue goes out or comes back."""
        path = f"/admin/issues/issue/{self.pk}/{page}/"
        fields = dict(re.findall(r'name="(\w+)" value="(\d+)"', self.client.get(path).content.decode()))
        response = self.client.post(path, fields | {"act": page} | typed)
        self.said = [str(message) for message in get_messages(response.wsgi_request)]

    def do(self, act: str, about: Paper | None = None, **typed: object) -> None:
        """Do something on a page that was just opened, and come back to it."""
        self.hear(self.post(act, about, False, **typed))

    def post(self, act: str, about: Paper | None = None, is_script: bool = False, **typed: object) -> HttpResponse:
        values = {"seen": self.issue.revision} | ({"entry": self.entry(about).pk} if about else {}) | typed
        headers = {"HX-Request": "true"} if is_script else {}
        return self.client.post(self.act_path(act), values, headers=headers)  # type: ignore[return-value]

    def act_path(self, act: str) -> str:
        return f"/admin/issues/issue/{self.pk}/acts/{act}/"

    def hear(self, response: Any) -> None:
        assert response.status_code == 302, response.content.decode()
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


def test_an_editor_sees_the_front_with_what_speaks_for_each_paper(admin_client: Client) -> None:
    topic = TopicFactory(name="Language")
    paper = PaperFactory(title="Paper 1", topics=[topic], proposed_by="a reader")
    SightingFactory(paper=paper, votes=41)
    Paper.objects.update(votes=41, score=12.34)
    page = Desk(admin_client, drafting.draft_issue(MONDAY)).page
    words = ("Paper 1", "41 votes", "Score 12.3", "listed today", "4 May", "Language", "cs.CL", "Proposed by a reader")
    for word in (*words, "Ada Example and Bo Sample", "We show a thing."):
        assert word in page


def test_a_card_of_what_is_published_shows_what_readers_got(desk: Desk, papers: list[Paper]) -> None:
    desk.confirm("publish")
    Paper.objects.update(title="Another title", abstract="Another abstract.")
    page = desk.page
    assert "Paper 1" in page
    assert "Another" not in page


def test_an_editor_gives_a_paper_a_place(desk: Desk, papers: list[Paper]) -> None:
    one, two, three = papers
    desk.do("move", one, place=3)
    assert desk.front() == [two, three, one]
    assert desk.said == ["“Paper 1” is at place 3."]
    desk.do("move", one, place=3, to=2)  # by a button, whatever stands in the field
    assert desk.front() == [two, one, three]


def test_an_editor_drops_a_paper_and_takes_it_back(desk: Desk, papers: list[Paper]) -> None:
    one, two, three = papers
    desk.do("drop", two)
    assert desk.front() == [one, three]
    assert f'id="restore-{desk.entry(two).pk}"' in desk.page
    desk.do("restore", two)
    assert desk.front() == [one, two, three]


def test_an_editor_picks_annotates_and_summarizes(desk: Desk, papers: list[Paper]) -> None:
    desk.do("pick", papers[1], is_pick="true")
    desk.do("note", papers[1], note="Read the *appendix*.\r\nAll of it.", note_is_draft="1")
    desk.do("summary", papers[1], summary="In short.")
    entry = desk.entry(papers[1])
    assert (entry.is_pick, entry.note, entry.note_is_draft) == (True, "Read the *appendix*.\nAll of it.", True)
    assert entry.summary == "In short."
    assert "<em>appendix</em>" in desk.page
    desk.do("pick", papers[1], is_pick="false")
    assert not desk.entry(papers[1]).is_pick


def test_an_editor_writes_subject_intro_size_and_cutoff(desk: Desk) -> None:
    desk.do("subject", subject="What a Monday")
    desk.do("intro", intro="Good morning.")
    desk.do("front-size", front_size=12)
    desk.do("cutoff", cutoff_at="2026-05-04T06:30")
    issue = desk.issue
    assert (issue.subject, issue.intro, issue.front_size) == ("What a Monday", "Good morning.", 12)
    assert issue.cutoff_at == MORNING + timedelta(minutes=90)


def test_a_paper_is_found_by_words_and_pulled_in(desk: Desk, papers: list[Paper]) -> None:
    old = PaperFactory(title="An old friend", listed_on=MONDAY - 300 * DAY)
    page = desk.client.get(desk.path, {"q": "old friend"}).content.decode()
    assert f'name="paper" value="{old.pk}"' in page
    desk.do("pull-in", None, paper=old.pk, place=2)
    assert desk.front() == [papers[0], old, *papers[1:]]


def test_a_paper_is_pulled_in_by_its_link(desk: Desk, papers: list[Paper]) -> None:
    old = PaperFactory(key="arxiv:2401.00001", listed_on=MONDAY - 300 * DAY)
    desk.do("pull-in", None, link="https://arxiv.org/abs/2401.00001v2")
    assert desk.front() == [*papers, old]


def test_a_link_that_leads_to_no_paper_is_answered_in_words(desk: Desk) -> None:
    response = desk.post("pull-in", None, link="https://example.org/")
    assert response.status_code == 422
    assert "This is not the link of a paper" in response.content.decode()


def test_a_free_item_is_added_edited_and_removed(desk: Desk, papers: list[Paper]) -> None:
    desk.do("add-item", None, title="A workshop", url="https://example.org/", text="Join us.", place=1)
    item = desk.issue.entries.get(paper=None)
    assert "A workshop" in desk.page
    desk.do("edit-item", None, entry=item.pk, title="Two workshops", url="", text="")
    assert "Two workshops" in desk.page
    desk.do("remove-item", None, entry=item.pk)
    assert desk.front() == papers


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.org/", "example"])
def test_a_free_item_links_to_the_web_only(desk: Desk, url: str) -> None:
    assert desk.post("add-item", None, title="A workshop", url=url).status_code == 422
    assert not desk.issue.entries.filter(paper=None).exists()


def test_a_script_gets_the_parts_that_changed_and_the_new_revision(desk: Desk, papers: list[Paper]) -> None:
    entry = desk.entry(papers[0])
    card = desk.post("pick", papers[0], is_script=True, is_pick="true").content.decode()
    assert f'data-revision="{desk.issue.revision}"' in card
    assert f'id="entry-{entry.pk}"' in card
    assert f'id="entry-{desk.entry(papers[1]).pk}"' not in card
    lists = desk.post("drop", papers[0], is_script=True).content.decode()
    assert all(f'id="{part}"' in lists for part in ("desk-front", "desk-dropped"))
    assert 'id="desk-heading"' in desk.post("subject", is_script=True, subject="Mine").content.decode()


@pytest.mark.parametrize("is_script", [True, False])
def test_a_stale_page_is_refused_and_returns_the_typed_text(desk: Desk, papers: list[Paper], is_script: bool) -> None:
    behind = desk.issue.revision
    desk.do("note", papers[0], note="Theirs.")
    response = desk.post("note", papers[0], is_script=is_script, seen=behind, note="Mine.")
    assert response.status_code == 409
    assert "Somebody else changed this issue" in response.content.decode()
    assert ("Mine." in response.content.decode()) is not is_script  # a script's page has it still
    assert desk.entry(papers[0]).note == "Theirs."


def test_what_is_typed_is_shown_as_words_and_not_as_markup(desk: Desk, papers: list[Paper]) -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) <b onclick=x>b</b>"
    desk.do("note", papers[0], note=hostile)
    desk.do("subject", subject=hostile)
    page = desk.page
    assert "<script>alert" not in page
    assert "<b onclick" not in page
    assert 'href="javascript' not in page


def test_a_note_is_previewed_as_readers_see_it(desk: Desk) -> None:
    response = desk.client.post(
        f"/admin/issues/issue/{desk.pk}/note/", {"note": "**Strong** `x` [a](https://a.example)"}
    )
    page = response.content.decode()
    assert "<strong>Strong</strong> <code>x</code>" in page
    assert 'href="https://a.example"' in page


def test_what_is_arranged_and_published_is_what_is_frozen(
    desk: Desk, papers: list[Paper], client: Client, admin_user: User
) -> None:
    one, two, three = papers
    desk.do("drop", one)
    desk.do("move", three, place=1)
    desk.do("pick", two, is_pick="true")
    desk.do("note", three, note="First today.")
    desk.do("intro", intro="Good morning.")
    desk.confirm("publish")
    issue = desk.issue
    assert (issue.status, issue.published_at, issue.curated_by) == (Status.PUBLISHED, MORNING, admin_user)
    assert desk.front() == [three, two]
    assert [desk.entry(paper).position for paper in (three, two)] == [1, 2]
    assert all(desk.entry(paper).snapshot for paper in papers)
    page = client.get("/issues/2026-05-04/").content.decode()
    assert "Good morning." in page
    assert "First today." in page
    assert "Paper 1" not in page


def test_an_issue_without_papers_is_not_published_and_the_editor_sees_why(admin_client: Client) -> None:
    desk = Desk(admin_client, IssueFactory())
    desk.confirm("publish")
    assert desk.issue.status == Status.DRAFT
    assert desk.said == [
        "The front is empty. An issue without a paper cannot be published. Add a paper. Nothing was published."
    ]


def test_an_issue_is_held_and_released(desk: Desk) -> None:
    desk.press("hold")
    assert desk.issue.status == Status.HELD
    desk.press("release")
    assert desk.issue.status == Status.DRAFT


def test_a_held_issue_can_be_published(desk: Desk) -> None:
    desk.press("hold")
    desk.confirm("publish")
    assert desk.issue.status == Status.PUBLISHED


def test_only_who_may_publish_takes_a_paper_out_of_what_is_published(
    desk: Desk, papers: list[Paper], client: Client
) -> None:
    desk.confirm("publish")
    curator = User.objects.create_user("curator", is_staff=True)
    curator.user_permissions.add(*Permission.objects.filter(codename__in=("view_issue", "change_issue")))
    client.force_login(curator)
    assert Desk(client, desk.issue).post("drop", papers[0]).status_code == 403
    assert "/acts/drop/" not in Desk(client, desk.issue).page
    assert desk.front() == papers


def test_a_published_issue_is_withdrawn_for_good(desk: Desk) -> None:
    desk.confirm("publish")
    desk.confirm("withdraw", reason="A retraction.")
    assert desk.issue.status == Status.WITHDRAWN
    page = desk.page
    assert not any(f"issues_issue_{button}" in page for button in ("publish", "hold", "release", "withdraw"))


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        (Status.DRAFT, {"hold"}),
        (Status.HELD, {"release"}),
        (Status.PUBLISHED, set()),
        (Status.WITHDRAWN, set()),
    ],
)
def test_the_buttons_are_those_that_fit(admin_client: Client, status: str, buttons: set[str]) -> None:
    page = Desk(admin_client, IssueFactory(status=status, published_at=MORNING)).page
    every = ("publish", "hold", "release", "withdraw")
    assert {button for button in every if f'name="issues_issue_{button}"' in page} == buttons


def test_a_button_that_fits_no_more_does_nothing(desk: Desk) -> None:
    page = desk.page
    desk.issue.move_to(Status.PUBLISHED, published_at=MORNING)
    desk.client.post(desk.path, form_of(page, "issue_form") | {"issues_issue_hold": "1"})
    assert desk.issue.status == Status.PUBLISHED


def test_what_is_published_can_only_be_dropped(desk: Desk, papers: list[Paper]) -> None:
    desk.confirm("publish")
    page = desk.page
    assert "textarea" not in page
    assert "/acts/note/" not in page
    assert "/acts/drop/" in page
    desk.do("drop", papers[0])
    assert desk.front() == papers[1:]
    assert "/acts/restore/" not in desk.page
    assert desk.post("restore", papers[0]).status_code == 422


def test_a_page_opened_before_the_issue_was_published_drops_nothing_for_good(desk: Desk, papers: list[Paper]) -> None:
    draft = desk.issue.revision
    desk.confirm("publish")
    assert desk.post("drop", papers[0], seen=draft).status_code == 409
    assert desk.front() == papers


def test_the_draft_is_mailed_to_the_editor_as_a_test_as_it_was_just_saved(
    desk: Desk, papers: list[Paper], worker: None, django_capture_on_commit_callbacks: OnCommit, admin_user: User
) -> None:
    desk.do("intro", intro="Good morning.")
    desk.do("drop", papers[0])
    with django_capture_on_commit_callbacks(execute=True):
        desk.client.post(f"/admin/issues/issue/{desk.pk}/test/", {"editors": admin_user.pk})
    (message,) = sent()
    assert message.to == [admin_user.email]
    assert message.subject.startswith("[Test] ")
    for part in (message.body, message.alternatives[0][0]):
        assert "Good morning." in part
        assert "Paper 2" in part
        assert "Paper 1" not in part
    assert desk.issue.status == Status.DRAFT


PAGES = ["", "1/change/", "1/acts/drop/", "1/find/", "1/note/"]


@pytest.mark.parametrize("path", PAGES)
def test_the_desk_is_for_editors(client: Client, path: str) -> None:
    IssueFactory(pk=1)
    assert client.get(f"/admin/issues/issue/{path}")["Location"].startswith("/admin/login/")


@pytest.fixture
def onlooker(client: Client) -> Client:
    """Somebody who may look at issues and change none."""
    user = User.objects.create_user("olaf", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_issue"))
    client.force_login(user)
    return client


@pytest.mark.parametrize("act", sorted(ACTS))
def test_who_may_not_change_issues_does_nothing_to_one(act: str, onlooker: Client, papers: list[Paper]) -> None:
    desk = Desk(onlooker, drafting.draft_issue(MONDAY))
    values = {"paper": papers[0].pk, "place": 2, "title": "Mine", "subject": "Mine", "front_size": 9}
    before = Issue.objects.values().get(), list(IssueEntry.objects.order_by("pk").values())
    for is_script in (True, False):
        assert desk.post(act, papers[1], is_script=is_script, **values).status_code == 403
    assert (Issue.objects.values().get(), list(IssueEntry.objects.order_by("pk").values())) == before


def test_who_may_only_look_sees_the_cards_and_no_button(onlooker: Client, papers: list[Paper]) -> None:
    desk = Desk(onlooker, drafting.draft_issue(MONDAY))
    page = desk.page
    assert "Paper 1" in page
    assert "/acts/note/" not in page
    assert "/acts/drop/" not in page
    assert "issues_issue_publish" not in page
    assert onlooker.get(f"/admin/issues/issue/{desk.pk}/find/", {"q": "Paper"}).status_code == 403
    assert onlooker.post(f"/admin/issues/issue/{desk.pk}/note/", {"note": "x"}).status_code == 403


def test_an_act_is_posted_and_known(desk: Desk) -> None:
    assert desk.client.get(desk.act_path("drop")).status_code == 405
    assert desk.post("explode").status_code == 404


def test_issues_are_neither_added_nor_deleted_by_hand(desk: Desk) -> None:
    assert desk.client.get("/admin/issues/issue/add/").status_code == 403
    assert desk.client.post(f"/admin/issues/issue/{desk.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_issues_page_runs_no_query_a_paper(admin_client: Client) -> None:
    topics = TopicFactory.create_batch(2)
    PaperFactory.create_batch(3, topics=topics, votes=1)
    desk = Desk(admin_client, drafting.draft_issue(MONDAY))
    few = page_query_count(admin_client, desk.path)
    PaperFactory.create_batch(37, topics=topics, votes=1)
    drafting.draft_issue(MONDAY)
    assert desk.page.count('class="desk-card') == 40
    assert page_query_count(admin_client, desk.path) == few

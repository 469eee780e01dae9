from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User

from newsletter.issues import draft, publish
from newsletter.issues.desk import proposal_decisions
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import proposals as proposing
from newsletter.papers.models import Paper, Proposal
from tests.factories import MONDAY, MORNING, PaperFactory, published_issue
from tests.rivals import between

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Proposal.Status
LINK = "https://arxiv.org/abs/2605.00658"
SetClock = Callable[[datetime], None]


@pytest.fixture
def editor() -> User:
    return User.objects.create_user("mara")


def proposed(link: str = LINK, *readers: str) -> Proposal:
    for reader in readers or ("ada",):
        proposing.propose(proposing.read_link(link), f"{reader} likes it.", reader)
    return Proposal.objects.alike(proposing.read_link(link).key)[0]


def front(issue: Issue) -> list[str]:
    return [entry.title for entry in issue.entries.front().kept().order_by("position", "pk")]


def test_an_accepted_paper_enters_the_draft_marked_and_stays_there(editor: User) -> None:
    PaperFactory.create_batch(3)
    paper = PaperFactory(key="arxiv:2605.00658", title="Proposed", listed_on=MONDAY - timedelta(days=200))
    draft.draft_next_issue()
    before = Issue.objects.get().revision
    words = proposal_decisions.accept(proposed(LINK, "ada", "bo"), editor, "Thank you.")
    assert words == "It is in the draft of 4 May, at the end."
    issue = draft.draft_next_issue()
    assert front(issue)[-1] == "Proposed"
    assert issue.revision == before + 1
    assert set(Proposal.objects.values_list("status", "answer", "paper", "decided_by")) == {
        ("accepted", "Thank you.", paper.pk, editor.pk)
    }
    publish.publish(issue)
    assert issue.entries.get(paper=paper).snapshot["proposed_by"] == "a reader"


def test_each_decision_is_kept_with_who_took_it(editor: User) -> None:
    PaperFactory(key="arxiv:2605.00658")
    proposal_decisions.accept(proposed(), editor)
    proposal_decisions.decline(proposed("10.1000/x"), editor, "Not now.")
    acts = [(entry.actor, entry.additional_data["act"]) for entry in LogEntry.objects.order_by("pk")]
    assert acts == [(editor, "accepted"), (editor, "added a reader’s proposal"), (editor, "declined")]
    assert LogEntry.objects.latest("pk").changes["status"] == ["New", "Declined"]


def test_two_editors_decide_once(editor: User) -> None:
    proposal = proposed()
    proposal_decisions.decline(proposal, editor)
    with pytest.raises(proposal_decisions.EditRefused, match="Somebody else"):
        proposal_decisions.accept(proposal, editor)


def test_what_was_on_a_front_before_is_not_taken_in_again(editor: User) -> None:
    paper = PaperFactory(key="arxiv:2605.00658")
    proposal = proposed()
    published_issue(MONDAY, paper)
    with pytest.raises(proposal_decisions.EditRefused, match="on the front of 4 May 2026"):
        proposal_decisions.accept(proposal, editor)
    assert Proposal.objects.get().status == Status.NEW


def test_a_paper_of_the_shelf_and_a_dropped_one_come_to_the_front(editor: User) -> None:
    papers = PaperFactory.create_batch(2)
    issue = Issue.objects.create(date=MONDAY, cutoff_at=MORNING)
    issue.entries.create(paper=papers[0], shelf=IssueEntry.Shelf.SHELF)
    issue.entries.create(paper=papers[1], dropped_at=MORNING)
    for paper in papers:
        proposal_decisions.accept(proposed(paper.url), editor)
    assert front(issue) == [paper.title for paper in papers]


def test_a_paper_that_is_on_the_drafts_front_keeps_its_place_and_is_marked(editor: User) -> None:
    papers = PaperFactory.create_batch(3)
    issue = draft.draft_next_issue()
    before = front(issue)
    first = issue.entries.front().order_by("position")[0].paper
    assert first in papers
    proposal_decisions.accept(proposed(first.url), editor)
    assert front(issue) == before
    first.refresh_from_db()
    assert first.proposed_by == "a reader"


def test_an_unknown_paper_is_taken_in_once_it_is_found(editor: User) -> None:
    words = proposal_decisions.accept(proposed(), editor)
    assert "being fetched" in words
    assert not Issue.objects.exists()
    PaperFactory(key="arxiv:2605.00658", title="Found")
    proposal_decisions.enter_accepted()
    proposal_decisions.enter_accepted()
    assert front(Issue.objects.get()) == ["Found"]
    assert Proposal.objects.get().entered_at is not None


def test_what_cannot_be_found_is_in_the_queue_again_and_says_why(editor: User) -> None:
    proposal_decisions.accept(proposed(LINK, "ada", "bo"), editor)
    proposal_decisions.enter_accepted()
    assert {(row.status, bool(row.trouble), row.decided_by) for row in Proposal.objects.all()} == {("new", True, None)}
    proposal_decisions.decline(Proposal.objects.all()[0], editor)
    assert {row.trouble for row in Proposal.objects.all()} == {""}


def test_what_is_no_paper_comes_as_a_free_item_with_a_title(editor: User) -> None:
    PaperFactory(title="A paper")
    proposal = proposed("https://example.org/talk")
    with pytest.raises(proposal_decisions.EditRefused, match="Give it a title"):
        proposal_decisions.accept(proposal, editor)
    proposal_decisions.accept(proposal, editor, title="A talk", text="Worth an hour.")
    issue = draft.draft_next_issue()
    assert front(issue) == ["A paper", "A talk"]
    publish.publish(issue)
    card = issue.entries.get(paper=None).snapshot
    assert (card["url"], card["summary"], card["proposed_by"]) == (
        "https://example.org/talk", "Worth an hour.", "a reader"
    )  # fmt: skip


def test_a_withdrawn_paper_is_not_taken_in(editor: User) -> None:
    PaperFactory(key="arxiv:2605.00658", withdrawn_at=MORNING)
    with pytest.raises(proposal_decisions.EditRefused, match="withdrawn"):
        proposal_decisions.accept(proposed(), editor)
    assert Paper.objects.get().proposed_by == ""


@pytest.mark.django_db(transaction=True)
def test_a_proposal_that_comes_while_editors_decide_waits_for_the_decision(editor: User) -> None:
    proposal = proposed()

    def late() -> proposing.ProposalResult:
        return proposing.propose(proposing.read_link(LINK), "", "bo")

    with between('UPDATE "papers_proposal"', late) as raised:
        proposal_decisions.decline(proposal, editor)
    assert "lock timeout" in str(raised[0])
    assert late() == proposing.ProposalResult.DECLINED
    assert Proposal.objects.count() == 1

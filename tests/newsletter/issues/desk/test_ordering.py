"""What editors do to a front, and to each other."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues import draft
from newsletter.issues.desk import ordering, wording
from newsletter.issues.desk.actions import AddItem, Subject
from newsletter.issues.desk.edit_lock import Edit, EditRefused, Stale
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, TopicFactory, published_issue
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)


@pytest.fixture
def papers() -> list[Paper]:
    return [PaperFactory(score=score, title=f"Paper {number}") for number, score in enumerate((9, 8, 7), start=1)]


@pytest.fixture
def issue(papers: list[Paper]) -> Issue:
    return draft.draft_issue(MONDAY)


@pytest.fixture
def editor() -> User:
    return User.objects.create_user("iris")


@pytest.fixture
def edit(issue: Issue, editor: User) -> Callable[[], Edit]:
    """Open the issue's page, as it were."""
    return lambda: Edit(issue, editor, Issue.objects.get(pk=issue.pk).revision)


def entry_id(issue: Issue, paper: Paper) -> int:
    return IssueEntry.objects.get(issue=issue, paper=paper).pk


def front(issue: Issue) -> list[str]:
    return [entry.title for entry in issue.entries.front().kept().select_related("paper")]


def last_act() -> tuple[object, str, dict[str, list[str]]]:
    entry = LogEntry.objects.latest("pk")
    return entry.actor, entry.additional_data["act"], entry.changes


# Order


@given(st.data())
def test_a_moved_entry_gets_the_place_asked_for_and_the_others_keep_their_order(data: st.DataObject) -> None:
    dropped = data.draw(st.lists(st.booleans(), min_size=1, max_size=40))
    entries = [IssueEntry(pk=pk, dropped_at=MORNING if is_dropped else None) for pk, is_dropped in enumerate(dropped)]
    moved = data.draw(st.sampled_from(entries))
    moved.dropped_at = None
    place = data.draw(st.integers(1, 50))

    order = ordering.move_entry(entries, moved, place)

    kept = [entry for entry in order if entry.dropped_at is None]
    assert kept.index(moved) + 1 == min(place, len(kept))
    assert [entry for entry in order if entry is not moved] == [entry for entry in entries if entry is not moved]


def test_places_count_from_one_on_the_front_and_leave_the_shelf_alone(editor: User) -> None:
    issue = IssueFactory()
    first, second, third = (EntryFactory(issue=issue, position=place) for place in (0, 4, 9))
    shelved = EntryFactory(issue=issue, position=7, shelf=IssueEntry.Shelf.SHELF)

    ordering.move(Edit(issue, editor), third.pk, 1)

    places = dict(issue.entries.values_list("pk", "position"))
    assert places == {third.pk: 1, first.pk: 2, second.pk: 3, shelved.pk: 7}


def test_a_moved_order_outlives_a_refresh_and_is_noted(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit], editor: User
) -> None:
    assert ordering.move(edit(), entry_id(issue, papers[2]), 1) == "“Paper 3” is at place 1."
    assert last_act() == (editor, "moved “Paper 3”", {"place": ["3", "1"]})
    PaperFactory(score=50, votes=1, title="Newcomer")
    draft.draft_issue(MONDAY)
    assert front(issue) == ["Paper 3", "Paper 1", "Paper 2", "Newcomer"]


def test_what_is_dropped_comes_back_where_it_was(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit], editor: User
) -> None:
    dropped = entry_id(issue, papers[1])
    ordering.drop(edit(), dropped)
    assert front(issue) == ["Paper 1", "Paper 3"]
    draft.draft_issue(MONDAY)
    assert front(issue) == ["Paper 1", "Paper 3"]
    assert ordering.restore(edit(), dropped) == "“Paper 2” is back at place 2."
    assert last_act() == (editor, "restored “Paper 2”", {"dropped": [str(MORNING), ""]})


def test_a_dropped_paper_that_leads_another_issue_by_now_is_not_restored(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    ordering.drop(edit(), entry_id(issue, papers[0]))
    published_issue(MONDAY + DAY, papers[0])
    with pytest.raises(EditRefused, match=r"on the front of 5 May 2026. A paper can be on one front only"):
        ordering.restore(edit(), entry_id(issue, papers[0]))


# Pulling in


def test_a_paper_from_nowhere_comes_to_the_place_asked_for_and_stays(issue: Issue, edit: Callable[[], Edit]) -> None:
    old = PaperFactory(title="Old", listed_on=MONDAY - 300 * DAY)
    ordering.pull_in(edit(), old, 2)
    draft.draft_issue(MONDAY)
    assert front(issue) == ["Paper 1", "Old", "Paper 2", "Paper 3"]


def test_a_paper_comes_forward_from_the_shelf(issue: Issue, edit: Callable[[], Edit]) -> None:
    Issue.objects.update(front_size=3)
    Paper.objects.update(votes=1)
    shelved = PaperFactory(score=1, title="Shelved", topics=[TopicFactory()])
    draft.draft_issue(MONDAY)
    assert issue.entries.get(paper=shelved).shelf == IssueEntry.Shelf.SHELF
    ordering.pull_in(edit(), shelved, 1)
    draft.draft_issue(MONDAY)
    assert front(issue) == ["Shelved", "Paper 1", "Paper 2", "Paper 3"]


def test_a_dropped_paper_that_is_pulled_in_is_restored(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    ordering.drop(edit(), entry_id(issue, papers[0]))
    ordering.pull_in(edit(), papers[0])
    assert front(issue) == ["Paper 2", "Paper 3", "Paper 1"]


def test_a_paper_that_is_for_no_issue_is_refused_with_the_reason(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    led, withdrawn, merged, heir = (PaperFactory(title=title, score=-1) for title in ("Led", "Gone", "Twin", "Heir"))
    published_issue(MONDAY - DAY, led)
    withdrawn.withdrawn_at = MORNING
    duplicates.merge(merged, heir)
    for paper, reason in (
        (papers[1], "on this front already, at place 2"),
        (led, "on the front of 3 May 2026"),
        (withdrawn, "withdrawn by its authors"),
        (merged, "merged into “Heir”. Add that one instead"),
    ):
        with pytest.raises(EditRefused, match=reason):
            ordering.pull_in(edit(), paper)


def test_a_paper_whose_twin_stood_in_an_issue_is_refused(edit: Callable[[], Edit]) -> None:
    twin, heir = PaperFactory(score=-1), PaperFactory(title="Heir", score=-1)
    published_issue(MONDAY - DAY, twin)
    duplicates.merge(twin, heir)
    with pytest.raises(EditRefused, match="as a paper that was merged into it"):
        ordering.pull_in(edit(), heir)


# Free items and words


def test_a_free_item_is_added_edited_and_removed(issue: Issue, edit: Callable[[], Edit], editor: User) -> None:
    ordering.add_item(edit(), "A workshop", "https://example.org/", "Join us.", 1)
    draft.draft_issue(MONDAY)
    assert front(issue)[0] == "A workshop"
    item = issue.entries.get(paper=None)
    wording.edit_item(edit(), item.pk, "Two workshops", "", "Join us.")
    changes = {"free_title": ["A workshop", "Two workshops"], "free_url": ["https://example.org/", ""]}
    assert last_act() == (editor, "edited “Two workshops”", changes)
    ordering.remove_item(edit(), item.pk)
    assert not issue.entries.filter(paper=None).exists()


def test_a_paper_is_no_free_item(issue: Issue, papers: list[Paper], edit: Callable[[], Edit]) -> None:
    paper = entry_id(issue, papers[0])
    with pytest.raises(EditRefused, match="Drop it instead"):
        ordering.remove_item(edit(), paper)
    with pytest.raises(EditRefused, match="Its title and link cannot be edited"):
        wording.edit_item(edit(), paper, "Mine", "", "")


def test_words_are_kept_with_what_stood_there_before(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit], editor: User
) -> None:
    paper = entry_id(issue, papers[0])
    wording.note(edit(), paper, "Read *this*.", True)
    wording.note(edit(), paper, "Read it.", False)
    changes = {"note": ["Read *this*.", "Read it."], "note_is_draft": ["True", "False"]}
    assert last_act() == (editor, "noted on “Paper 1”", changes)
    wording.summarize(edit(), paper, "In short.")
    wording.set_pick(edit(), paper, True)
    entry = IssueEntry.objects.get(pk=paper)
    assert (entry.summary, entry.is_pick, entry.note, entry.note_is_draft) == ("In short.", True, "Read it.", False)
    assert papers[0].abstract == Paper.objects.get(pk=papers[0].pk).abstract


def test_a_cutoff_in_the_past_is_refused(edit: Callable[[], Edit]) -> None:
    with pytest.raises(EditRefused, match="would be published at once"):
        wording.set_cutoff(edit(), MORNING)


def test_an_earlier_cutoff_leaves_the_others_time_and_tells_them_anew(issue: Issue, edit: Callable[[], Edit]) -> None:
    Issue.objects.update(cutoff_at=MORNING + timedelta(hours=5), draft_mailed_at=MORNING)
    with pytest.raises(EditRefused, match="at least 60 minutes from now"):
        wording.set_cutoff(edit(), MORNING + timedelta(minutes=59))
    wording.set_cutoff(edit(), MORNING + timedelta(hours=6))
    assert Issue.objects.get().draft_mailed_at == MORNING
    wording.set_cutoff(edit(), MORNING + timedelta(hours=1))
    issue.refresh_from_db()
    assert (issue.cutoff_at, issue.draft_mailed_at) == (MORNING + timedelta(hours=1), None)


def test_saving_the_same_again_is_no_act(issue: Issue, papers: list[Paper], edit: Callable[[], Edit]) -> None:
    wording.set_subject(edit(), "Monday")
    seen = edit()
    wording.set_subject(seen, "Monday")
    ordering.move(seen, entry_id(issue, papers[0]), 1)
    assert edit().seen == seen.seen
    assert LogEntry.objects.count() == 1


# What is published


@pytest.mark.parametrize(
    "act", ["move", "restore", "pick", "note", "summary", "subject", "intro", "size", "add", "pull"]
)
def test_of_what_is_published_nothing_is_changed(
    act: str, issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    published_issue(MONDAY - DAY, PaperFactory(score=-1))
    Issue.objects.filter(pk=issue.pk).update(status=Issue.Status.PUBLISHED, published_at=MORNING)
    before = list(IssueEntry.objects.order_by("pk").values()), list(Issue.objects.order_by("pk").values())
    with pytest.raises(EditRefused, match="The issue is published"):
        every_act(issue, papers)[act](edit())
    assert (list(IssueEntry.objects.order_by("pk").values()), list(Issue.objects.order_by("pk").values())) == before


def test_a_drop_from_what_is_published_is_for_good(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    Issue.objects.update(status=Issue.Status.PUBLISHED, published_at=MORNING)
    ordering.drop(edit(), entry_id(issue, papers[0]))
    assert front(issue) == ["Paper 2", "Paper 3"]
    with pytest.raises(EditRefused, match="change nothing else"):
        ordering.restore(edit(), entry_id(issue, papers[0]))


def test_nothing_is_dropped_from_what_is_withdrawn(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    Issue.objects.update(status=Issue.Status.WITHDRAWN, published_at=MORNING)
    with pytest.raises(EditRefused, match="it can no longer be changed"):
        ordering.drop(edit(), entry_id(issue, papers[0]))


# Two editors


@pytest.mark.parametrize("act", ["move", "drop", "pick", "note", "summary", "subject", "intro", "size", "add", "pull"])
def test_who_is_behind_overwrites_nothing(
    act: str, issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    behind = edit()
    wording.set_intro(edit(), "Somebody else’s.")
    before = list(IssueEntry.objects.order_by("pk").values()), Issue.objects.values().get()
    with pytest.raises(Stale, match="Somebody else changed this issue"):
        every_act(issue, papers)[act](behind)
    assert (list(IssueEntry.objects.order_by("pk").values()), Issue.objects.values().get()) == before


def every_act(issue: Issue, papers: list[Paper]) -> dict[str, Callable[[Edit], object]]:
    paper, other = entry_id(issue, papers[0]), PaperFactory(score=-1)
    return {
        "move": lambda edit: ordering.move(edit, paper, 3),
        "drop": lambda edit: ordering.drop(edit, paper),
        "restore": lambda edit: ordering.restore(edit, paper),
        "pick": lambda edit: wording.set_pick(edit, paper, True),
        "note": lambda edit: wording.note(edit, paper, "Mine.", False),
        "summary": lambda edit: wording.summarize(edit, paper, "Mine."),
        "subject": lambda edit: wording.set_subject(edit, "Mine"),
        "intro": lambda edit: wording.set_intro(edit, "Mine."),
        "size": lambda edit: wording.set_front_size(edit, 7),
        "add": lambda edit: ordering.add_item(edit, "Mine", "", ""),
        "pull": lambda edit: ordering.pull_in(edit, other),
    }


def test_an_entry_that_has_left_the_issue_makes_a_page_stale(
    issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    gone = entry_id(issue, papers[0])
    IssueEntry.objects.filter(pk=gone).delete()
    with pytest.raises(Stale, match="has left this issue"):
        ordering.drop(edit(), gone)


@pytest.mark.django_db(transaction=True)
def test_of_rival_edits_of_one_revision_one_wins_and_the_others_are_refused(
    issue: Issue, papers: list[Paper], editor: User
) -> None:
    seen = Issue.objects.get(pk=issue.pk).revision
    entries = [entry_id(issue, paper) for paper in papers]

    def act(number: int) -> str:
        try:
            wording.note(Edit(issue, editor, seen), entries[number % 3], f"By {number}.", False)
        except Stale:
            return "stale"
        return "done"

    told = at_once(*(partial(act, number) for number in range(4)))
    assert sorted(told) == ["done", "stale", "stale", "stale"]
    assert IssueEntry.objects.exclude(note="").count() == 1
    assert Issue.objects.get(pk=issue.pk).revision == seen + 1
    assert LogEntry.objects.count() == 1


# Refreshes


def test_a_refresh_without_news_leaves_pages_as_good_as_they_are(issue: Issue) -> None:
    PaperFactory(score=1, topics=[TopicFactory()])
    draft.draft_issue(MONDAY)
    before = Issue.objects.get(pk=issue.pk).revision, list(issue.entries.front().values_list("pk", flat=True))
    draft.draft_issue(MONDAY)
    assert (
        Issue.objects.get(pk=issue.pk).revision,
        list(issue.entries.front().values_list("pk", flat=True)),
    ) == before


@pytest.mark.parametrize("news", ["paper", "score", "withdrawal"])
def test_a_refresh_that_changes_the_front_makes_open_pages_stale(
    news: str, issue: Issue, papers: list[Paper], edit: Callable[[], Edit]
) -> None:
    behind = edit()
    if news == "paper":
        PaperFactory(score=50)
    else:
        changed = {"score": 99} if news == "score" else {"withdrawn_at": MORNING}
        Paper.objects.filter(pk=papers[2].pk).update(**changed)
    draft.draft_issue(MONDAY)
    with pytest.raises(Stale, match="or new papers came in"):
        wording.set_intro(behind, "Mine.")


def test_a_line_break_in_a_subject_is_stored_as_a_space(edit: Callable[[], Edit], issue: Issue) -> None:
    Subject({"seen": edit().seen, "subject": "Ed\r\nBcc: x@example.org"}).do(edit())
    assert Issue.objects.get().subject == "Ed Bcc: x@example.org"
    assert last_act()[2]["subject"] == ["", "Ed Bcc: x@example.org"]


def test_a_line_break_in_the_title_of_a_free_item_is_stored_as_a_space(edit: Callable[[], Edit], issue: Issue) -> None:
    AddItem({"seen": edit().seen, "title": "A\r\nB", "text": "Words."}).do(edit())
    assert issue.entries.get(paper=None).free_title == "A B"

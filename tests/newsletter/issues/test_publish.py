from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from newsletter.issues import draft as drafting
from newsletter.issues import publish
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import DayRank, Paper, PaperTopic, Sighting, Source, Topic
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, TopicFactory, published_issue
from tests.rivals import at_once, between

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TUESDAY = MONDAY + DAY
Status = Issue.Status


def stored(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


# Freezing


def test_a_published_issue_knows_when_and_by_whom() -> None:
    editor = User.objects.create_user("editor")
    issue = IssueFactory()
    EntryFactory(issue=issue)
    assert publish.publish(issue, by=editor)
    row = stored(issue)
    assert (row.status, row.published_at, row.curated_by) == (Status.PUBLISHED, MORNING, editor)


def test_a_later_change_of_a_paper_does_not_show() -> None:
    topic = TopicFactory(name="Seeing")
    paper = PaperFactory(title="Before", score=9, votes=41, topics=[topic])
    issue = published_issue(MONDAY, paper)
    Paper.objects.update(title="After", score=1, votes=0, withdrawn_at=MORNING)
    Topic.objects.update(name="Looking")
    PaperTopic.objects.all().delete()

    card = issue.entries.get().snapshot

    assert (card["title"], card["score"], card["votes"]) == ("Before", 9, 41)
    assert card["topics"] == [{"slug": topic.slug, "name": "Seeing", "fit": 1.0, "evidence": ["cs.CL"]}]
    assert card["authors"] == ["Ada Example", "Bo Sample"]
    assert card["listed_on"] == "2026-05-04"


def test_machine_summaries_are_shown_in_issues_published_while_the_setting_is_on(settings: Any) -> None:
    before = published_issue(MONDAY, PaperFactory(machine_summary="It sees by starlight."))
    settings.SHOW_MACHINE_SUMMARIES = True
    after = published_issue(TUESDAY, PaperFactory(machine_summary="It sees by starlight.", abstract="We show an eye."))
    settings.SHOW_MACHINE_SUMMARIES = False
    old, new = (issue.entries.get().snapshot for issue in (before, after))
    assert old["machine_summary"] == ""
    assert (new["machine_summary"], new["brief"], new["summary"]) == (
        "It sees by starlight.", "We show an eye.", "We show an eye.",
    )  # fmt: skip


def test_the_editors_summary_stands_instead_of_a_machines(settings: Any) -> None:
    settings.SHOW_MACHINE_SUMMARIES = True
    issue = IssueFactory()
    EntryFactory(issue=issue, paper=PaperFactory(machine_summary="It sees."), summary="It *sees* by starlight.")
    publish.publish(issue)
    card = issue.entries.get().snapshot
    assert (card["machine_summary"], card["brief"]) == ("", "It sees by starlight.")


def test_a_machines_long_summary_is_cut_to_two_lines(settings: Any) -> None:
    settings.SHOW_MACHINE_SUMMARIES = True
    sentence = "An eye is proposed that sees by starlight and needs neither a lamp nor the sun, which "
    issue = published_issue(MONDAY, PaperFactory(machine_summary=sentence * 5))
    shown = issue.entries.get().snapshot["machine_summary"]
    assert shown.endswith("…")
    assert (sentence * 5).startswith(shown.removesuffix("…"))
    assert len(shown) <= 200


def test_places_are_numbered_from_one_front_before_shelf_and_dropped_last() -> None:
    issue = IssueFactory()
    shelved = EntryFactory(issue=issue, shelf=IssueEntry.Shelf.SHELF, position=1)
    dropped = EntryFactory(issue=issue, position=2, dropped_at=MORNING)
    later, first = EntryFactory(issue=issue, position=9), EntryFactory(issue=issue, position=5)
    publish.publish(issue)
    assert list(issue.entries.order_by("position").values_list("pk", "position")) == [
        (first.pk, 1),
        (later.pk, 2),
        (shelved.pk, 3),
        (dropped.pk, 4),
    ]


def test_an_empty_front_is_not_published() -> None:
    issue = IssueFactory()
    EntryFactory(issue=issue, dropped_at=MORNING)
    EntryFactory(issue=issue, shelf=IssueEntry.Shelf.SHELF)
    with pytest.raises(publish.NothingToPublish, match="no paper on its front"):
        publish.publish(issue)
    assert stored(issue).status == Status.DRAFT


def test_publishing_again_changes_nothing(set_clock: SetClock) -> None:
    issue = published_issue(MONDAY, PaperFactory(title="Before"))
    Paper.objects.update(title="After")
    set_clock(MORNING + HOUR)
    assert not publish.publish(issue)
    assert stored(issue).published_at == MORNING
    assert issue.entries.get().snapshot["title"] == "Before"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_does() -> None:
    issue = IssueFactory()
    EntryFactory.create_batch(3, issue=issue)
    answers = at_once(*[partial(publish.publish, stored(issue)) for _ in range(4)])
    assert sorted(answers) == [False, False, False, True]
    assert [entry.position for entry in issue.entries.order_by("position")] == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_at_the_same_moment_does_not_touch_what_was_published() -> None:
    PaperFactory.create_batch(5)
    issue = drafting.draft_issue(MONDAY)
    at_once(lambda: publish.publish(stored(issue)), lambda: drafting.draft_issue(MONDAY))
    assert stored(issue).status == Status.PUBLISHED
    assert all(entry.snapshot for entry in issue.entries.all())


def test_a_withdrawn_issue_is_withdrawn_for_good() -> None:
    issue = published_issue(MONDAY, PaperFactory())
    assert issue.move_to(Status.WITHDRAWN)
    assert not publish.publish(issue)
    for status in (Status.DRAFT, Status.HELD, Status.PUBLISHED):
        assert not issue.move_to(status)


# The cutoff


def test_a_draft_is_published_at_its_cutoff_with_the_latest_scores(set_clock: SetClock) -> None:
    one, other = PaperFactory(score=9), PaperFactory(score=5)
    set_clock(MORNING - HOUR)
    issue = drafting.draft_issue(MONDAY)
    Paper.objects.filter(pk=other.pk).update(score=99)

    set_clock(MORNING - timedelta(seconds=1))
    assert publish.publish_past_cutoff() == []
    set_clock(MORNING)
    assert publish.publish_past_cutoff() == [issue]
    assert [entry.paper for entry in issue.entries.order_by("position")] == [other, one]
    assert stored(issue).curated_by is None


def test_a_held_issue_is_not_published_at_its_cutoff_and_a_released_one_is(set_clock: SetClock) -> None:
    PaperFactory()
    issue = drafting.draft_issue(MONDAY)
    issue.move_to(Status.HELD)
    set_clock(MORNING + HOUR)
    assert publish.publish_past_cutoff() == []
    issue.move_to(Status.DRAFT)
    assert publish.publish_past_cutoff() == [issue]


def test_the_cutoff_passes_once() -> None:
    PaperFactory()
    drafting.draft_issue(MONDAY)
    assert len(publish.publish_past_cutoff()) == 1
    assert publish.publish_past_cutoff() == []


def test_a_draft_without_papers_waits() -> None:
    issue = drafting.draft_issue(MONDAY)
    assert publish.publish_past_cutoff() == []
    assert stored(issue).status == Status.DRAFT


def test_with_nothing_new_a_draft_moves_a_day_on_with_the_editors_work(set_clock: SetClock) -> None:
    """On a Saturday the lists rest: what did not fit on Friday's front is no news."""
    lead, rest = PaperFactory(score=9), PaperFactory(score=5, votes=1)
    published_issue(MONDAY, lead)
    draft = drafting.draft_issue(TUESDAY)
    Issue.objects.filter(pk=draft.pk).update(intro="Good morning.", arranged_at=MORNING)
    draft.entries.filter(paper=rest).update(note="Read it.", is_pick=True)

    set_clock(MORNING + DAY)
    assert publish.publish_past_cutoff() == []
    row = stored(draft)
    assert (row.date, row.cutoff_at, row.status) == (MONDAY + 2 * DAY, MORNING + 2 * DAY, Status.DRAFT)
    assert (row.intro, row.entries.get(paper=rest).note) == ("Good morning.", "Read it.")

    PaperFactory(first_seen_at=MORNING + 1.5 * DAY, listed_on=MONDAY + 2 * DAY)
    set_clock(MORNING + 2 * DAY)
    assert publish.publish_past_cutoff() == [draft]
    assert stored(draft).entries.front().order_by("position").first().paper == rest  # type: ignore[union-attr]


def test_a_draft_that_moves_on_passes_over_days_that_are_taken(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    IssueFactory(date=MONDAY + 2 * DAY, status=Status.HELD)
    set_clock(MORNING + DAY)
    publish.publish_past_cutoff()
    assert stored(draft).date == MONDAY + 3 * DAY


def test_an_issue_published_meanwhile_is_not_moved(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    draft = IssueFactory(date=TUESDAY)
    EntryFactory(issue=draft)
    set_clock(MORNING + DAY)
    publish.publish(stored(draft))
    publish.carry_over(draft)
    assert stored(draft).date == TUESDAY


def test_after_a_week_at_rest_a_draft_is_dated_by_the_day_it_is_published(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    set_clock(MORNING + 9 * DAY)
    publish.publish_past_cutoff()
    assert stored(draft).date == date(2026, 5, 14)


def test_a_pick_counts_in_the_ranking_as_a_sighting_of_the_editors() -> None:
    issue = IssueFactory()
    picked, other = EntryFactory(issue=issue, is_pick=True), EntryFactory(issue=issue)
    publish.publish(issue)
    seen = Sighting.objects.filter(source__kind=Source.Kind.EDITORS)
    assert list(seen.values_list("paper_id", "votes")) == [(picked.paper_id, 1)]
    ranks = dict(DayRank.objects.values_list("paper_id", "picks"))
    assert (ranks[picked.paper_id or 0], ranks.get(other.paper_id or 0, 0)) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_what_an_editor_does_in_the_last_second_counts(set_clock: SetClock) -> None:
    PaperFactory.create_batch(3)
    acts: list[Callable[[Issue], object]] = [
        lambda issue: issue.move_to(Status.HELD),
        lambda issue: Issue.objects.update(cutoff_at=issue.cutoff_at + HOUR),
    ]
    for act in acts:
        Issue.objects.all().delete()
        issue = drafting.draft_issue(MONDAY)
        set_clock(issue.cutoff_at)
        with between("FOR UPDATE", lambda act=act, issue=issue: act(issue)):  # type: ignore[misc]
            assert publish.publish_past_cutoff() == []
        assert stored(issue).is_open


def test_a_page_of_a_draft_that_moved_on_is_behind(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    set_clock(MORNING + DAY)
    publish.publish_past_cutoff()
    assert stored(draft).date == MONDAY + 2 * DAY
    assert stored(draft).revision > draft.revision

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from newsletter.issues import draft
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.forecast import forecasts
from newsletter.papers.models import Paper, PaperTopic, Proposal
from newsletter.papers.trending import ranking
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SightingFactory,
    SourceFactory,
    TopicFactory,
    published_issue,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
TUESDAY = MONDAY + DAY


@pytest.fixture(autouse=True)
def short_front(settings: LazySettings) -> None:
    settings.ISSUE_FRONT_SIZE = 3


def front(issue: Issue) -> list[Paper]:
    rows = issue.entries.front().kept().order_by("position", "pk").select_related("paper")
    return [entry.paper for entry in rows if entry.paper]


def shelf(issue: Issue) -> list[Paper]:
    rows = issue.entries.filter(shelf=IssueEntry.Shelf.SHELF).order_by("position")
    return [entry.paper for entry in rows.select_related("paper") if entry.paper]


def papers(*scores: float, **fields: object) -> list[Paper]:
    """Make papers with a vote each, which speaks for them."""
    return [PaperFactory(votes=1, score=score, **fields) for score in scores]


def fit(paper: Paper, fit: float) -> Paper:
    PaperTopic.objects.filter(paper=paper).update(fit=fit)
    return paper


def arrange(issue: Issue, *order: Paper) -> None:
    """Do what an editor does on the desk."""
    for place, paper in enumerate(order, start=1):
        issue.entries.filter(paper=paper).update(position=place)
    Issue.objects.filter(pk=issue.pk).update(arranged_at=MORNING)


# The front


def test_the_best_papers_lead() -> None:
    low, high, middle, _ = papers(1, 9, 5, 0)
    issue = draft.draft_issue(MONDAY)
    assert front(issue) == [high, middle, low]
    assert (issue.status, issue.cutoff_at) == (Issue.Status.DRAFT, MORNING)


def test_among_equals_the_later_listed_leads() -> None:
    older = PaperFactory(votes=1, score=5, listed_on=MONDAY - DAY)
    newer = PaperFactory(votes=1, score=5, listed_on=MONDAY)
    assert front(draft.draft_issue(MONDAY)) == [newer, older]


def test_what_led_before_does_not_lead_again() -> None:
    had, fresh = papers(9, 1)
    published_issue(MONDAY, had)
    assert front(draft.draft_issue(TUESDAY)) == [fresh]


def test_what_was_on_a_shelf_before_may_lead() -> None:
    first, later = papers(9, 5, topics=[TopicFactory()])
    published_issue(MONDAY, first, shelf=(later,))
    assert front(draft.draft_issue(TUESDAY)) == [later]


def test_what_an_editor_dropped_may_lead_the_next_day_and_not_the_same() -> None:
    (paper,) = papers(9)
    monday = draft.draft_issue(MONDAY)
    monday.entries.update(dropped_at=MORNING)
    assert front(draft.draft_issue(MONDAY)) == []
    assert front(draft.draft_issue(TUESDAY)) == [paper]


def test_only_papers_of_the_last_listing_days_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "FRONT_DAYS", 2)
    friday = PaperFactory(votes=1, listed_on=MONDAY - 3 * DAY)
    PaperFactory(votes=1, listed_on=MONDAY - 4 * DAY, score=9)
    monday = PaperFactory(votes=1, listed_on=MONDAY, score=5)
    PaperFactory(votes=1, listed_on=MONDAY + DAY, score=9)
    assert front(draft.draft_issue(MONDAY)) == [monday, friday]


def test_withdrawn_and_merged_papers_stay_out() -> None:
    (kept,) = papers(1)
    PaperFactory(votes=1, score=9, withdrawn_at=MORNING)
    PaperFactory(votes=1, score=9, merged_into=kept)
    assert front(draft.draft_issue(MONDAY)) == [kept]


def test_a_refresh_follows_the_scores_while_nobody_has_arranged_it() -> None:
    one, other = papers(9, 5)
    draft.draft_issue(MONDAY)
    Paper.objects.filter(pk=other.pk).update(score=10)
    assert front(draft.draft_issue(MONDAY)) == [other, one]


def test_a_refresh_without_news_changes_no_order() -> None:
    papers(9, 5, 3, 1)
    issue = draft.draft_issue(MONDAY)
    before = front(issue), shelf(issue)
    draft.draft_issue(MONDAY)
    assert (front(issue), shelf(issue)) == before


def test_what_an_editor_arranged_keeps_its_order_and_new_papers_come_below() -> None:
    one, other = papers(9, 5)
    issue = draft.draft_issue(MONDAY)
    arrange(issue, other, one)
    (hot,) = papers(99)
    assert front(draft.draft_issue(MONDAY)) == [other, one, hot]


def test_a_full_front_that_was_arranged_takes_nothing_more() -> None:
    first = papers(9, 5, 3)
    issue = draft.draft_issue(MONDAY)
    arrange(issue, *first[::-1])
    papers(99)
    assert front(draft.draft_issue(MONDAY)) == first[::-1]


def test_a_dropped_paper_makes_room_for_the_next() -> None:
    first = papers(9, 5, 3)
    issue = draft.draft_issue(MONDAY)
    arrange(issue, *first)
    issue.entries.filter(paper=first[0]).update(dropped_at=MORNING)
    (next_best,) = papers(1)
    assert front(draft.draft_issue(MONDAY)) == [*first[1:], next_best]


def test_picks_and_notes_stay_while_the_rest_follows_the_scores() -> None:
    _, picked, noted = papers(9, 5, 3)
    issue = draft.draft_issue(MONDAY)
    issue.entries.filter(paper=picked).update(is_pick=True)
    issue.entries.filter(paper=noted).update(note="Read it.")
    papers(99)
    assert {picked, noted} < set(front(draft.draft_issue(MONDAY)))


@pytest.mark.parametrize("is_arranged", [True, False])
@pytest.mark.parametrize("fate", ["withdrawn", "merged"])
def test_a_paper_that_is_withdrawn_or_merged_leaves_the_draft(fate: str, is_arranged: bool) -> None:
    gone, kept = papers(9, 5)
    issue = draft.draft_issue(MONDAY)
    issue.entries.filter(paper=gone).update(is_pick=True, note="Read it.")
    if is_arranged:
        arrange(issue, gone, kept)
    fates: dict[str, dict[str, Any]] = {"withdrawn": {"withdrawn_at": MORNING}, "merged": {"merged_into": kept}}
    Paper.objects.filter(pk=gone.pk).update(**fates[fate])
    assert front(draft.draft_issue(MONDAY)) == [kept]


def test_an_issue_that_is_published_is_left_as_it_is() -> None:
    (paper,) = papers(9)
    issue = published_issue(MONDAY, paper)
    papers(99)
    before = list(issue.entries.values())
    draft.draft_issue(MONDAY)
    assert list(issue.entries.values()) == before


def test_a_held_draft_is_refreshed_too() -> None:
    issue = IssueFactory(status=Issue.Status.HELD)
    (paper,) = papers(9)
    draft.draft_issue(MONDAY)
    assert front(issue) == [paper]


def test_two_open_drafts_share_no_paper_on_their_fronts() -> None:
    papers(9, 8, 7, 6, 5)
    one, other = draft.draft_issue(MONDAY), draft.draft_issue(TUESDAY)
    draft.draft_issue(MONDAY)
    assert (len(front(one)), len(front(other))) == (3, 2)
    assert not set(front(one)) & set(front(other))


# What speaks for a paper


def test_a_front_holds_only_what_something_speaks_for() -> None:
    (voted,) = papers(1)
    PaperFactory(score=9)
    assert front(draft.draft_issue(MONDAY)) == [voted]


def test_mentions_by_two_sources_speak_for_a_paper_and_arxivs_listings_are_one() -> None:
    twice, once, ours = (PaperFactory(score=score) for score in (3, 9, 8))
    listing, other_listing, feed = (SourceFactory(kind=kind) for kind in ("arxiv", "arxiv_api", "feed"))
    for paper, source in [(twice, listing), (twice, feed), (once, listing), (once, other_listing), (ours, listing),
                          (ours, SourceFactory(kind="readers")), (ours, SourceFactory(kind="editors"))]:  # fmt: skip
        SightingFactory(paper=paper, source=source, votes=None)
    assert front(draft.draft_issue(MONDAY)) == [twice]


def test_a_proposal_speaks_for_a_paper_unless_it_was_declined() -> None:
    proposed, declined = PaperFactory(score=1), PaperFactory(score=2)
    for paper, status in ((proposed, Proposal.Status.NEW), (declined, Proposal.Status.DECLINED)):
        Proposal.objects.create(paper=paper, key=paper.key, link=paper.url, status=status)
    assert front(draft.draft_issue(MONDAY)) == [proposed]


def test_forecasts_speak_for_the_best_of_a_day_and_are_no_mention() -> None:
    made = [PaperFactory(score=1) for _ in range(20)]
    listing = SourceFactory()
    for number, paper in enumerate(made):
        SightingFactory(paper=paper, source=forecasts.forecast_source(), votes=None, forecast=1000 * number)
        SightingFactory(paper=paper, source=listing, votes=None)
    assert set(front(draft.draft_issue(MONDAY))) == {*made[-2:]}


def test_where_nothing_speaks_for_any_paper_the_best_few_lead_so_that_the_issue_goes_out(
    settings: LazySettings,
) -> None:
    settings.ISSUE_FRONT_SIZE = 40
    made = [PaperFactory(score=score) for score in range(8)]
    assert front(draft.draft_issue(MONDAY)) == made[:2:-1]


def test_where_nothing_speaks_for_any_paper_those_lead_that_fit_a_topic_best_forecast_first() -> None:
    vision = TopicFactory()
    fits = [(0.3, 9), (0.8, 2), (0.8, 5), (0.9, 2)]
    weak, equal, foreseen, best = (fit(PaperFactory(score=score, topics=[vision]), value) for value, score in fits)
    PaperFactory(score=7)
    assert front(draft.draft_issue(MONDAY)) == [foreseen, best, equal]
    IssueEntry.objects.all().delete()
    assert front(draft.draft_issue(MONDAY, front_size=5))[:3] == [foreseen, best, equal]
    assert weak not in front(draft.draft_issue(MONDAY))[:3]


def test_what_friday_left_over_and_nothing_speaks_for_makes_no_issue_of_saturday(set_clock: SetClock) -> None:
    friday, saturday = MONDAY + 4 * DAY, MONDAY + 5 * DAY
    left_over = PaperFactory(listed_on=friday, first_seen_at=MORNING + 4 * DAY)
    set_clock(MORNING + 4 * DAY + timedelta(hours=1))
    published_issue(friday, PaperFactory(listed_on=friday, votes=1))
    set_clock(MORNING + 5 * DAY)
    assert front(draft.draft_issue(saturday)) == []
    Paper.objects.filter(pk=left_over.pk).update(votes=1)
    assert front(draft.draft_issue(saturday)) == [left_over]


def test_a_front_that_an_editor_began_is_not_filled_with_what_nothing_speaks_for() -> None:
    low, _ = PaperFactory(score=1), PaperFactory(score=9)
    issue = IssueFactory()
    EntryFactory(issue=issue, paper=low, is_placed=True)
    assert front(draft.draft_issue(MONDAY)) == [low]


def test_among_equals_no_number_leads(settings: LazySettings) -> None:
    settings.ISSUE_FRONT_SIZE = 12
    made = papers(*[5] * 12)
    order = [paper.key for paper in front(draft.draft_issue(MONDAY))]
    by_number = sorted(paper.key for paper in made)
    assert sorted(order) == by_number
    assert order not in (by_number, by_number[::-1])


def test_equals_are_ordered_by_how_well_they_fit_a_topic_on_front_and_shelf(settings: LazySettings) -> None:
    settings.ISSUE_FRONT_SIZE = 4
    vision = TopicFactory()
    voted = [fit(paper, place / 10) for place, paper in enumerate(papers(*[5] * 4, topics=[vision]), start=1)]
    other = [fit(PaperFactory(score=5, topics=[vision]), place / 10) for place in range(1, 5)]
    issue = draft.draft_issue(MONDAY)
    assert (front(issue), shelf(issue)) == (voted[::-1], other[::-1])


# The shelf


def test_the_shelf_holds_what_has_a_topic_and_is_in_no_issue() -> None:
    vision = TopicFactory()
    leading = papers(9, 8, 7, topics=[vision])
    later, rest = papers(5, 6, topics=[vision])
    papers(4)
    issue = draft.draft_issue(MONDAY)
    assert front(issue) == leading
    assert shelf(issue) == [rest, later]


def test_what_stood_on_a_shelf_stands_on_no_other() -> None:
    vision = TopicFactory()
    first, second, third = papers(9, 8, 7, topics=[vision])
    published_issue(MONDAY, first, shelf=(second, third))
    PaperFactory(votes=1, topics=[vision], score=99)
    PaperFactory(votes=1, topics=[vision], score=98)
    PaperFactory(votes=1, topics=[vision], score=97)
    issue = draft.draft_issue(TUESDAY)
    assert shelf(issue) == []


def test_a_paper_that_rises_moves_from_the_shelf_to_the_front() -> None:
    vision = TopicFactory()
    *_, fourth = papers(9, 8, 7, 1, topics=[vision])
    issue = draft.draft_issue(MONDAY)
    assert shelf(issue) == [fourth]
    Paper.objects.filter(pk=fourth.pk).update(score=99)
    draft.draft_issue(MONDAY)
    assert front(issue)[0] == fourth
    assert fourth not in shelf(issue)


def test_an_old_paper_is_not_shelved() -> None:
    vision = TopicFactory()
    papers(9, 8, 7, topics=[vision])
    PaperFactory(votes=1, topics=[vision], listed_on=MONDAY - (ranking.FRONT_DAYS + 3) * DAY)
    assert shelf(draft.draft_issue(MONDAY)) == []


# Which day comes next


def test_the_next_issue_is_todays_until_it_is_published() -> None:
    papers(9)
    assert draft.draft_next_issue().date == MONDAY
    assert draft.draft_next_issue().date == MONDAY
    assert Issue.objects.count() == 1


def test_after_todays_issue_comes_tomorrows() -> None:
    published_issue(MONDAY, *papers(9))
    assert draft.draft_next_issue().date == TUESDAY


def test_an_open_draft_of_a_later_day_is_the_next_one() -> None:
    published_issue(MONDAY, *papers(9))
    IssueFactory(date=date(2026, 5, 8))
    assert draft.draft_next_issue().date == date(2026, 5, 8)


def test_a_draft_that_was_never_published_does_not_stop_the_days(set_clock: SetClock) -> None:
    IssueFactory(status=Issue.Status.HELD)
    set_clock(MORNING + DAY)
    assert draft.draft_next_issue().date == TUESDAY


def test_a_paper_stands_once_in_an_issue() -> None:
    (paper,) = papers(9)
    issue = draft.draft_issue(MONDAY)
    with pytest.raises(Exception, match="paper_once_an_issue"):
        EntryFactory(issue=issue, paper=paper, shelf=IssueEntry.Shelf.SHELF)

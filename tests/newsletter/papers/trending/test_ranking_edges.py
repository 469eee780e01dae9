"""Ranking at its edges: the hour, the day and the figure from which something counts, or does not any more."""

from datetime import timedelta

import pytest
from django.db import transaction

from newsletter.papers import papers_lock
from newsletter.papers.models import Paper, RankedDay, Source
from newsletter.papers.trending import ranking
from tests.factories import MONDAY, MORNING, SourceFactory
from tests.newsletter.papers.trending.test_ranking import DAY, HOUR, inputs_of, listed, see
from tests.rivals import in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def test_growth_begins_with_what_was_seen_exactly_a_day_before(daily: Source) -> None:
    paper = listed(2)
    see(paper, daily, MORNING - 30 * HOUR, votes=10)
    see(paper, daily, MORNING - 24 * HOUR, votes=18)
    see(paper, daily, MORNING, votes=41)
    assert inputs_of(paper)[:2] == (41, 23)


@pytest.mark.parametrize(("hours", "new_votes", "age_hours"), [(5, 0, 53), (7, 60, 5)])
def test_votes_within_six_hours_of_the_paper_itself_are_as_old_as_its_listing(
    daily: Source, hours: int, new_votes: int, age_hours: int
) -> None:
    paper = listed(2, first_seen_at=MORNING - hours * HOUR)
    see(paper, daily, MORNING, votes=60)
    assert (inputs_of(paper).new_votes, inputs_of(paper).age_hours) == (new_votes, age_hours)


def test_a_paper_that_was_voted_on_before_its_listing_is_as_old_as_the_listing(daily: Source) -> None:
    paper = listed(0, first_seen_at=MORNING - 3 * DAY)
    see(paper, daily, MORNING - DAY, votes=10)
    assert (inputs_of(paper).listed_days, inputs_of(paper).age_hours) == (0, 5)


def test_a_paper_begins_its_rise_with_the_first_votes_of_any_source(daily: Source) -> None:
    paper = listed(5)
    see(paper, daily, MORNING - 3 * DAY, votes=10)
    see(paper, daily, MORNING - 2 * HOUR, votes=30)
    see(paper, SourceFactory(kind="feed"), MORNING - HOUR, votes=20)
    assert inputs_of(paper).age_hours == 3 * 24 + 5


def test_an_editors_pick_begins_no_rise(daily: Source) -> None:
    paper = listed(5)
    see(paper, SourceFactory(kind="editors"), MORNING - 3 * DAY, votes=1)
    see(paper, daily, MORNING - HOUR, votes=20)
    assert inputs_of(paper).age_hours == 5


def test_a_listing_of_tomorrow_is_of_no_age_yet(daily: Source) -> None:
    paper = listed(-1, first_seen_at=MORNING)
    see(paper, daily, MORNING, votes=1)
    assert (inputs_of(paper).listed_days, inputs_of(paper).age_hours) == (0, 0)


def test_stars_that_were_lost_are_no_gain_and_no_error(daily: Source) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - 2 * HOUR, stars=40_000)
    see(paper, daily, MORNING - HOUR, stars=100)
    ranking.score_papers()
    assert inputs_of(paper).stars_gained == 0


def test_of_equal_scores_the_newer_listing_comes_first() -> None:
    nobody = SourceFactory(kind="feed", weight=0)
    papers = [listed(days) for days in (3, 1, 2)]
    for paper in papers:
        see(paper, nobody, MORNING - HOUR)
    ranking.record_day(MONDAY, MORNING)
    assert [row.paper_id for row in ranking.stored_order(MONDAY)] == [papers[1].pk, papers[2].pk, papers[0].pk]


def test_papers_of_the_last_fourteen_days_are_scored_and_merged_ones_are_not(daily: Source) -> None:
    oldest, too_old = listed(14), listed(15)
    merged = listed(1, merged_into_id=oldest.pk)
    for paper in (oldest, too_old, merged):
        see(paper, daily, MORNING - HOUR, votes=1000)
    ranking.score_papers()
    assert list(Paper.objects.filter(score__gt=0)) == [oldest]


def test_a_day_ranks_the_papers_of_seven_listing_days(daily: Source) -> None:
    papers = [listed(2 * number) for number in range(8)]
    for paper in papers:
        see(paper, daily, MORNING - timedelta(minutes=1), votes=1)
    ranking.record_day(MONDAY, MORNING)
    assert {row.paper_id for row in ranking.stored_order(MONDAY)} == {paper.pk for paper in papers[:7]}


@pytest.mark.django_db(transaction=True)
def test_a_day_waits_for_an_answer_that_is_being_stored() -> None:
    with transaction.atomic():
        papers_lock.wait_for_papers_lock()
        raised = in_another_connection(lambda: ranking.record_day(MONDAY, MORNING))
    assert "lock timeout" in str(raised)
    assert not RankedDay.objects.exists()
    assert ranking.record_day(MONDAY, MORNING)

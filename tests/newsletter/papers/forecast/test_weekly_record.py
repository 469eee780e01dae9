from datetime import datetime, timedelta

import pytest
from django.test import Client

from newsletter.papers.forecast import forecasts, weekly_record
from newsletter.papers.forecast.weekly_record import Week
from newsletter.papers.models import Paper, Source
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory, SourceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

HOUR = timedelta(hours=1)


def foreseen(parts: int, **fields: object) -> Paper:
    paper = PaperFactory(**fields)
    SightingFactory(paper=paper, source=forecasts.forecast_source(), votes=None, forecast=parts)
    return paper


def vote(paper: Paper, source: Source, seen_at: datetime = MORNING + HOUR) -> None:
    SightingFactory(paper=paper, source=source, seen_at=seen_at, votes=3)


def a_week(daily: Source) -> None:
    """Store sixty papers: the forecast puts the last ones first, and two of those got votes, and the very first."""
    papers = [foreseen(1 + number) for number in range(60)]
    for paper in (papers[0], papers[58], papers[59]):
        vote(paper, daily)


def test_a_week_says_how_many_of_the_first_forty_came_to_get_votes(daily: Source) -> None:
    a_week(daily)
    assert weekly_record.weeks() == [Week(MONDAY, 60, 3, voted_by_forecast=2, voted_by_id=1)]


def test_weeks_begin_on_monday_and_the_newest_stands_first(daily: Source) -> None:
    for days in (0, 1, 7):
        vote(foreseen(5, listed_on=MONDAY - timedelta(days=days)), daily)
    found = [(week.monday, week.papers) for week in weekly_record.weeks()]
    assert found == [(MONDAY, 1), (MONDAY - timedelta(days=7), 2)]


def test_a_paper_that_had_votes_when_its_forecast_was_made_does_not_count(daily: Source) -> None:
    vote(foreseen(5), daily, MORNING - HOUR)
    assert weekly_record.weeks() == []


@pytest.mark.parametrize("kind", [Source.Kind.READERS, Source.Kind.EDITORS])
def test_what_readers_and_editors_do_of_a_front_does_not_prove_the_forecast(kind: Source.Kind) -> None:
    vote(foreseen(5), SourceFactory(kind=kind))
    assert [week.voted for week in weekly_record.weeks()] == [0]


def test_the_admin_shows_the_weeks(admin_client: Client, daily: Source) -> None:
    assert "No paper has a forecast yet" in admin_client.get("/admin/papers/trainedforecast/").content.decode()
    a_week(daily)
    page = admin_client.get("/admin/papers/trainedforecast/").content.decode()
    assert "4 May 2026" in page
    assert "<strong>2</strong>" in page

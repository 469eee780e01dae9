from datetime import timedelta

import pytest
from django.conf import LazySettings

from newsletter.papers.forecast import forecasts
from newsletter.papers.models import Paper
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

ARXIV_TEXT = {name: [3, 1] for name in ("title", "abstract", "categories")}


def foreseen(parts: int, **fields: object) -> Paper:
    paper = PaperFactory(**fields)
    SightingFactory(paper=paper, source=forecasts.forecast_source(), votes=None, forecast=parts)
    return paper


def test_the_best_tenth_is_that_of_each_day() -> None:
    days = MONDAY, MONDAY - timedelta(days=1)
    best = {day: foreseen(900 + place, listed_on=day).pk for place, day in enumerate(days)}
    for day in days:
        for number in range(9):
            foreseen(1 + number, listed_on=day)
    assert forecasts.best_tenth_of_days(days) == set(best.values())
    assert forecasts.best_tenth_of_days(days[:1]) == {best[MONDAY]}


def test_a_day_of_few_papers_has_no_best_tenth() -> None:
    for number in range(9):
        foreseen(1 + number)
    assert forecasts.best_tenth_of_days([MONDAY]) == set()


def test_withdrawn_and_merged_papers_do_not_count_among_the_best() -> None:
    best = foreseen(500)
    for number in range(9):
        foreseen(1 + number)
    foreseen(900, withdrawn_at=MORNING)
    foreseen(901, merged_into=best)
    assert forecasts.best_tenth_of_days([MONDAY]) == {best.pk}


def test_there_is_no_best_tenth_while_the_forecast_is_off(settings: LazySettings) -> None:
    for number in range(10):
        foreseen(1 + number)
    settings.TRENDING_FORECAST_WEIGHT = 0
    assert forecasts.best_tenth_of_days([MONDAY]) == set()


def test_forecasts_are_in_parts_per_million_and_of_those_papers_only() -> None:
    paper, other, without = foreseen(70_000), foreseen(5), PaperFactory()
    assert forecasts.forecasts_of([paper.pk, without.pk]) == {paper.pk: 70_000}
    assert forecasts.forecasts_of([other.pk]) == {other.pk: 5}


@pytest.mark.parametrize("copied", ["title", "abstract", "categories"])
def test_a_paper_known_in_part_by_another_text_than_arxivs_waits_for_it(copied: str) -> None:
    PaperFactory(origins=ARXIV_TEXT | {copied: [2, 0]})
    PaperFactory(origins={name: origin for name, origin in ARXIV_TEXT.items() if name != copied})
    listed = PaperFactory(origins=ARXIV_TEXT)
    corrected = PaperFactory(origins=ARXIV_TEXT | {"title": [4, 0]})
    assert set(forecasts.papers_without_forecast(MONDAY)) == {listed, corrected}

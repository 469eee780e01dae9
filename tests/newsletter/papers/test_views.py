from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from newsletter.papers.models import Source
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory, SourceFactory, published_issue

pytestmark = pytest.mark.django_db

ADDRESS = f"/trending/{MONDAY}.json"


@pytest.fixture
def published(set_clock: Callable[[datetime], None]) -> None:
    """Publish an issue of three papers listed yesterday, with 10, 20 and 30 votes."""
    daily = SourceFactory(kind=Source.Kind.HF_DAILY)
    yesterday = {"listed_on": MONDAY - timedelta(days=1), "first_seen_at": MORNING - timedelta(days=1)}
    papers = [PaperFactory(**yesterday) for _ in range(3)]
    for number, paper in enumerate(papers, start=1):
        SightingFactory(paper=paper, source=daily, seen_at=MORNING - timedelta(hours=20), votes=10 * number)
    published_issue(MONDAY, *papers)


@pytest.mark.usefixtures("published")
def test_a_published_day_is_served_as_json_with_its_formula_and_reasons(client: Client) -> None:
    told = client.get(ADDRESS).json()
    assert (told["day"], told["paper_count"], told["formula"]["half_life_days"]) == ("2026-05-04", 3, 2.0)
    assert [(paper["place"], paper["inputs"]["votes"]) for paper in told["papers"]] == [(1, 30), (2, 20), (3, 10)]
    assert told["papers"][0]["why"] == "30 votes since yesterday; listed yesterday"


@pytest.mark.parametrize("count", [1, 30])
def test_a_day_costs_the_same_queries_however_long_it_is(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    papers = PaperFactory.create_batch(count, listed_on=MONDAY - timedelta(days=1))
    for paper in papers:
        SightingFactory(paper=paper, seen_at=MORNING - timedelta(hours=20))
    published_issue(MONDAY, *papers)
    with django_assert_num_queries(3):
        told = client.get(ADDRESS).json()
    assert len(told["papers"]) == count


@pytest.mark.usefixtures("published")
def test_a_day_may_be_kept_and_is_not_sent_twice(client: Client) -> None:
    first = client.get(ADDRESS)
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert client.get(ADDRESS, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("day", ["2026-05-05", "2026-13-01", "20260504", "today"])
@pytest.mark.usefixtures("published")
def test_a_day_without_an_order_is_not_found(client: Client, day: str) -> None:
    assert client.get(f"/trending/{day}.json").status_code == 404


def test_a_day_is_only_read(client: Client) -> None:
    assert client.post(ADDRESS).status_code == 405

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from newsletter.papers.forecast import examples
from newsletter.papers.models import Paper, Source
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory, SourceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

ARXIV_TEXT = {name: [3, 1] for name in ("title", "abstract", "categories")}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
See = Callable[[Paper, datetime, int | None], None]


@pytest.fixture
def arxiv() -> Source:
    return SourceFactory(kind=Source.Kind.ARXIV)


def listed(arxiv: Source, day: date = MONDAY, **fields: object) -> Paper:
    seen_at = MORNING - (MONDAY - day)
    paper = PaperFactory(**{"origins": ARXIV_TEXT, "listed_on": day, "first_seen_at": seen_at} | fields)
    SightingFactory(paper=paper, source=arxiv, seen_at=seen_at, votes=None)
    return paper


def see(paper: Paper, source: Source, seen_at: datetime, votes: int) -> None:
    SightingFactory(paper=paper, source=source, seen_at=seen_at, votes=votes)


def found() -> list[dict[str, Any]]:
    return [json.loads(line) for line in examples.example_lines(MONDAY + DAY)]


def test_an_example_is_the_listings_text_and_its_day(arxiv: Source) -> None:
    paper = listed(arxiv, categories=["cs.CL", "cs.AI"], machine_summary="A machine’s words.")
    assert found() == [
        {
            "title": paper.title,
            "abstract": paper.abstract,
            "categories": ["cs.CL", "cs.AI"],
            "author_count": 2,
            "listed_on": "2026-05-04",
            "voted_on": None,
            "votes": 0,
        }
    ]


def test_a_paper_is_voted_on_from_its_first_vote_and_with_its_most_votes(arxiv: Source, daily: Source) -> None:
    paper = listed(arxiv)
    for hours, votes in [(20, 4), (30, 9), (40, 8)]:
        see(paper, daily, MORNING + hours * HOUR, votes)
    assert [(row["voted_on"], row["votes"]) for row in found()] == [("2026-05-05", 9)]


def test_votes_that_are_seen_with_the_paper_are_as_old_as_its_listing(arxiv: Source, daily: Source) -> None:
    paper = listed(arxiv, MONDAY - 3 * DAY, first_seen_at=MORNING)
    see(paper, daily, MORNING + HOUR, 5)
    assert [row["voted_on"] for row in found()] == ["2026-05-01"]


def test_a_list_that_shows_no_vote_is_none(arxiv: Source, daily: Source) -> None:
    see(listed(arxiv), daily, MORNING + HOUR, 0)
    assert [row["voted_on"] for row in found()] == [None]


@pytest.mark.parametrize("kind", [Source.Kind.READERS, Source.Kind.EDITORS])
def test_what_readers_and_editors_do_of_a_front_teaches_nothing(arxiv: Source, kind: Source.Kind) -> None:
    see(listed(arxiv), SourceFactory(kind=kind), MORNING + HOUR, 9)
    assert [(row["voted_on"], row["votes"]) for row in found()] == [(None, 0)]


def test_papers_that_no_arxiv_listing_showed_teach_nothing(daily: Source, arxiv: Source) -> None:
    see(PaperFactory(origins=ARXIV_TEXT), daily, MORNING, 9)
    listed(arxiv, origins=ARXIV_TEXT | {"abstract": [2, 0]})
    listed(arxiv, withdrawn_at=MORNING)
    listed(arxiv, MONDAY - examples.REMEMBERED)
    assert found() == []


def test_no_more_papers_are_read_than_training_has_memory_for_and_whole_days_only(
    arxiv: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "MAX_PAPERS", 3)
    for days in (0, 1, 1, 2):
        listed(arxiv, MONDAY - days * DAY)
    assert sorted(row["listed_on"] for row in found()) == ["2026-05-03", "2026-05-03", "2026-05-04"]

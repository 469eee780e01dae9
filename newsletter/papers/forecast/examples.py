"""The papers of this installation, and what came of them, as lines that `training` reads."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.db import connection

from newsletter.papers.forecast import forecasts
from newsletter.papers.models import Paper, Source

REMEMBERED = timedelta(days=180)
# The newest ones, which bounds what training takes: 40,000 papers need about 700 MB.
MAX_PAPERS = 40_000
TOGETHER = timedelta(hours=6)  # votes that are seen this soon after the paper itself are as old as its listing

# Readers' votes do not count here: readers vote on what an issue shows, and the forecast decides what it shows.
OUTCOMES = """
WITH seen AS (
    SELECT seen.paper_id, bool_or(source.kind = 'arxiv') AS is_listed, max(seen.votes) AS votes,
           min(seen.seen_at) FILTER (WHERE seen.votes > 0) AS voted_at
    FROM papers_sighting seen JOIN papers_source source ON source.id = seen.source_id
    WHERE seen.paper_id = ANY (%(papers)s) AND source.kind <> ALL (%(inside)s)
    GROUP BY seen.paper_id
)
SELECT title, abstract, categories, cardinality(authors), listed_on,
       CASE WHEN voted_at > first_seen_at + %(together)s
            THEN greatest(listed_on, (voted_at AT TIME ZONE 'UTC')::date)
            WHEN voted_at IS NOT NULL THEN listed_on END,
       coalesce(seen.votes, 0)
FROM papers_paper paper JOIN seen ON seen.paper_id = paper.id
WHERE is_listed ORDER BY key
"""


def example_lines(today: date) -> Iterator[str]:
    """Yield a line of JSON for each paper that an arXiv listing showed, the newest days first, MAX_PAPERS at most.

    Whole listing days only. Papers that came from elsewhere are left out: nearly all of them have votes, so a model
    would learn where a text is from.
    """
    papers = forecasts.only_arxiv_text(Paper.objects.present().filter(listed_on__gt=today - REMEMBERED))
    count = 0
    for day in papers.order_by("-listed_on").values_list("listed_on", flat=True).distinct():
        lines = [line_of(row) for row in outcomes(list(papers.filter(listed_on=day).values_list("pk", flat=True)))]
        count += len(lines)
        if count > MAX_PAPERS:
            return
        yield from lines


def outcomes(paper_ids: list[int]) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {
        "papers": paper_ids,
        "inside": [kind.value for kind in Source.INSIDE],
        "together": TOGETHER,
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, values)
        return list(cursor.fetchall())


def line_of(row: tuple[Any, ...]) -> str:
    title, abstract, categories, author_count, listed_on, voted_on, votes = row
    return (
        json.dumps(
            {
                "title": title,
                "abstract": abstract,
                "categories": categories,
                "author_count": author_count,
                "listed_on": listed_on.isoformat(),
                "voted_on": voted_on and voted_on.isoformat(),
                "votes": votes,
            }
        )
        + "\n"
    )

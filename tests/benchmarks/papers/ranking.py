"""How fast papers are ranked, and how well."""

import time
from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean

from django.db import connection

from newsletter import clock
from newsletter.papers import bulk_rows
from newsletter.papers.models import Paper, Source
from newsletter.papers.trending import ranking
from tests.benchmarks.papers.trending_evaluation import Overlap, overlaps, overlaps_in_the_morning, snapshots_in
from tests.benchmarks.recordings import HF_DAILY
from tests.benchmarks.registry import Figure, bench, shown

PAPERS = 50_000
SIGHTINGS = 1_000_000
ROUNDS = 3
AT_ONCE = 5_000
NOW = clock.moment("2026-05-15T05:00")

# Of each paper as many, by each source in turn, six hours apart, with growing figures.
MAKE_SIGHTINGS = """
INSERT INTO papers_sighting (paper_id, source_id, seen_at, votes, comments, stars, rank)
SELECT paper.id, (%(sources)s::bigint[])[1 + n %% %(source_count)s],
       paper.first_seen_at + n / %(source_count)s * interval '6 hours', paper.id %% 50 + n, n, n * 3, 1
FROM papers_paper paper, generate_series(0, %(each)s - 1) n
"""


@bench("rescore", unit="s", target=2, higher_is_better=False)
def rescore(scale: float) -> Figure:
    papers, each = max(1, round(PAPERS * scale)), SIGHTINGS // PAPERS
    make_rows(papers, each)
    seconds = []
    with clock.at(NOW):
        for _ in shown(range(ROUNDS), "rescore"):
            Paper.objects.update(score=0)
            started = time.perf_counter()
            ranking.score_papers()
            seconds.append(time.perf_counter() - started)
    return Figure(
        min(seconds),
        f"{papers:,} papers of the last 14 days, {papers * each:,} sightings by four sources, all scores "
        f"change; best of {ROUNDS}, worst {max(seconds):.2f} s",
    )


@bench("trending_overlap", unit="of the first 5", target=4.2, needs_recordings=True)
def trending_overlap(scale: float) -> Figure:
    snapshots = snapshots_in(HF_DAILY / "snapshots")
    mornings = overlaps_in_the_morning(snapshots, ranking.current_parameters())
    rest = overlaps(snapshots, ranking.current_parameters())
    days = {seen.listed_on for seen in snapshots}
    return Figure(
        kept_of(mornings, 5)[0],
        f"{len(days)} recorded listing with its votes at several hours: at 05:00 UTC of the next day "
        f"{compared(mornings)}; at all {len(snapshots) - len(days)} earlier hours {compared(rest)}. Target: what the "
        "votes of the hour alone come to over many days",
    )


def compared(found: Sequence[Overlap]) -> str:
    parts = []
    for first in (5, 10):
        by_formula, by_votes = kept_of(found, first)
        parts.append(f"{by_formula:.1f} of the first {first} stay ({by_votes:.1f} by votes alone)")
    return ", ".join(parts)


def kept_of(found: Sequence[Overlap], first: int) -> tuple[float, float]:
    """Return how many of the `first` papers stay in the mean, by the formula and by the votes of the hour."""
    those = [overlap for overlap in found if overlap.first == first]
    return (
        fmean(overlap.by_formula for overlap in those),
        fmean(overlap.by_votes for overlap in those),
    )


def make_rows(papers: int, each: int) -> None:
    """Fill the tables, and let PostgreSQL count them as it does by itself after a while."""
    kinds = [Source.Kind.HF_DAILY, Source.Kind.ARXIV, Source.Kind.FEED, Source.Kind.FEED]
    sources = [Source.objects.create(name=str(n), kind=kind, url=f"bench:{n}") for n, kind in enumerate(kinds)]
    ids = [source.pk for source in sources]
    for start in range(0, papers, AT_ONCE):
        bulk_rows.insert([paper_numbered(number) for number in range(start, min(start + AT_ONCE, papers))])
    with connection.cursor() as cursor:
        cursor.execute(MAKE_SIGHTINGS, {"sources": ids, "source_count": len(ids), "each": each})
        cursor.execute("VACUUM ANALYZE papers_paper, papers_sighting")


def paper_numbered(number: int) -> Paper:
    """Return one of the papers that were listed over the last days, as many every day."""
    seen_at = NOW - timedelta(days=number % ranking.SCORED_SPAN.days)
    return Paper(
        key=f"arxiv:2605.{number:05}",
        title=f"Paper {number}",
        abstract="We show a thing. " * 60,
        url=f"https://arxiv.org/abs/2605.{number:05}",
        first_seen_at=seen_at,
        listed_on=seen_at.date(),
    )

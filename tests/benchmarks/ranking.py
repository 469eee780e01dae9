"""How fast papers are ranked."""

import time

from django.db import connection

from newsletter import clock
from newsletter.papers import ranking
from newsletter.papers.models import Paper, Source
from tests.benchmarks.registry import Figure, bench, shown

PAPERS = 50_000
SIGHTINGS = 1_000_000
ROUNDS = 3
NOW = clock.moment("2026-05-15T05:00")

# Listed over the last fourteen days, as many every day.
MAKE_PAPERS = """
INSERT INTO papers_paper (
    key, version, title, abstract, authors, categories, primary_category, url, code_url, project_url, proposed_by,
    first_seen_at, listed_on, votes, comments, score
)
SELECT 'arxiv:2605.' || lpad(n::text, 5, '0'), 1, 'Paper ' || n, repeat('We show a thing. ', 60), '{A, B}', '{cs.CL}',
       'cs.CL', 'https://arxiv.org/abs/2605.' || n, '', '', '',
       %(now)s::timestamptz - days, (%(now)s::timestamptz - days)::date, 0, 0, 0
FROM generate_series(1, %(papers)s) n, LATERAL (SELECT n %% 14 * interval '1 day' AS days) age
"""
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


def make_rows(papers: int, each: int) -> None:
    """Fill the tables, and let PostgreSQL count them as it does by itself after a while."""
    kinds = [Source.Kind.HF_DAILY, Source.Kind.ARXIV, Source.Kind.FEED, Source.Kind.FEED]
    sources = [Source.objects.create(name=str(n), kind=kind, url=f"bench:{n}") for n, kind in enumerate(kinds)]
    ids = [source.pk for source in sources]
    with connection.cursor() as cursor:
        cursor.execute(MAKE_PAPERS, {"now": NOW, "papers": papers})
        cursor.execute(MAKE_SIGHTINGS, {"sources": ids, "source_count": len(ids), "each": each})
        cursor.execute("VACUUM ANALYZE papers_paper, papers_sighting")

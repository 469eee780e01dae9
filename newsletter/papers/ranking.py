"""The step that scores papers from what was seen of them."""

from datetime import timedelta

from django.db import connection

from newsletter import clock
from newsletter.papers import trending

SCORED = timedelta(days=14)

# One statement: the last figures of each source, summed by the source's weight, halved by the paper's age.
SCORE = """
WITH recent AS (
    SELECT id, listed_on FROM papers_paper WHERE listed_on >= %(since)s AND merged_into_id IS NULL
), latest AS (
    SELECT DISTINCT ON (seen.paper_id, seen.source_id) seen.*
    FROM papers_sighting seen JOIN recent ON recent.id = seen.paper_id
    WHERE seen.seen_at <= %(now)s
    ORDER BY seen.paper_id, seen.source_id, seen.seen_at DESC
), points AS (
    SELECT latest.paper_id,
           sum(coalesce(latest.votes, 0)) AS votes,
           sum(coalesce(latest.comments, 0)) AS comments,
           sum(source.weight * (%(mention)s + coalesce(latest.votes, 0)
               + %(comment)s * coalesce(latest.comments, 0))) AS points
    FROM latest JOIN papers_source source ON source.id = latest.source_id
    GROUP BY latest.paper_id
), scored AS (
    SELECT points.*, round((points.points * power(0.5,
               greatest(0, %(today)s::date - recent.listed_on) / %(half_life_days)s))::numeric, 6) AS score
    FROM points JOIN recent ON recent.id = points.paper_id
)
UPDATE papers_paper paper SET votes = scored.votes, comments = scored.comments, score = scored.score
FROM scored
WHERE paper.id = scored.paper_id
  AND (paper.votes, paper.comments, paper.score) IS DISTINCT FROM (scored.votes, scored.comments, scored.score)
"""


def score_papers() -> int:
    """Score the papers of the last days anew by `trending`; return how many changed. Safe to repeat."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            SCORE,
            {
                "now": now,
                "today": now.date(),
                "since": (now - SCORED).date(),
                "mention": trending.MENTION,
                "comment": trending.COMMENT,
                "half_life_days": trending.HALF_LIFE_DAYS,
            },
        )
        return int(cursor.rowcount)

"""How good the forecasts have been, week by week, as editors see it."""

from datetime import date, timedelta
from typing import NamedTuple

from django.db import connection

from newsletter import clock
from newsletter.papers.models import Source

SHOWN = timedelta(weeks=8)
FIRST = 40

# Papers that had votes when their forecast was made needed none. Readers' votes do not count: readers see what the
# forecast puts on a front.
RECORD = """
WITH voting AS MATERIALIZED (
    SELECT id FROM papers_source WHERE kind <> ALL (%(inside)s)
), foreseen AS (
    SELECT DISTINCT ON (paper.id) paper.id, paper.key, date_trunc('week', paper.listed_on)::date AS week,
           seen.forecast, seen.seen_at
    FROM papers_paper paper JOIN papers_sighting seen ON seen.paper_id = paper.id
    WHERE paper.listed_on >= %(since)s AND paper.withdrawn_at IS NULL AND paper.merged_into_id IS NULL
      AND seen.source_id = (SELECT id FROM papers_source WHERE url = 'forecast:') AND seen.forecast IS NOT NULL
    ORDER BY paper.id, seen.seen_at
), judged AS (
    SELECT foreseen.*, voted_at IS NOT NULL AS is_voted
    FROM foreseen CROSS JOIN LATERAL (
        SELECT min(vote.seen_at) AS voted_at FROM papers_sighting vote
        WHERE vote.paper_id = foreseen.id AND vote.votes > 0 AND vote.source_id IN (SELECT id FROM voting)
    ) first_vote
    WHERE voted_at IS NULL OR voted_at > foreseen.seen_at
), placed AS (
    SELECT week, is_voted, row_number() OVER (PARTITION BY week ORDER BY forecast DESC, md5(key)) AS by_forecast,
           row_number() OVER (PARTITION BY week ORDER BY key) AS by_id
    FROM judged
)
SELECT week, count(*), count(*) FILTER (WHERE is_voted),
       count(*) FILTER (WHERE is_voted AND by_forecast <= %(first)s),
       count(*) FILTER (WHERE is_voted AND by_id <= %(first)s)
FROM placed GROUP BY week ORDER BY week DESC
"""


class Week(NamedTuple):
    """The papers listed in one week that had no vote when their forecast was made, and how many got votes later."""

    monday: date
    papers: int
    voted: int
    voted_by_forecast: int  # of the first FIRST by forecast
    voted_by_id: int  # of the first FIRST in order of their ids


def weeks() -> list[Week]:
    """Return the last weeks that have forecasts, the newest first; its papers may still get votes."""
    today = clock.today()
    since = today - timedelta(days=today.weekday()) - SHOWN
    inside = [kind.value for kind in Source.INSIDE]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"inside": inside, "since": since, "first": FIRST})
        return [Week(*row) for row in cursor.fetchall()]

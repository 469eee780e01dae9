"""How many readers follow each topic: counted of few readers, estimated from a part of many."""

from collections.abc import Iterable

from django.db import connection

from newsletter.admin_site.large_lists import query_plan, round_estimate
from subscribers.models import Subscriber

LOOKED_AT = 20_000  # readers, of whatever number
SURE = 100  # of fewer in the part that was looked at, an estimate says too little

# The same part each time, so that no figure moves while nothing happens. Readers of a retired topic are its heir's.
READERS_OF_TOPICS = """
WITH choice AS MATERIALIZED (
    SELECT preferences_id, count(*) AS readers FROM subscribers_subscriber TABLESAMPLE SYSTEM (%s) REPEATABLE (1)
    WHERE status = 'active' GROUP BY preferences_id
), chosen AS (
    SELECT DISTINCT preferences_id, readers, coalesce(topic.retired_into_id, topic.id) AS topic_id
    FROM choice JOIN subscribers_preferencestopic USING (preferences_id) JOIN papers_topic topic ON topic.id = topic_id
)
SELECT topic_id, sum(readers)::bigint FROM chosen GROUP BY topic_id
"""


def readers_of_topics(topic_ids: Iterable[int]) -> dict[int, str]:
    """Return in words how many active readers follow each of these topics, by its id."""
    total = max(1, query_plan(Subscriber.objects.all())[0])
    percent = min(100.0, 100 * LOOKED_AT / total)
    with connection.cursor() as cursor:
        cursor.execute(READERS_OF_TOPICS, [percent])
        counts = dict(cursor.fetchall())
    return {topic: said(counts.get(topic, 0), percent) for topic in topic_ids}


def said(count: int, percent: float) -> str:
    if percent >= 100:
        return f"{count:,}"
    if count < SURE:
        return f"under {round(SURE * 100 / percent):,}"
    return f"about {round_estimate(round(count * 100 / percent)):,}"

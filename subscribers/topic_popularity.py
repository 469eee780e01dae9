"""The number of readers of each topic: counted for small lists, estimated from a sample of large ones."""

from collections.abc import Iterable

from django.db import connection

from newsletter.admin_site.large_lists import query_plan, round_estimate
from subscribers.models import Subscriber

SAMPLE_SIZE = 20_000  # readers, approximately
SMALLEST_SAMPLE_COUNT = 100  # readers; an estimate from fewer is too imprecise

# REPEATABLE draws the same sample each time, so counts do not jitter. Retired topics count for their successors.
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
    """Return the number of active readers of each topic as text (“1,234”, “about 12,000”), by topic id."""
    total = max(1, query_plan(Subscriber.objects.all())[0])
    percent = min(100.0, 100 * SAMPLE_SIZE / total)
    with connection.cursor() as cursor:
        cursor.execute(READERS_OF_TOPICS, [percent])
        counts = dict(cursor.fetchall())
    return {topic: count_text(counts.get(topic, 0), percent) for topic in topic_ids}


def count_text(count: int, percent: float) -> str:
    if percent >= 100:
        return f"{count:,}"
    if count < SMALLEST_SAMPLE_COUNT:
        return f"under {round(SMALLEST_SAMPLE_COUNT * 100 / percent):,}"
    return f"about {round_estimate(round(count * 100 / percent)):,}"

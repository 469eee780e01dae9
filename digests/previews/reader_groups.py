"""Counts readers by everything that decides their next digest, as assembly would see them if they were all due."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.assembly import already_sent, due_readers
from digests.assembly.due_readers import Group
from digests.models.delivery_state import NEVER_LEFT
from subscribers.digest_schedule import Rhythm, day_of, is_paused


class CountedGroup(NamedTuple):
    """Readers who get the same digest, or none for the same reason, with their first and last slot."""

    group: Group
    is_late: bool
    is_paused: bool
    readers: int
    first_at: int  # seconds since 1970: a million datetimes are slow to build
    last_at: int


# Readers whose pause may cover their slot are grouped by everything that decides this; Python decides it. The counts
# of many preferences are joined to text in one row: reading a row for each would take longer than counting.
COUNT_SQL = """
, counted AS (
  SELECT preferences_id, covered_through, {had} AS had, {is_late} AS is_late,
         CASE WHEN paused_until > (next_digest_at AT TIME ZONE 'UTC')::date - 2
              THEN json_build_array(frequency, weekday, send_time, timezone, paused_until, {seconds})::text
              ELSE '' END AS pause,
         count(*) AS readers, min(next_digest_at) AS first_at, max(next_digest_at) AS last_at
  FROM subscribers_subscriber {join}
  WHERE {is_due}
  GROUP BY 1, 2, 3, 4, 5
)
SELECT covered_through, had, is_late, pause, string_agg(preferences_id::text, ','), string_agg(readers::text, ','),
       string_agg({seconds_of_first}::text, ','), string_agg({seconds_of_last}::text, ',')
FROM counted GROUP BY 1, 2, 3, 4
"""
SECONDS_SQL = "extract(epoch FROM {})::bigint"
# Like HAD in digests/assembly/already_sent.py, in the other direction: from the few digests that contain such a paper
# to their readers. No such digest is older than the first issue with such a paper.
HAD_SQL = f"""
WITH {already_sent.PAIR}, start AS MATERIALIZED (
  SELECT id AS reader_id, {due_readers.IS_BACK} AS is_back, {already_sent.AFTER} AS after
  FROM subscribers_subscriber WHERE {due_readers.IS_DUE}
), reach AS MATERIALIZED ({already_sent.SINCE}), wanted AS MATERIALIZED ({already_sent.WANTED}), held AS MATERIALIZED (
  SELECT digest.id AS digest_id, wanted.paper_id, wanted.at
  FROM digests_digest digest CROSS JOIN LATERAL unnest(digest.card_ids) AS member(card_id)
  JOIN wanted ON wanted.id = member.card_id
  WHERE digest.made_at >= (SELECT min(since) FROM reach) AND digest.card_ids && ARRAY(SELECT id FROM wanted)
), had AS MATERIALIZED (
  SELECT start.reader_id, array_agg(DISTINCT held.paper_id ORDER BY held.paper_id) AS papers
  FROM held JOIN digests_delivery d ON d.digest_id = held.digest_id
  JOIN start ON start.reader_id = d.subscriber_id
  JOIN reach ON reach.after = start.after AND reach.is_back = start.is_back
  WHERE d.made_at >= (SELECT min(since) FROM reach) AND d.slot > reach.since - %(lateness)s
    AND NOT {NEVER_LEFT} AND held.at > start.after
  GROUP BY start.reader_id
)
"""
NO_HAD_SQL = "WITH had AS (SELECT)"
MEMORY_SQL = "SET LOCAL work_mem = '128MB'"  # counts a million readers without temporary files


def build_count_query(had: str, join: str) -> str:
    seconds, first, last = map(SECONDS_SQL.format, ("next_digest_at", "first_at", "last_at"))
    return COUNT_SQL.format(
        had=had, join=join, is_late=due_readers.IS_LATE, is_due=due_readers.IS_DUE,
        seconds=seconds, seconds_of_first=first, seconds_of_last=last,
    )  # fmt: skip


COUNT_WITHOUT_HAD_SQL = NO_HAD_SQL + build_count_query("'{}'::bigint[]", "")
COUNT_WITH_HAD_SQL = HAD_SQL + build_count_query(
    "coalesce(had.papers, '{}')", "LEFT JOIN had ON had.reader_id = subscribers_subscriber.id"
)


@transaction.atomic
def count_groups_due_by(until: datetime, now: datetime, pairs: Sequence[already_sent.Pair]) -> list[CountedGroup]:
    """Count the active readers whose next slot comes by `until`; `pairs` are the papers that may come twice."""
    values: dict[str, Any] = {
        "now": until,
        "newest": None,
        "latest": now - settings.DIGEST_LATEST,
        "lateness": settings.DIGEST_SPAN,
    }
    with connection.cursor() as cursor:
        cursor.execute(MEMORY_SQL)
        if pairs:
            cursor.execute(COUNT_WITH_HAD_SQL, values | already_sent.columns_of(pairs))
        else:
            cursor.execute(COUNT_WITHOUT_HAD_SQL, values)
        return [group for row in cursor.fetchall() for group in parse_row(*row)]


def parse_row(
    covered_through: datetime | None, had: Sequence[int], is_late: bool, pause: str, *columns: str
) -> Iterator[CountedGroup]:
    is_paused_then, had = bool(pause) and is_slot_paused(pause), tuple(had)
    for preferences_id, count, first, last in zip(*(map(int, text.split(",")) for text in columns), strict=True):
        yield CountedGroup(Group(preferences_id, covered_through, had), is_late, is_paused_then, count, first, last)


def is_slot_paused(pause: str) -> bool:
    """Return whether a pause covers its slot; `pause` is the JSON of COUNT_SQL with both."""
    frequency, weekday, send_time, zone, until, slot = json.loads(pause)
    rhythm = Rhythm(frequency, weekday, time.fromisoformat(send_time), zone, date.fromisoformat(until))
    return is_paused(rhythm, day_of(rhythm, datetime.fromtimestamp(slot, UTC)))


DUE_LATER_SQL = "SELECT count(*) FROM subscribers_subscriber WHERE status = 'active' AND next_digest_at > %s"


def count_due_after(until: datetime) -> int:
    """Count the active readers whose next slot comes after `until`."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_LATER_SQL, [until])
        return int(cursor.fetchone()[0])

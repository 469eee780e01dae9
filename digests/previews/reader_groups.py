"""Counts readers by everything that decides their next digest, as assembly would see them if they were all due."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.assembly import due_readers, histories_of_due
from digests.assembly.due_readers import Group
from digests.models.delivery_state import IS_GIVEN_BACK
from digests.selection.spans import Spans
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
  SELECT preferences_id, covered_through, coalesce(history.digests, '{{}}') AS history, {is_late} AS is_late,
         CASE WHEN paused_until > (next_digest_at AT TIME ZONE 'UTC')::date - 2
              THEN json_build_array(frequency, weekday, send_time, timezone, paused_until, {seconds})::text
              ELSE '' END AS pause,
         count(*) AS readers, min(next_digest_at) AS first_at, max(next_digest_at) AS last_at
  FROM subscribers_subscriber LEFT JOIN history ON history.reader_id = subscribers_subscriber.id
  WHERE {is_due}
  GROUP BY 1, 2, 3, 4, 5
)
SELECT covered_through, history, is_late, pause, string_agg(preferences_id::text, ','), string_agg(readers::text, ','),
       string_agg({seconds_of_first}::text, ','), string_agg({seconds_of_last}::text, ',')
FROM counted GROUP BY 1, 2, 3, 4
"""
SECONDS_SQL = "extract(epoch FROM {})::bigint"
# The digests of all readers at once: for so many, aggregating is faster than a look-up for each reader.
HISTORY_SQL = f"""
WITH start AS MATERIALIZED (
  SELECT id AS reader_id, {histories_of_due.COVERED} AS covered FROM subscribers_subscriber WHERE {due_readers.IS_DUE}
), since AS MATERIALIZED ({histories_of_due.SINCE.format(readers="start")}), history AS MATERIALIZED (
  SELECT start.reader_id, array_agg(d.digest_id ORDER BY d.digest_id) AS digests
  FROM start JOIN since USING (covered) JOIN digests_delivery d ON d.subscriber_id = start.reader_id
  WHERE d.made_at >= (SELECT min(since) FROM since) AND d.made_at >= since.since
    AND d.digest_id IS NOT NULL AND NOT {IS_GIVEN_BACK}
  GROUP BY start.reader_id
)
"""
MEMORY_SQL = "SET LOCAL work_mem = '128MB'"  # counts a million readers without temporary files
COUNT_BY_HISTORY_SQL = HISTORY_SQL + COUNT_SQL.format(
    is_late=due_readers.IS_LATE,
    is_due=due_readers.IS_DUE,
    seconds=SECONDS_SQL.format("next_digest_at"),
    seconds_of_first=SECONDS_SQL.format("first_at"),
    seconds_of_last=SECONDS_SQL.format("last_at"),
)


@transaction.atomic
def count_groups_due_by(until: datetime, source: Spans) -> list[CountedGroup]:
    """Count the active readers whose next slot comes by `until`, by what decides their digest of `source`."""
    values: dict[str, Any] = {"now": until, "newest": None, "latest_slot": source.now - settings.DIGEST_LATEST}
    with connection.cursor() as cursor:
        cursor.execute(MEMORY_SQL)
        cursor.execute(COUNT_BY_HISTORY_SQL, values | histories_of_due.history_parameters(source))
        return [group for row in cursor.fetchall() for group in parse_row(*row)]


def parse_row(
    covered_through: datetime | None, history: Sequence[int], is_late: bool, pause: str, *columns: str
) -> Iterator[CountedGroup]:
    is_paused_then, history = bool(pause) and is_slot_paused(pause), tuple(history)
    for preferences_id, count, first, last in zip(*(map(int, text.split(",")) for text in columns), strict=True):
        group = Group(preferences_id, covered_through, history)
        yield CountedGroup(group, is_late, is_paused_then, count, first, last)


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

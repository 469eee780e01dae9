"""Readers counted by what decides their next digest, as assembly would see them were they all due."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.assembly import already_sent, due_readers
from digests.assembly.due_readers import Group
from digests.models.delivery_state import NEVER_LEFT
from digests.selection.spans import Spans
from subscribers.digest_schedule import Rhythm, day_of, is_paused


class Readers(NamedTuple):
    """Readers who get the same for the same reason, and when the first and the last of them do."""

    group: Group
    is_late: bool
    is_paused: bool
    readers: int
    first_at: int  # seconds since 1970, as a million moments are slow to make
    last_at: int


# A pause that may have come over a slot is told apart by all that decides it, and looked at closer in Python. Numbers
# travel as text, all preferences in a row: a row for each would take longer to read than to count.
COUNT = """
, counted AS (
  SELECT preferences_id, covered_through, {history} AS history, {is_late} AS is_late,
         CASE WHEN paused_until > (next_digest_at AT TIME ZONE 'UTC')::date - 2
              THEN json_build_array(frequency, weekday, send_time, timezone, paused_until, {seconds})::text
              ELSE '' END AS pause,
         count(*) AS readers, min(next_digest_at) AS first_at, max(next_digest_at) AS last_at
  FROM subscribers_subscriber {join}
  WHERE {is_due}
  GROUP BY 1, 2, 3, 4, 5
)
SELECT covered_through, history, is_late, pause, string_agg(preferences_id::text, ','), string_agg(readers::text, ','),
       string_agg({seconds_of_first}::text, ','), string_agg({seconds_of_last}::text, ',')
FROM counted GROUP BY 1, 2, 3, 4
"""
SECONDS = "extract(epoch FROM {})::bigint"
# The digests of all readers at once: for so many, sorting them is faster than looking up each reader's.
HISTORY = f"""
WITH start AS MATERIALIZED (
  SELECT id AS reader_id, {already_sent.COVERED} AS covered FROM subscribers_subscriber WHERE {due_readers.IS_DUE}
), since AS MATERIALIZED ({already_sent.SINCE.format(readers="start")}), history AS MATERIALIZED (
  SELECT start.reader_id, array_agg(d.digest_id ORDER BY d.digest_id) AS digests
  FROM start JOIN since USING (covered) JOIN digests_delivery d ON d.subscriber_id = start.reader_id
  WHERE d.made_at >= (SELECT min(since) FROM since) AND d.made_at >= since.since
    AND d.digest_id IS NOT NULL AND NOT {NEVER_LEFT}
  GROUP BY start.reader_id
)
"""
MEMORY = "SET LOCAL work_mem = '128MB'"  # counting a million readers without writing them to disk
SECONDS_OF = dict(zip(("seconds", "seconds_of_first", "seconds_of_last"),
                      map(SECONDS.format, ("next_digest_at", "first_at", "last_at")), strict=True))  # fmt: skip
DUE = HISTORY + COUNT.format(
    history="coalesce(history.digests, '{}')",
    join="LEFT JOIN history ON history.reader_id = subscribers_subscriber.id",
    is_late=due_readers.IS_LATE,
    is_due=due_readers.IS_DUE,
    **SECONDS_OF,
)


@transaction.atomic
def due_by(until: datetime, source: Spans) -> list[Readers]:
    """Count the active readers whose next slot comes by a moment, by what decides their digest of `source`."""
    values: dict[str, Any] = {"now": until, "newest": None, "latest_slot": source.now - settings.DIGEST_LATEST}
    with connection.cursor() as cursor:
        cursor.execute(MEMORY)
        cursor.execute(DUE, values | already_sent.history_values(source))
        return [readers for row in cursor.fetchall() for readers in readers_of(*row)]


def readers_of(
    covered_through: datetime | None, history: Sequence[int], is_late: bool, pause: str, *columns: str
) -> Iterator[Readers]:
    pauses, digests = bool(pause) and is_over(pause), tuple(history)
    for preferences_id, count, first, last in zip(*(map(int, text.split(",")) for text in columns), strict=True):
        yield Readers(Group(preferences_id, covered_through, digests), is_late, pauses, count, first, last)


def is_over(pause: str) -> bool:
    """Say whether a pause came over the slot that is told with it."""
    frequency, weekday, send_time, zone, until, slot = json.loads(pause)
    rhythm = Rhythm(frequency, weekday, time.fromisoformat(send_time), zone, date.fromisoformat(until))
    return is_paused(rhythm, day_of(rhythm, datetime.fromtimestamp(slot, UTC)))


LATER = "SELECT count(*) FROM subscribers_subscriber WHERE status = 'active' AND next_digest_at > %s"


def due_later(until: datetime) -> int:
    """Count the active readers whose next slot comes after a moment."""
    with connection.cursor() as cursor:
        cursor.execute(LATER, [until])
        return int(cursor.fetchone()[0])

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
SECONDS = "extract(epoch FROM {})::bigint"
# As earlier.HAD, the other way round: from the few digests that hold such a paper to their readers. None was made
# before the first issue with such a paper was out.
HAD = f"""
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
NOBODY_HAD = "WITH had AS (SELECT)"
MEMORY = "SET LOCAL work_mem = '128MB'"  # counting a million readers without writing them to disk


def count_of(had: str, join: str) -> str:
    seconds, first, last = map(SECONDS.format, ("next_digest_at", "first_at", "last_at"))
    return COUNT.format(
        had=had, join=join, is_late=due_readers.IS_LATE, is_due=due_readers.IS_DUE,
        seconds=seconds, seconds_of_first=first, seconds_of_last=last,
    )  # fmt: skip


WITHOUT_HAD = NOBODY_HAD + count_of("'{}'::bigint[]", "")
WITH_HAD = HAD + count_of("coalesce(had.papers, '{}')", "LEFT JOIN had ON had.reader_id = subscribers_subscriber.id")


@transaction.atomic
def due_by(until: datetime, now: datetime, pairs: Sequence[already_sent.Pair]) -> list[Readers]:
    """Count the active readers whose next slot comes by a moment; `pairs` is what may come to them twice."""
    values: dict[str, Any] = {
        "now": until,
        "newest": None,
        "latest": now - settings.DIGEST_LATEST,
        "lateness": settings.DIGEST_SPAN,
    }
    with connection.cursor() as cursor:
        cursor.execute(MEMORY)
        if pairs:
            cursor.execute(WITH_HAD, values | already_sent.columns_of(pairs))
        else:
            cursor.execute(WITHOUT_HAD, values)
        return [readers for row in cursor.fetchall() for readers in readers_of(*row)]


def readers_of(
    covered_through: datetime | None, had: Sequence[int], is_late: bool, pause: str, *columns: str
) -> Iterator[Readers]:
    pauses, had = bool(pause) and is_over(pause), tuple(had)
    for preferences_id, count, first, last in zip(*(map(int, text.split(",")) for text in columns), strict=True):
        yield Readers(Group(preferences_id, covered_through, had), is_late, pauses, count, first, last)


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

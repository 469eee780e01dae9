"""Correct stored slots after an update of the time zone database."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from newsletter import clock
from subscribers.digest_schedule import Rhythm, slot_by_current_rules


class Move(NamedTuple):
    """The corrected slot of all readers who share a rhythm and a stored slot."""

    rhythm: Rhythm
    stored: datetime
    corrected: datetime


def follow_changed_rules() -> int:
    """Move every future slot to the same local day and hour by the current rules; return the number of readers moved.

    Safe to repeat. Slots that are due stay, and so do readers rescheduled in the meantime.
    """
    moves = list(moves_needed(clock.now()))
    if not moves:
        return 0
    columns = zip(*((*move.rhythm, move.stored, move.corrected) for move in moves), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [list(column) for column in columns])
        return int(cursor.rowcount)


def moves_needed(now: datetime) -> Iterator[Move]:
    """Yield the slots that differ, computed once for all readers who share a rhythm."""
    with connection.cursor() as cursor:
        cursor.execute(SLOTS, [now])
        for *when, stored in cursor:
            rhythm = Rhythm(*when)
            if (corrected := slot_by_current_rules(rhythm, stored)) != stored:
                yield Move(rhythm, stored, corrected)


SLOTS = """
SELECT DISTINCT frequency, weekday, send_time, timezone, paused_until, next_digest_at
FROM subscribers_subscriber
WHERE status = 'active' AND next_digest_at > %s
"""
MOVE = """
UPDATE subscribers_subscriber reader
SET next_digest_at = moved.slot
FROM unnest(%s::text[], %s::int[], %s::time[], %s::text[], %s::date[], %s::timestamptz[], %s::timestamptz[])
    AS moved(frequency, weekday, send_time, timezone, paused_until, stored, slot)
WHERE reader.status = 'active' AND reader.next_digest_at = moved.stored
  AND (reader.frequency, reader.weekday, reader.send_time, reader.timezone)
    = (moved.frequency, moved.weekday, moved.send_time, moved.timezone)
  AND reader.paused_until IS NOT DISTINCT FROM moved.paused_until
  AND moved.slot > coalesce(reader.last_slot_at, '-infinity')
"""

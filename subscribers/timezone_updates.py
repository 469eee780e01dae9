"""The step that puts right slots computed by rules of a zone that have changed since."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from newsletter import clock
from subscribers.digest_schedule import Rhythm, by_present_rules


class Move(NamedTuple):
    """Where the slot goes of all readers of one rhythm."""

    rhythm: Rhythm
    stored: datetime
    right: datetime


def follow_changed_rules() -> int:
    """Move every slot to come to the same day and hour by today's rules; return how many readers that moved.

    Safe to repeat. What is due already stays, and so does who was rescheduled meanwhile.
    """
    moves = list(moves_needed(clock.now()))
    if not moves:
        return 0
    columns = zip(*((*move.rhythm, move.stored, move.right) for move in moves), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [list(column) for column in columns])
        return int(cursor.rowcount)


def moves_needed(now: datetime) -> Iterator[Move]:
    """Yield what differs, worked out once for all readers of a rhythm."""
    with connection.cursor() as cursor:
        cursor.execute(SLOTS, [now])
        for *when, stored in cursor:
            rhythm = Rhythm(*when)
            if (right := by_present_rules(rhythm, stored)) != stored:
                yield Move(rhythm, stored, right)


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

"""What publishing an issue now would set going: how many readers come due within a day, and who is the first."""

import math
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from newsletter import clock
from newsletter.issues.models import Issue
from subscribers.digest_schedule import Rhythm, day_of, is_paused

AHEAD = timedelta(hours=24)
HOUR = timedelta(hours=1)
MOVED_PERCENT, MOVED_READERS = 1, 10  # a number that moved by more than both is another number


class Slot(NamedTuple):
    at: datetime
    zone: str

    @property
    def words(self) -> str:
        """Say when it is on the readers' clocks: “at 06:00 in Auckland (18:00 UTC)”."""
        area, _, city = self.zone.rpartition("/")
        if not area or area == "Etc":
            return f"at {self.at:%H:%M} UTC"
        return f"at {self.at.astimezone(ZoneInfo(self.zone)):%H:%M} in {city.replace('_', ' ')} ({self.at:%H:%M} UTC)"


class PublishForecast(NamedTuple):
    papers: int
    readers: int  # who come due within a day, and are not paused then
    waiting: int  # of these, who are due already
    paused: int  # active readers who have a pause on
    active: int
    hours: int  # until the last of these is due
    first: Slot | None  # of those who are not due yet

    @property
    def words(self) -> str:
        said = f"{counted(self.papers, 'paper')}, {counted(self.readers, 'reader')}"
        if not self.readers:
            return f"{said} within a day."
        if not self.first:
            return f"{said}, all of them at once."
        over = f"{said} over the next {self.hours} hours" if self.hours > 1 else f"{said} within the hour"
        return f"{over}; the first {'at once' if self.waiting else self.first.words}."

    def differs_from(self, readers: int) -> bool:
        """Say whether so many readers, as an editor saw them, are another number by now."""
        moved = abs(self.readers - readers)
        return moved > MOVED_READERS and moved * 100 > readers * MOVED_PERCENT


def counted(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


# One pass over the active readers. Many share a slot, and few have a pause on: only of these the hour is asked. Who is
# due so late that the mail would expire is not counted among those who come due.
ACTIVE = """
SELECT CASE WHEN is_due THEN next_digest_at END, CASE WHEN is_due THEN timezone END,
       CASE WHEN has_pause THEN paused_until END, CASE WHEN has_pause THEN send_time END, count(*)
FROM (
  SELECT next_digest_at, timezone, paused_until, send_time, paused_until > %(yesterday)s AS has_pause,
         next_digest_at <= %(end)s AND (covered_through IS NULL OR next_digest_at >= %(latest)s) AS is_due
  FROM subscribers_subscriber WHERE status = 'active'
) reader
GROUP BY 1, 2, 3, 4
"""


class Share(NamedTuple):
    """Active readers who have one slot within a day, or none, and one pause."""

    at: datetime | None
    zone: str | None
    paused_until: date | None
    send_time: time | None
    readers: int

    @property
    def slot(self) -> Slot | None:
        """Return when they come due; nothing where they do not, or fall into their pause."""
        if self.at is None or self.zone is None:
            return None
        rhythm = Rhythm("daily", 0, self.send_time or time(), self.zone, self.paused_until)
        is_off = self.paused_until is not None and is_paused(rhythm, day_of(rhythm, self.at))
        return None if is_off else Slot(self.at, self.zone)


def outlook_of(issue: Issue) -> PublishForecast:
    """Say what becomes of an issue that is published now."""
    now = clock.now()
    shares = active_readers(now)
    due: Counter[Slot] = Counter()
    for share in shares:
        if slot := share.slot:
            due[slot] += share.readers
    coming = [slot for slot in due if slot.at > now]
    return PublishForecast(
        papers=issue.entries.front().kept().exclude(paper=None).count(),
        readers=due.total(),
        waiting=sum(count for slot, count in due.items() if slot.at <= now),
        paused=sum(share.readers for share in shares if share.paused_until and share.paused_until > now.date()),
        active=sum(share.readers for share in shares),
        hours=math.ceil((max(coming).at - now) / HOUR) if coming else 0,
        first=min(coming, key=lambda slot: (slot.at, -due[slot], slot.zone), default=None),
    )


def active_readers(now: datetime) -> list[Share]:
    # It may be yesterday where a reader is.
    moments = {"yesterday": (now - AHEAD).date(), "end": now + AHEAD, "latest": now - settings.DIGEST_LATEST}
    with connection.cursor() as cursor:
        cursor.execute(ACTIVE, moments)
        return [Share(*row) for row in cursor.fetchall()]

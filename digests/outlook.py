"""What publishing an issue now would set going: how many readers come due within a day, and who is the first."""

import math
from collections import Counter
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from newsletter import clock
from newsletter.issues.models import Issue
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm, day_of, is_paused

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


class Outlook(NamedTuple):
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


# Many share a slot, and few have a pause on: only of these the hour is asked. Who is too late gets none.
DUE = """
SELECT next_digest_at, timezone,
       CASE WHEN paused_until > %(today)s THEN paused_until END,
       CASE WHEN paused_until > %(today)s THEN send_time END, count(*)
FROM subscribers_subscriber
WHERE status = 'active' AND next_digest_at <= %(end)s AND (covered_through IS NULL OR next_digest_at >= %(latest)s)
GROUP BY 1, 2, 3, 4
"""


def outlook_of(issue: Issue) -> Outlook:
    """Say what becomes of an issue that is published now. One pass over those who are due within a day."""
    now = clock.now()
    due: Counter[Slot] = Counter()
    with connection.cursor() as cursor:
        today = (now - AHEAD).date()  # it may be yesterday where a reader is
        cursor.execute(DUE, {"today": today, "end": now + AHEAD, "latest": now - settings.DIGEST_LATEST})
        for at, zone, paused_until, send_time, count in cursor.fetchall():
            if not is_off(at, zone, paused_until, send_time):
                due[Slot(at, zone)] += count
    coming = [slot for slot in due if slot.at > now]
    return Outlook(
        papers=issue.entries.front().kept().count(),
        readers=due.total(),
        waiting=sum(count for slot, count in due.items() if slot.at <= now),
        paused=Subscriber.objects.active().filter(paused_until__gt=now.date()).count(),
        active=Subscriber.objects.active().count(),
        hours=math.ceil((max(coming).at - now) / HOUR) if coming else 0,
        first=min(coming, key=lambda slot: (slot.at, -due[slot], slot.zone), default=None),
    )


def is_off(at: datetime, zone: str, paused_until: object, send_time: time | None) -> bool:
    """Say whether a slot falls into a pause."""
    if send_time is None:
        return False
    rhythm = Rhythm("daily", 0, send_time, zone, paused_until)  # type: ignore[arg-type]
    return is_paused(rhythm, day_of(rhythm, at))

"""Forecasts what publishing an issue now would do: how many readers come due within a day, and when the first is."""

import math
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.number_text import pluralize
from subscribers.digest_schedule import Rhythm, day_of, is_paused

AHEAD = timedelta(hours=24)
HOUR = timedelta(hours=1)
TOLERATED_PERCENT, TOLERATED_READERS = 1, 10  # a count that differs by more than both has changed


class Slot(NamedTuple):
    at: datetime
    zone: str

    @property
    def words(self) -> str:
        """Return the time on the readers' clocks: “at 06:00 in Auckland (18:00 UTC)”."""
        area, _, city = self.zone.rpartition("/")
        if not area or area == "Etc":
            return f"at {self.at:%H:%M} UTC"
        return f"at {self.at.astimezone(ZoneInfo(self.zone)):%H:%M} in {city.replace('_', ' ')} ({self.at:%H:%M} UTC)"


class PublishForecast(NamedTuple):
    papers: int
    readers: int  # who come due within a day and are not paused then
    waiting: int  # of `readers`, those already due
    paused: int  # active readers who have paused
    active: int
    hours: int  # until the last of `readers` is due, rounded up
    first: Slot | None  # the earliest slot that is still ahead

    @property
    def words(self) -> str:
        said = f"{pluralize(self.papers, 'paper')}, {pluralize(self.readers, 'reader')}"
        if not self.readers:
            return f"{said} within a day."
        if not self.first:
            return f"{said}, all of them at once."
        over = f"{said} over the next {self.hours} hours" if self.hours > 1 else f"{said} within the hour"
        return f"{over}; the first {'at once' if self.waiting else self.first.words}."

    def differs_from(self, readers: int) -> bool:
        """Return whether the count has changed noticeably since an editor saw `readers`."""
        change = abs(self.readers - readers)
        return change > TOLERATED_READERS and change * 100 > readers * TOLERATED_PERCENT


# One pass over the active readers. Many share a slot; send_time is selected only for the few who have paused, who
# alone need it. Readers so overdue that their mail would expire are not counted as coming due.
ACTIVE_READERS_SQL = """
SELECT CASE WHEN is_due THEN next_digest_at END, CASE WHEN is_due THEN timezone END,
       CASE WHEN has_pause THEN paused_until END, CASE WHEN has_pause THEN send_time END, count(*)
FROM (
  SELECT next_digest_at, timezone, paused_until, send_time, paused_until > %(yesterday)s AS has_pause,
         next_digest_at <= %(end)s AND (covered_through IS NULL OR next_digest_at >= %(latest)s) AS is_due
  FROM subscribers_subscriber WHERE status = 'active'
) reader
GROUP BY 1, 2, 3, 4
"""


class ReaderGroup(NamedTuple):
    """Active readers with the same slot within a day (None: no slot) and the same pause."""

    at: datetime | None
    zone: str | None
    paused_until: date | None
    send_time: time | None
    readers: int

    @property
    def slot(self) -> Slot | None:
        """Return when these readers come due; None if they do not, or if they are paused then."""
        if self.at is None or self.zone is None:
            return None
        rhythm = Rhythm("daily", 0, self.send_time or time(), self.zone, self.paused_until)
        is_paused_then = self.paused_until is not None and is_paused(rhythm, day_of(rhythm, self.at))
        return None if is_paused_then else Slot(self.at, self.zone)


def forecast_publication(issue: Issue) -> PublishForecast:
    """Forecast the publication of `issue` at the present moment."""
    now = clock.now()
    groups = load_active_reader_groups(now)
    due: Counter[Slot] = Counter()
    for group in groups:
        if slot := group.slot:
            due[slot] += group.readers
    coming = [slot for slot in due if slot.at > now]
    return PublishForecast(
        papers=issue.entries.front().kept().exclude(paper=None).count(),
        readers=due.total(),
        waiting=sum(count for slot, count in due.items() if slot.at <= now),
        paused=sum(group.readers for group in groups if group.paused_until and group.paused_until > now.date()),
        active=sum(group.readers for group in groups),
        hours=math.ceil((max(coming).at - now) / HOUR) if coming else 0,
        first=min(coming, key=lambda slot: (slot.at, -due[slot], slot.zone), default=None),
    )


def load_active_reader_groups(now: datetime) -> list[ReaderGroup]:
    # West of UTC the local date may still be yesterday.
    moments = {"yesterday": (now - AHEAD).date(), "end": now + AHEAD, "latest": now - settings.DIGEST_LATEST}
    with connection.cursor() as cursor:
        cursor.execute(ACTIVE_READERS_SQL, moments)
        return [ReaderGroup(*row) for row in cursor.fetchall()]

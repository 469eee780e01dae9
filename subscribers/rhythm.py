"""When a reader's next digest is due: pure arithmetic of days, hours and zones."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Rhythm(NamedTuple):
    """A reader's choice of when; readers with an equal rhythm are due together."""

    frequency: str  # a Subscriber.Frequency
    weekday: int  # 0 is Monday; read only where the frequency is weekly
    send_time: time
    timezone: str
    paused_until: date | None = None


def next_slot(rhythm: Rhythm, after: datetime) -> datetime:
    """Return the first moment of `rhythm` later than `after`, in UTC.

    An hour that a change of the clocks skips moves forward by the change; one that comes twice is its first.
    """
    zone = ZoneInfo(rhythm.timezone)
    day = after.astimezone(zone).date() - timedelta(days=1)
    if rhythm.paused_until and day < rhythm.paused_until:
        day = rhythm.paused_until
    while True:
        if is_day_of(rhythm, day) and (slot := moment(day, rhythm.send_time, zone)) > after:
            return slot
        day += timedelta(days=1)


def is_day_of(rhythm: Rhythm, day: date) -> bool:
    match rhythm.frequency:
        case "weekdays":
            return day.weekday() < 5
        case "weekly":
            return day.weekday() == rhythm.weekday
        case _:
            return True


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    # fold=0: the first of two equal hours; in a gap the offset before the change, so a moment after the gap.
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)

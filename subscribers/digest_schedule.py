"""When a reader's next digest is due: pure arithmetic of days, hours and zones."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# A slot that comes sooner than this after the last was the next day’s, whatever the clocks do; a weekly one does not.
AT_HAND = timedelta(days=3)


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
    return first_slot(rhythm, after, date.min)


def slot_after(rhythm: Rhythm, slot: datetime, floor: datetime, *, is_welcome: bool) -> datetime:
    """Return what follows `slot`, which was served or skipped: for a later day, and later than `floor`.

    A welcome comes at no hour of the rhythm, so the hour of its day is still to come.
    """
    came = day_of(rhythm, slot)
    return first_slot(rhythm, max(slot, floor), came if is_welcome else came + DAY)


def slot_after_change(
    rhythm: Rhythm, now: datetime, *, pending: datetime, last: datetime | None, welcomed_at: datetime | None
) -> datetime:
    """Return the next slot of a reader who changes to `rhythm` now: one a day of the zone, none twice, none lost.

    `pending` was the next slot so far, `last` the one served or skipped before it. What is due already stays due,
    pauses aside. A reader whose day would be lost, because its hour is over, is due now. Later than `last`.
    """
    today = day_at(rhythm, now)
    if pending <= now and not is_paused(rhythm, today):
        return pending
    if last is None:
        return now if is_over(rhythm, today, now) else next_slot(rhythm, after=now)
    upcoming = slot_after(rhythm, last, now, is_welcome=last == welcomed_at)
    is_lost = loses_today(rhythm, now, last) or (pending < upcoming and loses_yesterday(rhythm, now, last, pending))
    return now if is_lost and now > last else upcoming


def loses_today(rhythm: Rhythm, now: datetime, last: datetime) -> bool:
    today = day_at(rhythm, now)
    return day_of(rhythm, last) < today and is_over(rhythm, today, now)


def loses_yesterday(rhythm: Rhythm, now: datetime, last: datetime, pending: datetime) -> bool:
    """Say whether a move eastward jumps over a day whose slot was at hand."""
    yesterday = day_at(rhythm, now) - DAY
    return day_of(rhythm, last) < yesterday and has_slot(rhythm, yesterday) and pending - last < AT_HAND


def is_over(rhythm: Rhythm, day: date, now: datetime) -> bool:
    """Say whether `day` has a slot and its hour is over."""
    return has_slot(rhythm, day) and moment(day, rhythm.send_time, ZoneInfo(rhythm.timezone)) <= now


def by_present_rules(rhythm: Rhythm, slot: datetime) -> datetime:
    """Return the same hour of the same day as `slot` by what is known of the zone now."""
    zone, day = ZoneInfo(rhythm.timezone), day_at(rhythm, slot)
    days = [near for near in (day - DAY, day, day + DAY) if has_slot(rhythm, near)]
    return min((moment(near, rhythm.send_time, zone) for near in days), key=lambda m: abs(m - slot), default=slot)


def first_slot(rhythm: Rhythm, after: datetime, day: date) -> datetime:
    """Return the first moment later than `after` that is for `day` or a later one."""
    day = max(day, day_at(rhythm, after) - DAY, rhythm.paused_until or date.min)
    zone = ZoneInfo(rhythm.timezone)
    while True:
        if is_day_of(rhythm, day) and (slot := moment(day, rhythm.send_time, zone)) > after:
            return slot
        day += DAY


def day_of(rhythm: Rhythm, slot: datetime) -> date:
    """Return the day a slot is for: the day on the clock, or the one before where a gap at midnight delayed it."""
    day = day_at(rhythm, slot)
    is_delayed = moment(day - DAY, rhythm.send_time, ZoneInfo(rhythm.timezone)) == slot
    return day - DAY if is_delayed else day


def day_at(rhythm: Rhythm, at: datetime) -> date:
    return at.astimezone(ZoneInfo(rhythm.timezone)).date()


def has_slot(rhythm: Rhythm, day: date) -> bool:
    return is_day_of(rhythm, day) and not is_paused(rhythm, day)


def is_paused(rhythm: Rhythm, day: date) -> bool:
    return rhythm.paused_until is not None and day < rhythm.paused_until


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

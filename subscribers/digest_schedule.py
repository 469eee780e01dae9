"""When a reader's next digest is due: pure arithmetic on days, hours and time zones."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# Slots of a daily reader are closer together than this, even across a time zone change; weekly ones are not.
LONGEST_DAILY_GAP = timedelta(days=3)


class Rhythm(NamedTuple):
    """When a reader wants digests. Readers with equal rhythms are due together."""

    frequency: str  # a Subscriber.Frequency
    weekday: int  # 0 is Monday; used only if frequency is weekly
    send_time: time
    timezone: str
    paused_until: date | None = None


def next_slot(rhythm: Rhythm, after: datetime) -> datetime:
    """Return the first slot of `rhythm` after `after`, in UTC.

    A local time skipped by daylight saving moves forward by the change; a repeated one means its first occurrence.
    """
    return first_slot(rhythm, after, date.min)


def slot_after(rhythm: Rhythm, slot: datetime, floor: datetime, *, is_welcome: bool) -> datetime:
    """Return the slot after `slot`, which was served or skipped: on a later day, and later than `floor`.

    A welcome digest is not sent at the rhythm's hour, so the regular slot of the same day may still follow it.
    """
    day = day_of(rhythm, slot)
    return first_slot(rhythm, max(slot, floor), day if is_welcome else day + DAY)


def slot_after_change(
    rhythm: Rhythm, now: datetime, *, pending: datetime, last: datetime | None, welcomed_at: datetime | None
) -> datetime:
    """Return the next slot, later than `last`, of a reader who changes to `rhythm` now.

    No local day gets two slots, and none loses its slot. `pending` is the next slot so far, `last` the one served or
    skipped before it. A slot that is due stays due unless the reader paused. A reader whose new hour has already
    passed on a day without a digest is due now.
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
    """Return True if a move eastward skips a day on which a slot was pending."""
    yesterday = day_at(rhythm, now) - DAY
    return day_of(rhythm, last) < yesterday and has_slot(rhythm, yesterday) and pending - last < LONGEST_DAILY_GAP


def is_over(rhythm: Rhythm, day: date, now: datetime) -> bool:
    """Return True if `day` has a slot and its time has passed."""
    return has_slot(rhythm, day) and moment(day, rhythm.send_time, ZoneInfo(rhythm.timezone)) <= now


def slot_by_current_rules(rhythm: Rhythm, slot: datetime) -> datetime:
    """Return the UTC time of the local day and hour of `slot`, by the current time zone rules."""
    zone, day = ZoneInfo(rhythm.timezone), day_at(rhythm, slot)
    days = [near for near in (day - DAY, day, day + DAY) if has_slot(rhythm, near)]
    return min((moment(near, rhythm.send_time, zone) for near in days), key=lambda m: abs(m - slot), default=slot)


def first_slot(rhythm: Rhythm, after: datetime, day: date) -> datetime:
    """Return the first slot after `after` that belongs to `day` or a later day."""
    day = max(day, day_at(rhythm, after) - DAY, rhythm.paused_until or date.min)
    zone = ZoneInfo(rhythm.timezone)
    while True:
        if is_day_of(rhythm, day) and (slot := moment(day, rhythm.send_time, zone)) > after:
            return slot
        day += DAY


def day_of(rhythm: Rhythm, slot: datetime) -> date:
    """Return the local day a slot belongs to: the day before if a daylight saving gap moved it past midnight."""
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
    # fold=0 is the first of two repeated hours; in a gap it uses the old offset, which lands after the gap.
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from subscribers.digest_schedule import Rhythm, is_day_of, next_slot

FREQUENCIES = ("daily", "weekdays", "weekly")
DAY = timedelta(days=1)

minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
rhythms = st.builds(
    Rhythm,
    frequency=st.sampled_from(FREQUENCIES),
    weekday=st.integers(0, 6),
    send_time=minutes,
    timezone=st.sampled_from(sorted(available_timezones())),
    paused_until=st.none(),
)
# Zones, rules and odd changes of the clocks of two generations.
moments = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))


def wall(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    """Return the moments at which the clocks of `zone` show `at` on `day`: found by looking, earliest first."""
    noon = datetime.combine(day, at, UTC)
    offsets = {(noon + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-40, 41)}
    found = {noon - offset for offset in offsets if offset is not None}
    return sorted(m for m in found if m.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, at))


def day_asked_for(rhythm: Rhythm, slot: datetime) -> date:
    """Return the local day a slot is for, checking that it keeps the hour, or comes as late as the gap is long."""
    local = slot.astimezone(ZoneInfo(rhythm.timezone))
    if local.time() == rhythm.send_time:
        assert slot == wall(local.date(), rhythm.send_time, ZoneInfo(rhythm.timezone))[0]
        return local.date()
    before, after = (slot - DAY).astimezone(local.tzinfo), (slot + DAY).astimezone(local.tzinfo)
    gap = after.utcoffset() - before.utcoffset()  # type: ignore[operator]
    asked = local.replace(tzinfo=None) - gap
    assert asked.time() == rhythm.send_time
    assert not wall(asked.date(), rhythm.send_time, ZoneInfo(rhythm.timezone)), "the hour existed"
    return asked.date()


@given(rhythms, moments)
def test_a_slot_is_later_on_a_day_of_the_rhythm_at_the_hour_asked_for(rhythm: Rhythm, after: datetime) -> None:
    slot = next_slot(rhythm, after)
    assert slot > after
    assert slot.tzinfo is UTC
    assume(not is_next_to_two_changes(rhythm, slot))
    assert is_day_of(rhythm, day_asked_for(rhythm, slot))


@given(rhythms, moments)
def test_no_day_of_the_rhythm_is_skipped_and_none_comes_twice(rhythm: Rhythm, after: datetime) -> None:
    first = next_slot(rhythm, after)
    second = next_slot(rhythm, first)
    assume(not any(is_next_to_two_changes(rhythm, slot) for slot in (first, second)))
    day = day_asked_for(rhythm, first) + DAY
    # A zone that crosses the date line has no noon on the day it leaves out.
    while not is_day_of(rhythm, day) or not wall(day, time(12), ZoneInfo(rhythm.timezone)):
        day += DAY
    assert day_asked_for(rhythm, second) == day


@given(rhythms, moments)
def test_there_is_no_earlier_slot_in_between(rhythm: Rhythm, after: datetime) -> None:
    slot = next_slot(rhythm, after)
    assert next_slot(rhythm, slot - timedelta(microseconds=1)) == slot


@given(rhythms, moments, st.integers(-10, 60))
def test_nothing_is_due_before_the_end_of_a_pause(rhythm: Rhythm, after: datetime, days: int) -> None:
    until = after.astimezone(ZoneInfo(rhythm.timezone)).date() + days * DAY
    paused = rhythm._replace(paused_until=until)
    slot = next_slot(paused, after)
    assert slot.astimezone(ZoneInfo(rhythm.timezone)).date() >= until
    if days <= -1:
        assert slot == next_slot(rhythm, after)


def is_next_to_two_changes(rhythm: Rhythm, slot: datetime) -> bool:
    """Say whether the clocks change twice around `slot`, as in a zone that suspends summer time for Ramadan."""
    zone = ZoneInfo(rhythm.timezone)
    offsets = [(slot + hours * timedelta(hours=1)).astimezone(zone).utcoffset() for hours in range(-48, 49)]
    return sum(one != other for one, other in pairwise(offsets)) > 1


@pytest.mark.parametrize(
    ("zone", "at", "after", "slots"),
    [
        # Spring: the hour from 02:00 to 03:00 does not exist.
        ("Europe/Berlin", "02:30", "2026-03-28T12:00Z", ["2026-03-29T01:30Z", "2026-03-30T00:30Z"]),
        ("America/New_York", "02:30", "2026-03-07T12:00Z", ["2026-03-08T07:30Z", "2026-03-09T06:30Z"]),
        # Autumn: it comes twice, and the first counts.
        ("Europe/Berlin", "02:30", "2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        ("America/New_York", "01:30", "2026-10-31T12:00Z", ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]),
        # An island whose clocks change by half an hour.
        ("Australia/Lord_Howe", "02:15", "2026-10-03T00:00Z", ["2026-10-03T15:45Z", "2026-10-04T15:15Z"]),
        # A day that never was: its digest and the next day's are one.
        (
            "Pacific/Apia",
            "07:00",
            "2011-12-29T12:00Z",
            ["2011-12-29T17:00Z", "2011-12-30T17:00Z", "2011-12-31T17:00Z"],
        ),
        # Summer time suspended for Ramadan, 2026-02-15 to 03-22.
        ("Africa/Casablanca", "02:30", "2026-02-14T12:00Z", ["2026-02-15T01:30Z", "2026-02-16T02:30Z"]),
        ("Africa/Casablanca", "02:30", "2026-03-21T12:00Z", ["2026-03-22T02:30Z", "2026-03-23T01:30Z"]),
    ],
)
def test_the_clocks_change(zone: str, at: str, after: str, slots: list[str]) -> None:
    rhythm, moment = Rhythm("daily", 0, time.fromisoformat(at), zone), datetime.fromisoformat(after)
    for expected in slots:
        moment = next_slot(rhythm, moment)
        assert moment == datetime.fromisoformat(expected)


def test_weekdays_pass_over_the_weekend() -> None:
    friday = datetime(2026, 5, 8, 7, 0, tzinfo=UTC)
    assert next_slot(Rhythm("weekdays", 0, time(7), "UTC"), friday) == friday + 3 * DAY


def test_it_is_the_readers_weekend_that_counts() -> None:
    # 22:00 UTC on a Sunday is Monday morning in Auckland.
    sunday = datetime(2026, 5, 10, 12, 0, tzinfo=UTC)
    assert next_slot(Rhythm("weekdays", 0, time(10), "Pacific/Auckland"), sunday) == sunday.replace(hour=22)


def test_a_weekly_digest_comes_on_its_weekday() -> None:
    monday = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
    assert next_slot(Rhythm("weekly", 2, time(7), "UTC"), monday) == monday + 2 * DAY
    assert next_slot(Rhythm("weekly", 0, time(7), "UTC"), monday) == monday + 7 * DAY


def test_a_pause_ends_on_its_day_not_after_it() -> None:
    monday = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
    paused = Rhythm("daily", 0, time(7), "UTC", paused_until=date(2026, 5, 9))
    assert next_slot(paused, monday) == monday + 5 * DAY


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(available_timezones())), minutes)
def test_a_year_of_days_has_as_many_digests(zone: str, at: time) -> None:
    rhythm, slot = Rhythm("daily", 0, at, zone), datetime(2025, 12, 30, tzinfo=UTC)
    slots = []
    while (slot := next_slot(rhythm, slot)) < datetime(2027, 1, 2, tzinfo=UTC):
        slots.append(slot.astimezone(ZoneInfo(zone)).date())
    assert [day for day in slots if day.year == 2026] == [date(2026, 1, 1) + n * DAY for n in range(365)]

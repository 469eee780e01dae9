"""Readers who change when: one digest a day of the present zone, none twice, none lost."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.digest_schedule import Rhythm, next_slot, slot_after, slot_after_change

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATEST = 12 * HOUR
ZONES = sorted(available_timezones())
SEVEN = Rhythm("daily", 0, time(7), "UTC")
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def change(now: str, pending: str, last: str | None = None, welcomed: str | None = None, **rhythm: Any) -> datetime:
    """Return the next slot of a reader at seven every day who changes to `rhythm` at `now`."""
    return slot_after_change(
        SEVEN._replace(**rhythm),
        utc(now),
        pending=utc(pending),
        last=utc(last) if last else None,
        welcomed_at=utc(welcomed) if welcomed else None,
    )


# 2026-05-04 is a Monday.


def test_saving_the_same_changes_nothing() -> None:
    assert change("2026-05-04 12:00", "2026-05-05 07:00", "2026-05-04 07:00") == utc("2026-05-05 07:00")


@pytest.mark.parametrize(
    "rhythm", [{"send_time": time(18)}, {"frequency": "weekly", "weekday": 3}, {"timezone": EAST}]
)
def test_what_is_due_stays_due(rhythm: dict[str, Any]) -> None:
    assert change("2026-05-05 07:01", "2026-05-05 07:00", "2026-05-04 07:00", **rhythm) == utc("2026-05-05 07:00")


def test_what_is_due_is_given_up_for_a_pause() -> None:
    slot = change("2026-05-05 07:01", "2026-05-05 07:00", "2026-05-04 07:00", paused_until=date(2026, 5, 8))
    assert slot == utc("2026-05-08 07:00")


@pytest.mark.parametrize(
    ("now", "hour", "expected"),
    [
        ("2026-05-05 05:00", 9, "2026-05-05 09:00"),
        ("2026-05-05 05:00", 6, "2026-05-05 06:00"),
        ("2026-05-05 05:00", 4, "2026-05-05 05:00"),  # over already: at once
        ("2026-05-04 12:00", 18, "2026-05-05 18:00"),  # today's came at seven
        ("2026-05-04 12:00", 6, "2026-05-05 06:00"),
    ],
)
def test_an_hour_changed(now: str, hour: int, expected: str) -> None:
    assert change(now, "2026-05-05 07:00", "2026-05-04 07:00", send_time=time(hour)) == utc(expected)


def test_the_hour_changed_twice_a_day_brings_one_digest_that_day() -> None:
    # Later before it came, then, when it had come at nine, later again.
    assert change("2026-05-05 05:00", "2026-05-05 07:00", "2026-05-04 07:00", send_time=time(9)).hour == 9
    slot = change("2026-05-05 10:00", "2026-05-06 09:00", "2026-05-05 09:00", send_time=time(18))
    assert slot == utc("2026-05-06 18:00")


def test_a_move_back_over_the_date_line_does_not_bring_the_day_twice() -> None:
    # Tuesday at seven in Kiritimati is Monday at six in Pago Pago.
    slot = change("2026-05-04 18:00", "2026-05-05 17:00", "2026-05-04 17:00", timezone=WEST)
    assert slot == utc("2026-05-05 18:00")  # Tuesday, 07:00


def test_a_move_forward_over_the_date_line_loses_no_day() -> None:
    # Monday at seven in Pago Pago is Tuesday at eight in Kiritimati; on Tuesday at six it is Wednesday there.
    slot = change("2026-05-05 17:00", "2026-05-05 18:00", "2026-05-04 18:00", timezone=EAST)
    assert slot == utc("2026-05-05 17:00")  # Wednesday, 07:00: just now


def test_a_move_that_jumps_over_a_day_whose_slot_was_at_hand_is_served_at_once() -> None:
    # It came on Tuesday in Kiritimati, where it is Thursday now: Wednesday went by on the way.
    slot = change("2026-05-06 10:30", "2026-05-06 10:59", "2026-05-04 11:30", timezone=EAST, send_time=time(23, 59))
    assert slot == utc("2026-05-06 10:30")


def test_weekly_to_daily_begins_today() -> None:
    assert change("2026-05-07 05:00", "2026-05-11 07:00", "2026-05-04 07:00") == utc("2026-05-07 07:00")
    assert change("2026-05-07 12:00", "2026-05-11 07:00", "2026-05-04 07:00") == utc("2026-05-07 12:00")


def test_daily_to_weekly_waits_for_the_weekday() -> None:
    weekly: dict[str, Any] = {"frequency": "weekly", "weekday": 3}
    assert change("2026-05-05 05:00", "2026-05-05 07:00", "2026-05-04 07:00", **weekly) == utc("2026-05-07 07:00")


def test_daily_to_weekdays_on_a_saturday_waits_for_monday() -> None:
    slot = change("2026-05-09 05:00", "2026-05-09 07:00", "2026-05-08 07:00", frequency="weekdays")
    assert slot == utc("2026-05-11 07:00")


def test_a_pause_and_its_end_on_the_same_day_leave_the_day_as_it_was() -> None:
    slot = change("2026-05-04 12:00", "2026-05-05 07:00", "2026-05-04 07:00", paused_until=date(2026, 5, 20))
    assert slot == utc("2026-05-20 07:00")
    assert change("2026-05-04 12:05", "2026-05-20 07:00", "2026-05-04 07:00") == utc("2026-05-05 07:00")


def test_who_resumes_is_served_that_day() -> None:
    assert change("2026-05-12 05:00", "2026-05-20 07:00", "2026-05-04 07:00") == utc("2026-05-12 07:00")
    assert change("2026-05-12 12:00", "2026-05-20 07:00", "2026-05-04 07:00") == utc("2026-05-12 12:00")


def test_who_ends_a_pause_and_changes_the_hour_that_morning_is_served_at_the_new_hour() -> None:
    changed: dict[str, Any] = {"send_time": time(18), "paused_until": date(2026, 5, 6)}
    assert change("2026-05-06 05:00", "2026-05-06 07:00", "2026-05-04 07:00", **changed) == utc("2026-05-06 18:00")


def test_a_welcome_at_noon_is_that_days_digest_unless_its_hour_is_still_to_come() -> None:
    noon = "2026-05-04 12:00"
    assert change("2026-05-04 12:05", "2026-05-05 07:00", noon, noon) == utc("2026-05-05 07:00")
    assert change("2026-05-04 12:05", "2026-05-05 07:00", noon, noon, send_time=time(6)) == utc("2026-05-05 06:00")
    assert change("2026-05-04 12:05", "2026-05-05 07:00", noon, noon, send_time=time(18)) == utc("2026-05-04 18:00")


def test_a_change_before_the_welcome_was_sent_leaves_it_due() -> None:
    assert change("2026-05-04 12:01", "2026-05-04 12:00", None, "2026-05-04 12:00") == utc("2026-05-04 12:00")


def test_a_reader_who_never_had_a_slot_begins_today() -> None:
    assert change("2026-05-04 12:00", "2026-05-06 07:00") == utc("2026-05-04 12:00")
    assert change("2026-05-04 05:00", "2026-05-06 07:00") == utc("2026-05-04 07:00")
    assert change("2026-05-04 12:00", "2026-05-06 07:00", frequency="weekly") == utc("2026-05-04 12:00")
    assert change("2026-05-05 12:00", "2026-05-06 07:00", frequency="weekly") == utc("2026-05-11 07:00")


def test_on_the_day_the_clocks_go_forward_a_skipped_hour_moves_with_them() -> None:
    berlin: dict[str, Any] = {"timezone": "Europe/Berlin", "send_time": time(2, 30)}
    slot = change("2026-03-29 00:30", "2026-03-29 05:00", "2026-03-28 06:00", **berlin)
    assert slot == utc("2026-03-29 01:30")  # 03:30
    assert change("2026-03-29 02:00", "2026-03-29 05:00", "2026-03-28 06:00", **berlin) == utc("2026-03-29 02:00")


def test_on_the_day_the_clocks_go_back_the_hour_that_comes_twice_is_used_once() -> None:
    berlin: dict[str, Any] = {"timezone": "Europe/Berlin", "send_time": time(2, 30)}
    assert change("2026-10-25 00:10", "2026-10-25 06:00", "2026-10-24 05:00", **berlin) == utc("2026-10-25 00:30")
    # Between the first 02:30 and the second.
    assert change("2026-10-25 00:45", "2026-10-26 01:30", "2026-10-25 00:30", **berlin) == utc("2026-10-26 01:30")
    assert change("2026-10-25 00:45", "2026-10-25 06:00", "2026-10-24 05:00", **berlin) == utc("2026-10-25 00:45")


def test_an_hour_that_a_gap_at_midnight_moves_to_the_next_day_leaves_that_day_its_own() -> None:
    # In Nuuk it is midnight at once after 23:00 on Saturday, 28 March.
    nuuk: dict[str, Any] = {"timezone": "America/Nuuk", "send_time": time(23, 30)}
    late = next_slot(SEVEN._replace(**nuuk), utc("2026-03-28 12:00"))
    assert late.astimezone(ZoneInfo("America/Nuuk")).date() == date(2026, 3, 29)
    assert slot_after(SEVEN._replace(**nuuk), late, late, is_welcome=False) == utc("2026-03-30 00:30")
    assert change("2026-03-29 02:00", "2026-03-30 00:30", f"{late:%F %T}", **nuuk) == utc("2026-03-30 00:30")


def test_a_change_at_the_very_moment_of_a_slot_that_served_two_days_does_not_bring_it_again() -> None:
    # Samoa left 30 December out: its digest and the next day's are one.
    slot = change("2011-12-30 17:00", "2011-12-31 17:00", "2011-12-30 17:00", timezone="Pacific/Apia")
    assert slot == utc("2011-12-31 17:00")


def test_who_ends_a_pause_of_two_days_and_moves_eastward_is_not_served_for_a_day_of_the_pause() -> None:
    # Tuesday and Wednesday were paused; it is Thursday evening in Kiritimati.
    east: dict[str, Any] = {"timezone": EAST, "send_time": time(23, 59)}
    assert change("2026-05-07 05:00", "2026-05-07 07:00", "2026-05-04 07:00", **east) == utc("2026-05-07 09:59")


# After an outage.


@pytest.mark.parametrize(
    ("served_at", "expected"),
    [
        ("2026-05-04 07:00", "2026-05-05 07:00"),
        ("2026-05-04 18:59", "2026-05-05 07:00"),
        ("2026-05-05 08:00", "2026-05-05 07:00"),  # an hour late, and not lost with Monday's
        ("2026-05-05 20:00", "2026-05-06 07:00"),
        ("2026-05-09 03:00", "2026-05-09 07:00"),
    ],
)
def test_the_next_slot_is_the_first_that_is_not_too_late(served_at: str, expected: str) -> None:
    slot = slot_after(SEVEN, utc("2026-05-04 07:00"), utc(served_at) - LATEST, is_welcome=False)
    assert slot == utc(expected)


def test_what_was_due_when_the_hour_changed_is_that_days_digest() -> None:
    evening = SEVEN._replace(send_time=time(18))
    assert slot_after(evening, utc("2026-05-04 07:00"), utc("2026-05-03 19:05"), is_welcome=False).day == 5


# Whole lives.


@dataclass
class Life:
    """A reader from the confirmation on, served on the minute or only now and then."""

    rhythm: Rhythm
    now: datetime
    last: datetime | None = None
    served: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.welcomed_at = self.pending = self.now

    def wait(self, span: timedelta, is_prompt: bool) -> None:
        """Let `span` go by; assembly runs whenever something is due, or only at its end."""
        end = self.now + span
        while self.pending <= end:
            self.now = max(self.pending, self.now) if is_prompt else end
            self.serve()
        self.now = end

    def serve(self) -> None:
        assert not self.served or self.pending > self.served[-1]
        self.served.append(self.pending)
        self.last, slot = self.pending, self.pending
        self.pending = slot_after(self.rhythm, slot, self.now - LATEST, is_welcome=slot == self.welcomed_at)
        self.check()

    def change(self, **choice: Any) -> None:
        if "pause_days" in choice:
            days = choice.pop("pause_days")
            choice["paused_until"] = None if days is None else self.now.date() + days * DAY
        self.rhythm = self.rhythm._replace(**choice)
        before, self.pending = self.pending, self.follow()
        if self.pending != before:
            self.check()

    def follow(self) -> datetime:
        return slot_after_change(
            self.rhythm, self.now, pending=self.pending, last=self.last, welcomed_at=self.welcomed_at
        )

    def check(self) -> None:
        """See that the slot just set is later, and on a day of the zone that had none."""
        if self.last is None:
            return
        assert self.pending > self.last
        zone = ZoneInfo(self.rhythm.timezone)
        came, comes = self.last.astimezone(zone), self.pending.astimezone(zone)
        # Past midnight came what a gap in the clocks delayed: it was for the day before.
        is_delayed = came.utcoffset() != (self.last - 4 * HOUR).astimezone(zone).utcoffset()
        assert comes.date() > came.date() or self.last == self.welcomed_at or is_delayed
        if self.pending > self.now:
            assert self.pending == next_slot(self.rhythm, self.pending - timedelta(microseconds=1))


zones = st.sampled_from(ZONES) | st.sampled_from([EAST, WEST, "America/Nuuk", "Asia/Tokyo"])
hours = st.sampled_from([time(0), time(0, 30), time(7), time(23, 30), time(23, 59)]) | st.times().map(
    lambda at: at.replace(second=0, microsecond=0)
)
spans = st.integers(0, 3 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
starts = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))
hour_or_zone = st.fixed_dictionaries({}, optional={"timezone": zones, "send_time": hours})
anything = st.fixed_dictionaries(
    {},
    optional={
        "timezone": zones,
        "send_time": hours,
        "frequency": st.sampled_from(("daily", "weekdays", "weekly")),
        "weekday": st.integers(0, 6),
        "pause_days": st.integers(-1, 9) | st.none(),
    },
)


@given(zones, hours, starts, st.lists(st.tuples(spans, st.booleans(), anything), max_size=12))
def test_slots_increase_and_no_day_has_two_whatever_changes_come(
    zone: str, at: time, start: datetime, steps: list[tuple[timedelta, bool, dict[str, Any]]]
) -> None:
    life = Life(Rhythm("daily", 0, at, zone), start)
    for span, is_prompt, choice in steps:
        life.wait(span, is_prompt)
        life.change(**choice)
    life.wait(10 * DAY, is_prompt=True)


@given(zones, hours, starts, st.lists(st.tuples(spans, hour_or_zone), max_size=12))
@example(
    # To and fro over the date line, each time just before the hour.
    WEST, time(23, 59), utc("2026-05-04 11:00"),
    [(2 * DAY - HOUR, {"timezone": EAST}), (23 * HOUR, {"timezone": WEST}), (HOUR, {"timezone": EAST})] * 4,
)  # fmt: skip
def test_a_daily_reader_never_waits_longer_than_two_days_whatever_changes_come(
    zone: str, at: time, start: datetime, steps: list[tuple[timedelta, dict[str, Any]]]
) -> None:
    life = Life(Rhythm("daily", 0, at, zone), start)
    for span, choice in [*steps, (6 * DAY, {})]:
        life.wait(span, is_prompt=True)
        assert life.follow() == life.pending, "saving without a change changed something"
        life.change(**choice)
    # The first minute of a day to the last of the next; clocks set back in between lengthen it, three hours at most.
    gaps = [later - earlier for earlier, later in zip(life.served, life.served[1:], strict=False)]
    assert max(gaps) < 2 * DAY + 3 * HOUR


def changes_of(zone: ZoneInfo, year: int) -> list[datetime]:
    """Return the hours of `year` before which the clocks of `zone` changed."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + n * DAY for n in range(366)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [days[n] for n in range(1, 366) if offsets[n] != offsets[n - 1]]


def test_in_every_zone_saving_around_a_change_of_the_clocks_neither_loses_nor_doubles_a_day() -> None:
    changes = [(zone, day) for zone in ZONES for day in changes_of(ZoneInfo(zone), 2026)]
    assert len(changes) > 300
    for zone, day in changes:
        for minute in range(0, 24 * 60, 90):
            rhythm = Rhythm("daily", 0, time(minute // 60, minute % 60), zone)
            last = next_slot(rhythm, day - 3 * DAY)
            for _ in range(4):
                pending = next_slot(rhythm, last)
                for now in (last + HOUR / 2, pending - HOUR / 2):
                    kept = slot_after_change(rhythm, now, pending=pending, last=last, welcomed_at=None)
                    assert kept == pending, (rhythm, last, now)
                assert slot_after(rhythm, last, last, is_welcome=False) == pending
                last = pending

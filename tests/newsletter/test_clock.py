from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import clock

MOMENT = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)


@pytest.mark.real_clock
def test_the_clock_stands_where_it_is_set_and_goes_on_afterwards() -> None:
    with clock.at(MOMENT):
        assert (clock.now(), clock.today()) == (MOMENT, MOMENT.date())
    assert abs(datetime.now(UTC) - clock.now()) < timedelta(minutes=1)


def test_clocks_within_clocks_give_back_the_outer_one() -> None:
    with clock.at(MOMENT):
        with clock.at(MOMENT + timedelta(hours=1)):
            assert clock.now() == MOMENT + timedelta(hours=1)
        assert clock.now() == MOMENT


@pytest.mark.real_clock
def test_an_error_leaves_no_clock_behind() -> None:
    with pytest.raises(ZeroDivisionError), clock.at(MOMENT):
        raise ZeroDivisionError
    assert not clock.is_held()


def test_today_is_the_day_in_utc() -> None:
    with clock.at(datetime(2026, 5, 5, 1, 0, tzinfo=timezone(timedelta(hours=2)))):
        assert clock.now() == datetime(2026, 5, 4, 23, 0, tzinfo=UTC)
        assert clock.today() == MOMENT.date()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-04T05:00+00:00", MOMENT),
        ("2026-05-04T05:00Z", MOMENT),
        ("2026-05-04T05:00", MOMENT),
        ("2026-05-04T07:00+02:00", MOMENT),
        ("2026-05-04", MOMENT.replace(hour=0)),
    ],
)
def test_a_moment_is_read_and_is_utc_where_it_names_no_zone(text: str, moment: datetime) -> None:
    assert clock.moment(text) == moment


@given(st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(str))
def test_any_text_is_a_moment_the_clock_can_be_set_to_or_a_value_error(text: str) -> None:
    try:
        moment = clock.moment(text)
    except ValueError:
        return
    with clock.at(moment):
        assert clock.now() == moment


def test_the_first_and_last_hours_of_the_calendar_are_no_moments() -> None:
    for text in ("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"):
        with pytest.raises(ValueError, match="calendar"):
            clock.moment(text)

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import schedule
from newsletter.celery import app
from subscribers import timezone_updates
from subscribers.digest_schedule import Rhythm, next_slot, slot_by_current_rules
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, SubscriberFactory

pytestmark = pytest.mark.usefixtures("set_clock")
SetClock = Callable[[datetime], None]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def reader_due(by_old_rules: timedelta = timedelta(), **fields: Any) -> Subscriber:
    """Return a reader whose next slot was computed when the clocks of the zone went otherwise."""
    fields = {"timezone": "Europe/Berlin", "send_time": time(12), **fields}
    slot = next_slot(SubscriberFactory.build(preferences=None, **fields).rhythm, after=MORNING)
    stored: Subscriber = SubscriberFactory(**fields, next_digest_at=slot + by_old_rules)
    return stored


@pytest.mark.django_db
@pytest.mark.parametrize("shift", [HOUR, -HOUR, HOUR / 2, -3 * HOUR])
@pytest.mark.parametrize(
    "fields",
    [{}, {"send_time": time(0, 30)}, {"send_time": time(23, 45)}, {"frequency": "weekly", "weekday": 0,
      "send_time": time(0, 30)}, {"paused_until": MONDAY + 9 * DAY}],
)  # fmt: skip
def test_a_slot_comes_at_its_hour_though_the_rules_of_the_zone_changed(
    shift: timedelta, fields: dict[str, Any]
) -> None:
    moved = reader_due(shift, **fields)
    slot = next_slot(moved.rhythm, after=MORNING)
    assert timezone_updates.follow_changed_rules() == 1
    moved.refresh_from_db()
    assert moved.next_digest_at == slot
    assert timezone_updates.follow_changed_rules() == 0


@pytest.mark.django_db
def test_all_readers_of_a_rhythm_are_moved_and_others_stay() -> None:
    moved = [reader_due(HOUR), reader_due(HOUR)]
    right = [reader_due(), reader_due(timezone="Asia/Tokyo"), reader_due(frequency="weekdays")]
    before = {reader.pk: reader.next_digest_at for reader in right}
    assert timezone_updates.follow_changed_rules() == 2
    assert before == dict(Subscriber.objects.exclude(pk__in=[r.pk for r in moved]).values_list("pk", "next_digest_at"))


@pytest.mark.django_db
def test_what_is_due_stays_due() -> None:
    reader = SubscriberFactory(send_time=time(9), next_digest_at=MORNING)
    assert timezone_updates.follow_changed_rules() == 0
    reader.refresh_from_db()
    assert reader.next_digest_at == MORNING


@pytest.mark.django_db
def test_a_slot_is_never_moved_to_where_the_last_one_was() -> None:
    reader = reader_due(HOUR, send_time=time(0, 30))
    assert reader.next_digest_at is not None
    Subscriber.objects.update(last_slot_at=reader.next_digest_at - HOUR)
    assert timezone_updates.follow_changed_rules() == 0


@pytest.mark.django_db
def test_who_is_not_active_has_no_slot_to_move() -> None:
    SubscriberFactory(status=Subscriber.Status.UNSUBSCRIBED, send_time=time(9), next_digest_at=MORNING + DAY)
    assert timezone_updates.follow_changed_rules() == 0


@pytest.mark.django_db  # what is checked at a start looks there
def test_it_is_done_by_the_clock() -> None:
    app.loader.import_default_modules()
    names = [entry["task"] for entry in schedule.SCHEDULE.values()]
    assert "subscribers.tasks.follow_changed_rules" in names
    assert set(names) <= set(app.tasks)


@given(
    st.builds(
        Rhythm,
        frequency=st.sampled_from(("daily", "weekdays", "weekly")),
        weekday=st.integers(0, 6),
        send_time=st.times().map(lambda at: at.replace(microsecond=0)),
        timezone=st.sampled_from(sorted(available_timezones())),
    ),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),
)
def test_a_slot_that_is_right_stays_in_every_zone(rhythm: Rhythm, after: datetime) -> None:
    slot = next_slot(rhythm, after)
    assert slot_by_current_rules(rhythm, slot) == slot

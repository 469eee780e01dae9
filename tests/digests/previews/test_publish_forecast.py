"""The numbers before publication, and what then happens."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from digests.assembly import assemble
from digests.models import Delivery
from digests.previews.publish_forecast import PublishForecast, Slot, forecast_publication
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.issues.publish import publish
from subscribers.digest_schedule import Rhythm, next_slot
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory, TopicFactory

HOUR = timedelta(hours=1)


@pytest.fixture
def issue(db: None, set_clock: object) -> Issue:
    return EntryFactory(issue=IssueFactory(), paper=PaperFactory(topics=[TopicFactory(slug="cl")])).issue


def test_the_forecast_of_a_publication_is_in_numbers(issue: Issue) -> None:
    auckland = MORNING + 13 * HOUR  # 06:00 on the next day there
    SubscriberFactory.create_batch(2, next_digest_at=auckland, timezone="Pacific/Auckland")
    SubscriberFactory(next_digest_at=MORNING + 22.5 * HOUR)
    SubscriberFactory(next_digest_at=MORNING + 25 * HOUR)
    SubscriberFactory(next_digest_at=MORNING + 1 * HOUR, status=Subscriber.Status.UNSUBSCRIBED)
    found = forecast_publication(issue)
    assert found == PublishForecast(1, 3, 0, 0, 4, 23, Slot(auckland, "Pacific/Auckland"))
    assert found.words == "1 paper, 3 readers over the next 23 hours; the first at 06:00 in Auckland (18:00 UTC)."


def test_who_waits_is_counted_and_comes_first(issue: Issue) -> None:
    SubscriberFactory.create_batch(2, next_digest_at=MORNING - HOUR, covered_through=MORNING - 24 * HOUR)
    SubscriberFactory(next_digest_at=MORNING + HOUR)
    found = forecast_publication(issue)
    assert (found.waiting, found.readers) == (2, 3)
    assert found.words == "1 paper, 3 readers within the hour; the first at once."


def test_who_paused_is_counted_apart(issue: Issue) -> None:
    SubscriberFactory(next_digest_at=MORNING + HOUR, send_time=time(6), paused_until=MONDAY + timedelta(days=3))
    SubscriberFactory(next_digest_at=MORNING + HOUR, send_time=time(6), paused_until=MONDAY)  # over
    found = forecast_publication(issue)
    assert (found.readers, found.paused) == (1, 1)


@pytest.mark.parametrize(
    ("before", "now", "is_another"),
    [(0, 10, False), (0, 11, True), (1_000, 1_010, False), (1_000, 1_011, True), (5_000, 4_950, False)],
)
def test_a_number_that_moved_much_is_another_one(before: int, now: int, is_another: bool) -> None:
    assert PublishForecast(1, now, 0, 0, now, 1, None).differs_from(before) == is_another


ZONES = ["Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles", "UTC"]
readers = st.tuples(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.sampled_from(["daily", "weekdays", "weekly"]),
    st.none() | st.integers(-1, 3),
)


class Numbers(TestCase):
    @settings(max_examples=15)
    @given(st.lists(readers, max_size=8))
    def test_the_numbers_are_what_assembly_then_does(self, rhythms: list[tuple[str, int, str, int | None]]) -> None:
        topic = TopicFactory()
        with clock.at(MORNING):
            issue = EntryFactory(issue=IssueFactory(), paper=PaperFactory(topics=[topic])).issue
            for zone, hour, frequency, pause in rhythms:
                paused = None if pause is None else MONDAY + timedelta(days=pause)
                rhythm = Rhythm(frequency, 1, time(hour), zone, None)
                SubscriberFactory(
                    topics=[topic], timezone=zone, send_time=time(hour), frequency=frequency, weekday=1,
                    paused_until=paused, next_digest_at=next_slot(rhythm, after=MORNING),
                )  # fmt: skip
            expected = forecast_publication(issue)
            publish(issue)
        for hours in range(25):
            with clock.at(MORNING + hours * HOUR):
                assemble.assemble_due_digests()
        served = Delivery.objects.exclude(digest=None)
        assert served.filter(slot__lte=MORNING + 24 * HOUR).values("subscriber").distinct().count() == expected.readers


def test_a_zone_without_a_city_is_shown_as_utc() -> None:
    assert Slot(MORNING, "UTC").words == "at 05:00 UTC"
    assert Slot(MORNING, "America/New_York").words == "at 01:00 in New York (05:00 UTC)"
    assert MORNING.astimezone(ZoneInfo("America/New_York")).date() == date(2026, 5, 4)

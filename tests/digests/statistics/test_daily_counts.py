from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from digests.assembly import assemble
from digests.models import DayOfReaders, IssueTally
from digests.statistics import daily_counts
from newsletter.issues.models import Issue
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db]
DAY = timedelta(days=1)
SetClock = Callable[[datetime], None]


def rows() -> list[tuple[int, int, int]]:
    return list(DayOfReaders.objects.order_by("-date").values_list("active", "new", "left")[:3])


@pytest.mark.usefixtures("set_clock")
def test_the_first_count_fills_in_ninety_days_from_what_is_known() -> None:
    SubscriberFactory(confirmed_at=MORNING - 40 * DAY)
    SubscriberFactory(confirmed_at=MORNING - 1 * DAY)
    left = {"status": Subscriber.Status.UNSUBSCRIBED, "next_digest_at": None}
    SubscriberFactory(confirmed_at=MORNING - 30 * DAY, unsubscribed_at=MORNING, **left)
    SubscriberFactory(status=Subscriber.Status.PENDING, next_digest_at=None)
    SubscriberFactory(unsubscribed_at=MORNING, **left)  # never confirmed
    daily_counts.tally()
    assert rows() == [(2, 0, 1), (3, 1, 0), (2, 0, 0)]
    assert DayOfReaders.objects.count() == 90
    assert DayOfReaders.objects.earliest("date").active == 0


def test_a_day_ends_as_it_was(set_clock: SetClock) -> None:
    SubscriberFactory.create_batch(2, confirmed_at=MORNING)
    daily_counts.tally()
    one = Subscriber.objects.earliest("pk")
    set_clock(MORNING + timedelta(hours=18, minutes=30))  # counted no more before midnight
    one.unsubscribe()
    set_clock(MORNING + timedelta(hours=20))
    SubscriberFactory(confirmed_at=MORNING + timedelta(hours=20))
    daily_counts.tally()
    assert rows() == [(2, 1, 0), (1, 2, 1), (0, 0, 0)]


def test_who_is_erased_counts_among_those_who_left(set_clock: SetClock) -> None:
    SubscriberFactory.create_batch(3, confirmed_at=MORNING)
    daily_counts.tally()
    set_clock(MORNING + DAY)
    daily_counts.tally()
    Subscriber.objects.earliest("pk").delete()
    set_clock(MORNING + DAY + timedelta(hours=1))
    daily_counts.tally()
    assert rows()[:2] == [(2, 0, 1), (3, 3, 0)]


@pytest.mark.usefixtures("set_clock")
def test_counting_twice_changes_nothing() -> None:
    SubscriberFactory.create_batch(2, confirmed_at=MORNING)
    daily_counts.tally()
    before = rows()
    daily_counts.tally()
    assert rows() == before


def test_an_issue_is_counted_the_more_seldom_the_older_it_is(set_clock: SetClock) -> None:
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(2, topics=[topic])
    assemble.assemble_due_digests()
    daily_counts.tally()
    tally = IssueTally.objects.get(issue=issue)
    assert (tally.eligible, tally.planned, tally.sent) == (2, 2, 0)
    set_clock(MORNING + timedelta(minutes=9))
    assert daily_counts.issues_due() == []
    set_clock(MORNING + timedelta(minutes=10))
    assert daily_counts.issues_due() == [issue]
    set_clock(MORNING + 5 * DAY)
    daily_counts.tally()
    set_clock(MORNING + 5 * DAY + timedelta(hours=12))
    assert daily_counts.issues_due() == []
    set_clock(MORNING + 15 * DAY)
    assert daily_counts.issues_due() == []


@pytest.mark.usefixtures("set_clock")
def test_a_draft_has_no_figures() -> None:
    Issue.objects.create(date=MONDAY, cutoff_at=datetime(2026, 5, 4, tzinfo=UTC))
    daily_counts.tally()
    assert not IssueTally.objects.exists()

import hashlib
from datetime import date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from newsletter.papers.models import Topic
from subscribers.models import Preferences, PreferencesTopic, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)


def test_who_chose_the_same_in_another_order_shares_one_row() -> None:
    one, other = TopicFactory.create_batch(2)
    first = Preferences.objects.for_choice([one, other], max_papers=10)
    assert Preferences.objects.for_choice([other, one], max_papers=10) == first
    assert Preferences.objects.for_choice([other, one], max_papers=5) != first
    assert Preferences.objects.for_choice([other], max_papers=10) != first
    assert PreferencesTopic.objects.filter(preferences=first).count() == 2


def test_readers_of_another_detail_have_other_preferences() -> None:
    topic = TopicFactory()
    rows = {Preferences.objects.for_choice([topic], detail=detail).pk for detail in Preferences.Detail}
    assert len(rows) == len(Preferences.Detail)


def test_the_keys_of_before_there_was_a_detail_are_those_of_two_lines() -> None:
    key = hashlib.sha256(b'[[7], {"followed_phrases": ["maps"], "followed_authors": [], "muted_phrases": [], '
                         b'"muted_authors": []}, 10, 0.0]').hexdigest()  # fmt: skip
    assert Preferences(followed_phrases=["maps"]).fingerprint([7]) == key
    assert Preferences(followed_phrases=["maps"], detail=Preferences.Detail.LINES).fingerprint([7]) == key


@pytest.mark.django_db(transaction=True)
def test_readers_who_choose_the_same_at_once_share_one_row() -> None:
    topics = TopicFactory.create_batch(3)
    made = at_once(*[lambda: Preferences.objects.for_choice(topics, max_papers=10).pk] * 4)
    assert len(set(made)) == 1
    assert PreferencesTopic.objects.count() == 3


def test_a_topic_somebody_chose_cannot_be_deleted() -> None:
    topic = TopicFactory()
    SubscriberFactory(topics=[topic])
    with pytest.raises(ProtectedError):
        Topic.objects.filter(pk=topic.pk).delete()


def test_an_active_reader_has_a_next_digest() -> None:
    with pytest.raises(IntegrityError, match="active_subscriber_has_a_next_digest"), transaction.atomic():
        SubscriberFactory(next_digest_at=None)


@pytest.mark.parametrize("last", [MORNING, MORNING + timedelta(hours=1)])
def test_the_next_digest_is_after_the_last_slot(last: datetime) -> None:
    with pytest.raises(IntegrityError, match="next_digest_is_after_the_last_slot"), transaction.atomic():
        SubscriberFactory(next_digest_at=MORNING, last_slot_at=last)


def test_a_new_hour_counts_from_what_was_served_since_the_page_was_loaded() -> None:
    loaded = SubscriberFactory(send_time=time(5))
    Subscriber.objects.update(last_slot_at=MORNING, next_digest_at=MORNING + DAY)
    loaded.send_time = time(18)
    loaded.reschedule()
    loaded.refresh_from_db()
    assert loaded.next_digest_at == MORNING.replace(hour=18) + DAY


def test_a_new_hour_does_not_move_what_is_due() -> None:
    reader = SubscriberFactory()
    reader.send_time = time(18)
    reader.reschedule()
    reader.refresh_from_db()
    assert (reader.send_time, reader.next_digest_at) == (time(18), MORNING)


@pytest.mark.parametrize("status", [Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED])
def test_who_is_not_active_gets_a_schedule_but_no_next_digest(status: str) -> None:
    reader = SubscriberFactory(next_digest_at=MORNING)
    Subscriber.objects.update(status=status, next_digest_at=None)  # meanwhile
    reader.send_time = time(18)
    reader.reschedule()
    reader.refresh_from_db()
    assert (reader.send_time, reader.next_digest_at) == (time(18), None)


def test_who_comes_back_is_welcomed_whatever_pause_there_was() -> None:
    reader = SubscriberFactory(
        status=Subscriber.Status.PENDING,
        next_digest_at=None,
        last_slot_at=MORNING - DAY,
        paused_until=date(2026, 6, 1),
    )
    assert reader.confirm()
    reader.refresh_from_db()
    assert (reader.next_digest_at, reader.paused_until) == (MORNING, None)


def test_who_comes_back_by_a_clock_that_was_set_back_is_due_after_the_last_slot() -> None:
    reader = SubscriberFactory(
        status=Subscriber.Status.PENDING, next_digest_at=None, last_slot_at=MORNING + timedelta(minutes=1)
    )
    assert reader.confirm()
    reader.refresh_from_db()
    assert reader.next_digest_at is not None
    assert timedelta() < reader.next_digest_at - MORNING < timedelta(minutes=2)


def test_an_address_is_one_reader() -> None:
    SubscriberFactory(email="Ada@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        SubscriberFactory(email="ada@example.org")


def test_only_active_readers_whose_hour_has_come_are_due() -> None:
    due = SubscriberFactory(next_digest_at=MORNING)
    SubscriberFactory(next_digest_at=MORNING + timedelta(seconds=1))
    for status in (Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED):
        SubscriberFactory(status=status, next_digest_at=MORNING)
    assert list(Subscriber.objects.due()) == [due]


def test_a_suppressed_address_is_known_without_being_stored() -> None:
    reader = SubscriberFactory(email="ada@example.org")
    Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.BOUNCE)
    reader.delete()
    assert Suppression.holds("ada@example.org")
    assert not Suppression.holds("bo@example.org")
    assert "ada" not in str(Suppression.objects.values().get())

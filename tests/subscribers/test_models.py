import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from newsletter.papers.models import Topic
from subscribers.models import Preferences, PreferencesTopic, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def test_who_chose_the_same_in_another_order_shares_one_row() -> None:
    one, other = TopicFactory.create_batch(2)
    first = Preferences.objects.for_choice([one, other], max_papers=10)
    assert Preferences.objects.for_choice([other, one], max_papers=10) == first
    assert Preferences.objects.for_choice([other, one], max_papers=5) != first
    assert Preferences.objects.for_choice([other], max_papers=10) != first
    assert PreferencesTopic.objects.filter(preferences=first).count() == 2


@pytest.mark.django_db(transaction=True)
def test_readers_who_choose_the_same_at_once_share_one_row() -> None:
    topics = TopicFactory.create_batch(3)
    start, made = threading.Barrier(4), list[int]()

    def choose() -> None:
        start.wait(10)
        made.append(Preferences.objects.for_choice(topics, max_papers=10).pk)
        connection.close()

    choosers = [threading.Thread(target=choose) for _ in range(4)]
    for chooser in choosers:
        chooser.start()
    for chooser in choosers:
        chooser.join(30)
    assert len(made) == 4
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

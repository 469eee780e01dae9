from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from digests.assembly import assemble
from digests.mail import compose
from digests.models import Assembly, Batch, Card, Delivery, Digest, Frame
from digests.monitoring import retention
from digests.sending import send_batch
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Paper, Topic
from subscribers import tokens
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.rivals import in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
MADE = (Delivery, Batch, Assembly, Digest, Frame, Card)


@pytest.fixture
def vision() -> Topic:
    return TopicFactory()


def serve(vision: Topic, at: datetime, set_clock: SetClock) -> Delivery:
    """Publish an issue and send it to everybody; return the last delivery."""
    set_clock(at)
    published_issue(at.date(), PaperFactory(topics=[vision]))
    Subscriber.objects.update(next_digest_at=at)
    assemble.assemble_due_digests()
    for batch in Batch.objects.ready():
        send_batch.send_batch(batch)
    return Delivery.objects.latest("pk")


def counts() -> list[int]:
    return [model.objects.count() for model in MADE]


def test_what_is_older_than_the_kept_time_goes(vision: Topic, set_clock: SetClock, settings: LazySettings) -> None:
    SubscriberFactory.create_batch(3, topics=[vision])
    SubscriberFactory(covered_through=MORNING - DAY)  # nothing matches
    serve(vision, MORNING, set_clock)
    assert counts() == [4, 1, 1, 1, 1, 1]
    set_clock(MORNING + settings.DIGEST_KEEP + settings.DIGEST_SPAN + timedelta(seconds=1))

    gone = retention.delete_old_rows()

    assert counts() == [0] * 6
    assert gone["digests_delivery"] == 4
    assert (Issue.objects.count(), IssueEntry.objects.count(), Paper.objects.count()) == (1, 1, 1)


def test_a_mail_of_the_kept_time_can_still_be_shown_to_its_last_day(
    vision: Topic, set_clock: SetClock, settings: LazySettings, client: Client
) -> None:
    """Its papers may be older than the mail itself by a whole span."""
    set_clock(MORNING)
    published_issue(MONDAY, PaperFactory(topics=[vision], title="Oldest of all"))
    SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    delivery = serve(vision, MORNING + settings.DIGEST_SPAN - DAY, set_clock)
    assert delivery.digest is not None
    mailed = compose.compose(delivery.digest).html
    assert "Oldest of all" in mailed

    set_clock(delivery.made_at + settings.DIGEST_KEEP)
    retention.delete_old_rows()

    url = reverse("digests:view", args=[tokens.sign(tokens.Purpose.VIEW, delivery.pk)])
    shown = client.get(url, follow=True)
    assert shown.status_code == 200
    assert "Oldest of all" in shown.content.decode()
    set_clock(delivery.made_at + settings.DIGEST_KEEP + timedelta(seconds=1))
    retention.delete_old_rows()
    assert client.get(url, follow=True).status_code == 410


@pytest.mark.parametrize("status", [Batch.Status.PLANNED, Batch.Status.LEASED, Batch.Status.SUBMITTING])
def test_a_batch_that_is_not_finished_stays_with_all_that_it_needs(
    vision: Topic, set_clock: SetClock, settings: LazySettings, status: Batch.Status
) -> None:
    SubscriberFactory(topics=[vision])
    delivery = serve(vision, MORNING, set_clock)
    Batch.objects.update(status=status)
    set_clock(MORNING + 2 * settings.DIGEST_KEEP)

    retention.delete_old_rows()

    assert delivery.digest is not None
    assert compose.compose(delivery.digest).html
    assert Batch.objects.get() == delivery.batch
    Batch.objects.update(status=Batch.Status.DROPPED)
    retention.delete_old_rows()
    assert counts() == [0] * 6


def test_it_goes_chunk_by_chunk_and_can_be_repeated(
    vision: Topic, set_clock: SetClock, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    SubscriberFactory.create_batch(7, topics=[vision])
    serve(vision, MORNING, set_clock)
    kept = serve(vision, MORNING + 100 * DAY, set_clock)
    set_clock(MORNING + settings.DIGEST_KEEP + 20 * DAY)
    retention.delete_old_rows()
    assert {delivery.slot for delivery in Delivery.objects.all()} == {kept.slot}
    assert Delivery.objects.count() == 7
    before = counts()
    assert not any(retention.delete_old_rows().values())
    assert counts() == before


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_nobody(set_clock: SetClock, settings: LazySettings) -> None:
    vision = TopicFactory()
    SubscriberFactory.create_batch(2, topics=[vision])
    held = serve(vision, MORNING, set_clock)
    set_clock(MORNING + 2 * settings.DIGEST_KEEP)
    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=held.pk)
        assert in_another_connection(retention.delete_old_rows) is None
        assert Delivery.objects.get() == held
        assert Digest.objects.get() == held.digest
    retention.delete_old_rows()
    assert counts() == [0] * 6

from datetime import timedelta

import pytest
from django.test import Client

from digests.admin import reader_history
from digests.models import Delivery, ProviderEvent
from subscribers.models import Subscriber
from tests.factories import MORNING, SubscriberFactory
from tests.queries import query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def delivery(reader: Subscriber, days_ago: int, **fields: object) -> Delivery:
    slot = MORNING - timedelta(days=days_ago)
    values = {"slot": slot, "preferences": reader.preferences, "expires_at": slot + timedelta(hours=12)}
    return Delivery.objects.create(subscriber=reader, **values, **fields)


def event(kind: str, **fields: object) -> ProviderEvent:
    key = f"{kind}{ProviderEvent.objects.count()}"
    return ProviderEvent.objects.create(
        provider="postmark", key=key, kind=kind, body={}, happened_at=MORNING, **fields
    )


def page_of(client: Client, reader: Subscriber) -> str:
    return client.get(f"/admin/subscribers/subscriber/{reader.pk}/change/").content.decode()


def test_a_readers_page_shows_deliveries_with_reasons_and_provider_reports(admin_client: Client) -> None:
    reader = SubscriberFactory()
    delivery(reader, 1, status="skipped", reason="nothing_matched")
    sent = delivery(reader, 2, status="sent", delivered_at=MORNING)
    letter = reader.letters.create(kind="confirm")
    event("delivered", delivery_id=sent.pk)
    event("soft_bounced", letter_id=letter.pk)
    event("rejected", delivery_id=sent.pk, stopped_for="bounced")
    shown = page_of(admin_client, reader)
    for words in (
        "3 May 2026, 05:00", "None of the papers matched", "Sent", "delivered 4 May", "Bounced for now", "postmark",
        "Rejected by the provider, which no longer mails the address: it bounced before",
    ):  # fmt: skip
        assert words in shown


def test_what_is_older_than_thirty_days_or_another_readers_is_not_shown() -> None:
    reader, other = SubscriberFactory(), SubscriberFactory()
    kept = delivery(reader, 29, status="sent")
    delivery(reader, 31, status="sent")
    event("delivered", delivery_id=delivery(other, 1, status="sent").pk)
    lines = reader_history.deliveries_of(reader)
    assert [line.delivery for line in lines] == [kept]
    assert reader_history.events_of(reader, lines) == []


def test_a_readers_page_runs_no_query_a_row(admin_client: Client) -> None:
    reader = SubscriberFactory()

    def queries(first: int, count: int) -> int:
        for day in range(first, first + count):
            event("delivered", delivery_id=delivery(reader, day, status="sent").pk)
        return query_count(lambda: page_of(admin_client, reader))

    queries(0, 1)  # the first page of a login writes down when it was last used
    assert queries(1, 2) == queries(3, 20)

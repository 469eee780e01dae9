"""Deliveries and events as an operator looks for them."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client

from digests.admin import search
from digests.models import Batch, Delivery, ProviderEvent
from subscribers.models import Subscriber
from tests.factories import SubscriberFactory
from tests.factories.returns import heard, sent_delivery

pytestmark = pytest.mark.django_db


def test_a_delivery_is_found_by_address_and_by_either_id() -> None:
    wanted = sent_delivery(SubscriberFactory(email="Ada@example.org"), provider_id="abc-1")
    sent_delivery()
    for text in (" ADA@example.org ", str(wanted.pk), "abc-1"):
        assert list(search.search_deliveries(Delivery.objects.all(), text)) == [wanted]
    for text in ("nobody@example.org", "99999999999999999999", "no-such-id", "0"):
        assert list(search.search_deliveries(Delivery.objects.all(), text)) == []


def test_an_event_is_found_by_its_mail_and_by_its_domain() -> None:
    delivery = sent_delivery(SubscriberFactory(email="ada@example.com"), provider_id="abc-1")
    of_delivery = heard("bounced", delivery)
    of_letter = heard("delivered", letter_id=delivery.pk + 77)
    for text, found in (
        (str(delivery.pk), [of_delivery]),
        (str(delivery.pk + 77), [of_letter]),
        ("abc-1", [of_delivery]),
        ("@Example.com", [of_delivery]),
        ("nowhere.example", []),
    ):
        assert list(search.search_events(ProviderEvent.objects.all(), text)) == found


DELIVERIES, EVENTS = Delivery.objects.order_by("-pk"), ProviderEvent.objects.order_by("-pk")


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (DELIVERIES.filter(status="abandoned"), "delivery_by_outcome"),
        (DELIVERIES.filter(status="skipped", reason="paused"), "delivery_by_outcome"),
        (EVENTS.filter(kind="unsubscribed"), "event_by_rare_kind"),
        (EVENTS.filter(put_aside="unknown"), "event_by_aside"),
        (EVENTS.filter(held="let_go"), "event_by_held"),
        (EVENTS.filter(stopped_for="blocked"), "event_by_stop"),
        (Subscriber.objects.filter(canonical__startswith="ada@ex"), "address_once_among_subscribers"),
    ],
)
def test_what_is_rare_has_an_index(rows: QuerySet[Any], index: str) -> None:
    """Ask for it where PostgreSQL may neither read whole tables nor go through them by their ids."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in rows.order_by().explain()


def test_a_delivery_without_a_status_is_shown_as_sent_or_planned(admin_client: Client) -> None:
    for position, said in ((1, "Sent"), (0, "Planned")):
        delivery = sent_delivery(batch=Batch.objects.create(position=position))
        page = admin_client.get(f"/admin/digests/delivery/{delivery.pk}/change/").content.decode()
        assert f">{said}<" in "".join(page.split())

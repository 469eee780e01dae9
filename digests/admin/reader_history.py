"""What became of one reader's recent mail, for staff who answer the reader's question."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from digests.models import Delivery, ProviderEvent
from newsletter import clock
from subscribers.models import Subscriber

SPAN = timedelta(days=30)
MOST_ROWS = 200
FACT_WORDS = {
    "delivered_at": "delivered",
    "soft_bounced_at": "bounced for now",
    "bounced_at": "bounced",
    "complained_at": "called spam",
}


class DeliveryLine(NamedTuple):
    delivery: Delivery
    facts: list[tuple[str, datetime]]


def deliveries_of(reader: Subscriber) -> list[DeliveryLine]:
    """Return the deliveries of the last 30 days, newest first."""
    rows = Delivery.objects.filter(subscriber=reader, slot__gte=clock.now() - SPAN).select_related("batch")
    return [DeliveryLine(row, facts_of(row)) for row in rows.order_by("-slot")[:MOST_ROWS]]


def facts_of(delivery: Delivery) -> list[tuple[str, datetime]]:
    known = ((name, getattr(delivery, column)) for column, name in FACT_WORDS.items())
    return sorted(((name, at) for name, at in known if at), key=lambda fact: fact[1])


def events_of(reader: Subscriber, deliveries: Sequence[DeliveryLine]) -> list[ProviderEvent]:
    """Return the provider events of these deliveries and of the reader's letters, newest first."""
    letters = list(reader.letters.order_by("-pk").values_list("pk", flat=True)[:MOST_ROWS])
    ours = Q(delivery_id__in=[line.delivery.pk for line in deliveries]) | Q(letter_id__in=letters)
    return list(ProviderEvent.objects.filter(ours).defer("body").order_by("-happened_at", "-pk")[:MOST_ROWS])

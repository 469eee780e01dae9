"""Searches deliveries and events by an address, an id or a domain; each search reads one index."""

from typing import Any

from django.db.models import Q, QuerySet

from digests.models import Delivery
from newsletter.number_text import parse_row_id
from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.models import Subscriber


def search_deliveries(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Keep the deliveries of a reader's address, or the one with this id: ours or the provider's."""
    if (number := parse_row_id(text)) is not None:
        return rows.filter(pk=number)
    try:
        readers = Subscriber.objects.filter(canonical=canonical_address(text)).values_list("pk", flat=True)
    except AddressError:
        return rows.filter(provider_id=text.strip()).exclude(provider_id="")
    return rows.filter(subscriber__in=list(readers))


def search_events(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Keep the events of a domain, or of the mail with this id: a delivery's, a letter's or the provider's."""
    if (number := parse_row_id(text)) is not None:
        return rows.filter(Q(delivery_id=number) | Q(letter_id=number))
    word = text.strip().lower().removeprefix("@")
    delivered = Delivery.objects.filter(provider_id=text.strip()).exclude(provider_id="").values_list("pk", flat=True)
    return rows.filter(Q(domain=word) & ~Q(domain="") | Q(delivery_id__in=list(delivered[:100])))

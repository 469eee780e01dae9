"""Gives readers back what bounced, once an operator has said that the addresses were not to blame."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Least

from digests.models import Delivery, ProviderEvent
from digests.sending.outcome_recording import give_back_spans

Kind = ProviderEvent.Kind


@transaction.atomic
def give_back_bounced(address_hashes: Collection[str], start: datetime, end: datetime) -> int:
    """Count the mails to these addresses that came back from `start` until before `end` as refused for our fault.

    Their papers come with the readers' next digest, as far as it reaches back. Return how many mails these are.
    """
    events = ProviderEvent.objects.counted().filter(happened_at__gte=start, happened_at__lt=end)
    events = events.filter(kind__in=(Kind.BOUNCED, Kind.SOFT_BOUNCED, Kind.REJECTED)).exclude(delivery_id=None)
    told = events.filter(address_hash__in=address_hashes).values("delivery_id")
    bounced = Q(bounced_at__gte=start, bounced_at__lt=end) | Q(soft_bounced_at__gte=start, soft_bounced_at__lt=end)
    mine = Delivery.objects.filter(bounced | Q(pk__in=told), subscriber__address_hash__in=address_hashes)
    ids = list(mine.filter(delivered_at=None).values_list("pk", flat=True))
    first = Least(F("bounced_at"), F("soft_bounced_at"))
    Delivery.objects.filter(pk__in=ids, refused_at=None).update(refused_at=Coalesce(first, Value(start)))
    give_back_spans(ids)
    return len(ids)

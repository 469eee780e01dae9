"""Suppress the addresses of readers on an operator's request."""

from django.db import transaction
from django.db.models import QuerySet

from subscribers.models import Subscriber, Suppression


@transaction.atomic
def suppress(readers: QuerySet[Subscriber], note: str) -> list[Suppression]:
    """Suppress the addresses of `readers`; return the new suppressions. Safe to repeat."""
    hashes = set(readers.values_list("address_hash", flat=True))
    hashes -= set(Suppression.objects.filter(address_hash__in=hashes).values_list("address_hash", flat=True))
    rows = [Suppression(address_hash=one, reason=Suppression.Reason.MANUAL, note=note[:300]) for one in sorted(hashes)]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)
    return list(Suppression.objects.filter(address_hash__in=hashes))

"""An operator's word that readers are never mailed again."""

from django.db.models import QuerySet

from subscribers.models import Subscriber, Suppression


def suppress(readers: QuerySet[Subscriber], note: str) -> int:
    """Suppress the addresses of `readers`; return how many were not suppressed before. Safe to repeat."""
    hashes = set(readers.values_list("address_hash", flat=True))
    hashes -= set(Suppression.objects.filter(address_hash__in=hashes).values_list("address_hash", flat=True))
    rows = [Suppression(address_hash=one, reason=Suppression.Reason.MANUAL, note=note[:300]) for one in sorted(hashes)]
    return len(Suppression.objects.bulk_create(rows, ignore_conflicts=True))

"""Write suppressions: addresses that are never mailed again. No other module writes that table."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from newsletter import clock
from subscribers import ports
from subscribers.models import LiftedSuppression, Subscriber, Suppression
from subscribers.models.suppression import LONGEST_NOTE

Reason = Suppression.Reason

# A complaint replaces every other reason, the provider's own list replaces a bounce, and every reason replaces an
# owner's refusal, which its owner may lift; otherwise the reason stored first stays. Of two alike the earlier moment
# is kept, so that reports may come in any order. Sorted, so that two writers wait for each other, never in a circle.
SUPPRESS = """
INSERT INTO subscribers_suppression AS kept (address_hash, reason, at, note)
SELECT DISTINCT ON (address_hash) address_hash, reason, at, note
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[]) AS new (address_hash, reason, at, note)
ORDER BY address_hash, reason = 'complaint' DESC, reason = 'provider' DESC, at
ON CONFLICT (address_hash) DO UPDATE SET
    reason = EXCLUDED.reason,
    at = CASE WHEN kept.reason = EXCLUDED.reason THEN LEAST(kept.at, EXCLUDED.at) ELSE EXCLUDED.at END,
    note = CASE WHEN kept.reason = EXCLUDED.reason OR EXCLUDED.note = '' THEN kept.note ELSE EXCLUDED.note END
WHERE kept.reason = EXCLUDED.reason OR EXCLUDED.reason = 'complaint'
   OR (kept.reason = 'bounce' AND EXCLUDED.reason = 'provider') OR kept.reason = 'refused'
"""


class NewSuppression(NamedTuple):
    """An address to suppress, by its keyed hash."""

    address_hash: str
    reason: Suppression.Reason
    at: datetime
    note: str = ""  # at most LONGEST_NOTE characters are kept


def suppress(new: Collection[NewSuppression]) -> None:
    """Suppress addresses in one statement. Safe to repeat and to interrupt, in any order."""
    if new:
        hashes, reasons, moments, notes = map(list, zip(*new, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(SUPPRESS, [hashes, reasons, moments, [note[:LONGEST_NOTE] for note in notes]])


class Lifted(NamedTuple):
    """Suppressions that were lifted together, and how many mails their readers get back."""

    suppressions: list[Suppression]
    mails: int


def of_day(day: date, reason: Suppression.Reason) -> QuerySet[Suppression]:
    """Return the suppressions since a day of UTC for a reason."""
    start = datetime.combine(day, time(), UTC)
    return Suppression.objects.filter(reason=reason, at__gte=start, at__lt=start + timedelta(days=1))


@transaction.atomic
def lift_day(day: date, reason: Suppression.Reason, by: str, note: str) -> Lifted:
    """Lift all suppressions of a day and reason; what bounced that day comes again with the readers' next digest."""
    rows = list(of_day(day, reason).select_for_update())
    now, start = clock.now(), datetime.combine(day, time(), UTC)
    LiftedSuppression.objects.bulk_create(
        LiftedSuppression(
            address_hash=row.address_hash,
            reason=row.reason,
            suppressed_at=row.at,
            lifted_at=now,
            by=by,
            note=note,
        )
        for row in rows
    )
    Suppression.objects.filter(pk__in=[row.pk for row in rows]).delete()
    hashes = [row.address_hash for row in rows]
    return Lifted(rows, ports.sending().give_back_bounced(hashes, start, start + timedelta(days=1)))


@transaction.atomic
def suppress_readers(readers: QuerySet[Subscriber], note: str) -> list[Suppression]:
    """Suppress the addresses of `readers` on an operator's request; return the new suppressions."""
    hashes = set(readers.values_list("address_hash", flat=True))
    hashes -= set(Suppression.objects.filter(address_hash__in=hashes).values_list("address_hash", flat=True))
    now = clock.now()
    suppress([NewSuppression(address_hash, Reason.MANUAL, now, note) for address_hash in hashes])
    return list(Suppression.objects.filter(address_hash__in=hashes))

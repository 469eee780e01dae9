"""Nightly: delete unconfirmed sign-ups, and clear the IP and email addresses whose retention has ended."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from newsletter import clock
from subscribers.models import Consent, Letter, Subscriber

UNCONFIRMED_KEPT = timedelta(days=7)
IP_KEPT = timedelta(days=30)
CHUNK = 1_000  # readers per transaction

PENDING = Subscriber.Status.PENDING


def apply_retention() -> None:
    """Delete or clear everything past its retention time. Safe to repeat and to interrupt."""
    while delete_unconfirmed():
        pass
    since = clock.now() - IP_KEPT
    Consent.objects.filter(at__lt=since).exclude(ip=None).update(ip=None)
    Letter.objects.filter(created_at__lt=since).exclude(address="").update(address="")


@transaction.atomic
def delete_unconfirmed() -> int:
    """Delete up to CHUNK pending readers who last signed up over a week ago; return how many.

    A pending reader who was known before becomes unsubscribed instead.
    """
    since = clock.now() - UNCONFIRMED_KEPT
    asked = Consent.objects.filter(subscriber=OuterRef("pk"), act=Consent.Act.ASKED, at__gte=since)
    old = Subscriber.objects.filter(~Exists(asked), status=PENDING, created_at__lt=since)
    # Skip rows that another transaction is confirming or renewing right now.
    chunk = list(old.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:CHUNK])
    for reader in chunk:
        if reader.was_known:
            reader.unsubscribe()
    Subscriber.objects.filter(pk__in=[reader.pk for reader in chunk if not reader.was_known]).delete()
    return len(chunk)

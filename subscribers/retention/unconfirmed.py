"""The step that forgets what is kept no longer: sign-ups nobody confirmed, addresses of networks."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from newsletter import clock
from subscribers.models import Consent, Letter, Subscriber

UNCONFIRMED_KEPT = timedelta(days=7)
NETWORKS_KEPT = timedelta(days=30)
CHUNK = 1_000  # readers a transaction

PENDING = Subscriber.Status.PENDING


def forget() -> None:
    """Forget all whose time is over; safe to repeat and to interrupt."""
    while forget_unconfirmed():
        pass
    since = clock.now() - NETWORKS_KEPT
    Consent.objects.filter(at__lt=since).exclude(ip=None).update(ip=None)
    Letter.objects.filter(created_at__lt=since).exclude(address="").update(address="")


@transaction.atomic
def forget_unconfirmed() -> int:
    """Delete some who asked a week ago and never confirmed; who was a reader before is one who left.

    Return how many there were.
    """
    since = clock.now() - UNCONFIRMED_KEPT
    asked = Consent.objects.filter(subscriber=OuterRef("pk"), act=Consent.Act.ASKED, at__gte=since)
    old = Subscriber.objects.filter(~Exists(asked), status=PENDING, created_at__lt=since)
    # A rival confirms or asks anew in a transaction of its own: its row is not waited for.
    some = list(old.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:CHUNK])
    for reader in some:
        if reader.confirmed_at is not None:
            reader.unsubscribe()
    Subscriber.objects.filter(pk__in=[reader.pk for reader in some if reader.confirmed_at is None]).delete()
    return len(some)

"""The owner of an address says “this was not me”: no more letters go there, until the owner allows them again."""

from django.db import transaction

from newsletter import clock
from subscribers.models import Subscriber, Suppression
from subscribers.subscription import opt_in
from subscribers.subscription.suppression import NewSuppression, suppress
from subscribers.tokens import LetterAddress

Reason = Suppression.Reason
SOURCE = "link in the confirmation"


@transaction.atomic
def refuse(address: LetterAddress, ip: str | None) -> None:
    """Suppress an address that a letter went to, and delete its sign-up if it was never known before. Safe to repeat.

    An active reader has confirmed the address, and is only unsubscribed.
    """
    reader = lock_reader(address)
    if reader is not None and reader.status == Subscriber.Status.ACTIVE:
        opt_in.unsubscribe(reader, ip, SOURCE)
        return
    suppress([NewSuppression(address.address_hash, Reason.REFUSED, clock.now())])
    if reader is not None and reader.was_known:
        opt_in.unsubscribe(reader, ip, SOURCE)
    elif reader is not None:
        reader.delete()


def lock_reader(address: LetterAddress) -> Subscriber | None:
    """Return the reader who has the address now, locked: the letter's, or one who signed up after it was sent.

    No index serves the second look-up, so it is left out where the address is suppressed already.
    """
    owners = Subscriber.objects.select_for_update().filter(address_hash=address.address_hash)
    reader = owners.filter(pk=address.reader_id).first()
    return reader if reader or suppression_reason(address) else owners.first()


def allow_again(address: LetterAddress) -> None:
    """Lift the owner's own refusal of an address; other suppressions stay. Safe to repeat."""
    refusal = Suppression.objects.filter(address_hash=address.address_hash, reason=Reason.REFUSED).first()
    if refusal is not None:
        refusal.lift(by="the owner of the address", note=SOURCE)


def suppression_reason(address: LetterAddress) -> str:
    """Return why an address is suppressed; an empty string if it is not."""
    return Suppression.objects.filter(address_hash=address.address_hash).values_list("reason", flat=True).first() or ""

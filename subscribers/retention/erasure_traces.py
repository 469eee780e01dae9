"""Erase traces of a reader outside the reader's own row: operators' notes, sign-ups, letters of other readers."""

from subscribers.addresses import bulk_canonical
from subscribers.models import Consent, Letter, LiftedSuppression, SignupRequest, Subscriber, Suppression


def erase_traces(reader: Subscriber) -> None:
    """Erase what deleting the reader's row does not cascade to. Suppressions stay, without their notes."""
    Suppression.objects.filter(address_hash=reader.address_hash).update(note="")
    LiftedSuppression.objects.filter(address_hash=reader.address_hash).delete()
    # Clearing the address instead would send the letter to the reader who requested it.
    Letter.objects.filter(address=reader.canonical).exclude(subscriber=reader).delete()
    forget_signups(reader)


def forget_signups(reader: Subscriber) -> None:
    waiting = SignupRequest.objects.select_for_update(skip_locked=True).filter(answered_at=None)
    for request in waiting:
        if bulk_canonical.canonical(request.email) == reader.canonical:
            request.settle(SignupRequest.Outcome.SUPPRESSED)
            SignupRequest.objects.filter(pk=request.pk).update(network="", source="")
    # Answered requests hold no address; they match the reader's consents by their time.
    asked = reader.consents.filter(act=Consent.Act.ASKED).values("at")
    SignupRequest.objects.filter(created_at__in=asked).update(network="", source="")

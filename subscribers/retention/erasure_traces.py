"""What is kept of a reader beyond the own row: notes of operators, sign-ups, mail that others asked for."""

from subscribers.addresses import bulk_canonical
from subscribers.models import Consent, Letter, LiftedSuppression, SignupRequest, Subscriber, Suppression


def forget_elsewhere(reader: Subscriber) -> None:
    """Take a reader out of all that does not go with the reader's row; a suppression stays, without a word of note."""
    Suppression.objects.filter(address_hash=reader.address_hash).update(note="")
    LiftedSuppression.objects.filter(address_hash=reader.address_hash).delete()
    # Deleted, since a letter without its address would go to the reader who asked for it.
    Letter.objects.filter(address=reader.canonical).exclude(subscriber=reader).delete()
    forget_signups(reader)


def forget_signups(reader: Subscriber) -> None:
    waiting = SignupRequest.objects.select_for_update(skip_locked=True).filter(answered_at=None)
    for request in waiting:
        if bulk_canonical.canonical(request.email) == reader.canonical:
            request.settle(SignupRequest.Outcome.SUPPRESSED)
            SignupRequest.objects.filter(pk=request.pk).update(network="", source="")
    # An answered one says no more whose it was, but it is as old as the consent.
    asked = reader.consents.filter(act=Consent.Act.ASKED).values("at")
    SignupRequest.objects.filter(created_at__in=asked).update(network="", source="")

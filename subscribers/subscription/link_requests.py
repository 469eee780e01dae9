"""Letters with a link that a reader requests: to the preferences, a new address, the data, its erasure."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from subscribers import tokens
from subscribers.addresses.canonical import canonical_address, hash_address
from subscribers.models import Consent, Letter, Subscriber, Suppression
from subscribers.subscription import opt_in
from subscribers.subscription.disposable_domains import is_disposable

DAY = timedelta(days=1)
MAX_LETTERS_PER_DAY = 3  # of one kind to one reader
ADDRESS_LIFETIME = timedelta(hours=24)  # of the link in a letter to a new address
DATA_LIFETIME = timedelta(minutes=60)  # of the links to a reader's data and its erasure

Kind = Letter.Kind


def plan_link_letter(address: str) -> Letter | None:
    """Plan a letter with a link to the preferences; None if the address is unconfirmed or has had enough today."""
    known = Subscriber.objects.exclude(status=Subscriber.Status.PENDING)
    subscriber = known.filter(canonical=canonical_address(address)).first()
    return plan_letter(subscriber, Kind.LINK) if subscriber else None


def plan_move_letter(subscriber: Subscriber, email: str) -> Letter | None:
    """Plan a letter to `email` whose link moves the reader there, and cancel links to other new addresses.

    Return None if the address is subscribed or disposable, or received such a letter within a day.
    """
    address = canonical_address(email)
    cancel_moves(subscriber, but=address)
    recent = Letter.objects.filter(kind=Kind.ADDRESS, address=address, created_at__gt=clock.now() - DAY)
    if is_disposable(address) or Subscriber.objects.filter(canonical=address).exists() or recent.exists():
        return None
    return plan_letter(subscriber, Kind.ADDRESS, address)


@transaction.atomic
def plan_letter(subscriber: Subscriber, kind: Letter.Kind, address: str = "") -> Letter | None:
    """Plan a letter; None if the reader has had MAX_LETTERS_PER_DAY of its kind within a day."""
    Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber.pk)
    if subscriber.letters.filter(kind=kind, created_at__gt=clock.now() - DAY).count() >= MAX_LETTERS_PER_DAY:
        return None
    return subscriber.letters.create(kind=kind, address=address)


def find_letter(kind: Letter.Kind, token: str) -> Letter | None:
    """Return the letter whose link has this token; None if the link was used or has expired.

    A link lives from the moment its letter was last handed to the provider.
    """
    lifetime = ADDRESS_LIFETIME if kind == Kind.ADDRESS else DATA_LIFETIME
    letters = Letter.objects.filter(kind=kind, token_hash=tokens.hash_token(token), used_at=None)
    return letters.filter(sending_at__gt=clock.now() - lifetime).select_related("subscriber__preferences").first()


@transaction.atomic
def move_reader(letter: Letter, ip: str | None) -> Letter | None:
    """Move the reader to the letter's address; return the notice to the old one.

    Return None if the link was used, or the new address is taken or suppressed.

    Links in earlier mails end, because they are in the inbox of the old address. Unsubscribe links keep working.
    """
    # Before any other lock, because an import holds it while it waits for readers' rows.
    advisory_locks.wait_in_transaction(Lock.NEW_ADDRESSES)
    advisory_locks.wait_in_transaction(Lock.SIGNUP, letter.address)
    subscriber = Subscriber.objects.select_for_update().get(pk=letter.subscriber_id)
    # Asked before the UPDATE: a failing one would write the address into PostgreSQL's log.
    is_taken = Subscriber.objects.filter(canonical=letter.address).exists()
    if not mark_used(letter) or is_taken or Suppression.holds(letter.address):
        return None
    old_address = subscriber.canonical
    Subscriber.objects.filter(pk=subscriber.pk).update(
        email=letter.address,
        canonical=letter.address,
        address_hash=hash_address(letter.address),
        token_epoch=F("token_epoch") + 1,
    )
    cancel_moves(subscriber)
    opt_in.record_consent(subscriber, Consent.Act.MOVED, ip, "link in the letter to the new address")
    return subscriber.letters.create(kind=Kind.MOVED, address=old_address)


@transaction.atomic
def end_links(subscriber: Subscriber) -> Letter:
    """End every link mailed so far except those that unsubscribe and confirm, and plan a letter with a new one.

    It needs no limit: each letter ends the link of the one before, so only its recipient can ask again.
    """
    Subscriber.objects.filter(pk=subscriber.pk).update(token_epoch=F("token_epoch") + 1)
    subscriber.letters.filter(kind__in=(Kind.ADDRESS, Kind.EXPORT, Kind.ERASE)).void()
    return subscriber.letters.create(kind=Kind.LINK)


def cancel_moves(subscriber: Subscriber, but: str = "") -> None:
    """Cancel the links that would move a reader to an address other than `but`."""
    subscriber.letters.filter(kind=Kind.ADDRESS).exclude(address=but).void()


def mark_used(letter: Letter) -> bool:
    """Mark the link of a letter as used; return False if it was used before."""
    return bool(Letter.objects.filter(pk=letter.pk, used_at=None).update(used_at=clock.now()))

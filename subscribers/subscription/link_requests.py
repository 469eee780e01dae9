"""Letters with a link that a reader requests: to the preferences, a new address, the data, its erasure."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from newsletter import clock
from subscribers import tokens
from subscribers.addresses.canonical import canonical_address, hash_address
from subscribers.models import Consent, Letter, Subscriber
from subscribers.subscription import opt_in
from subscribers.subscription.disposable_domains import is_disposable

DAY = timedelta(days=1)
MAX_LETTERS_PER_DAY = 3  # of one kind to one reader
LIFETIME = timedelta(hours=24)  # of the links

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
    """Return the letter whose link has this token; None if the link was used or has expired."""
    letters = Letter.objects.filter(kind=kind, token_hash=tokens.hash_token(token), used_at=None)
    return letters.filter(created_at__gt=clock.now() - LIFETIME).select_related("subscriber__preferences").first()


@transaction.atomic
def move_reader(letter: Letter, ip: str | None) -> Letter | None:
    """Move the reader to the letter's address; return the notice to the old one, or None if the new one is taken.

    Links in earlier mails end, because they are in the inbox of the old address. Unsubscribe links keep working.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=letter.subscriber_id)
    if not mark_used(letter):
        return None
    old_address = subscriber.canonical
    try:
        with transaction.atomic():
            Subscriber.objects.filter(pk=subscriber.pk).update(
                email=letter.address,
                canonical=letter.address,
                address_hash=hash_address(letter.address),
                token_epoch=F("token_epoch") + 1,
            )
    except IntegrityError:
        return None
    cancel_moves(subscriber)
    opt_in.record_consent(subscriber, Consent.Act.MOVED, ip, "link in the letter to the new address")
    return subscriber.letters.create(kind=Kind.MOVED, address=old_address)


@transaction.atomic
def end_links(subscriber: Subscriber) -> Letter:
    """End every link mailed so far except those that unsubscribe, and plan a letter with a new one.

    It needs no limit: each letter ends the link of the one before, so only its recipient can ask again.
    """
    Subscriber.objects.filter(pk=subscriber.pk).update(token_epoch=F("token_epoch") + 1)
    subscriber.letters.filter(kind__in=(Kind.ADDRESS, Kind.EXPORT, Kind.ERASE), used_at=None).update(
        used_at=clock.now()
    )
    return subscriber.letters.create(kind=Kind.LINK)


def cancel_moves(subscriber: Subscriber, but: str = "") -> None:
    """Cancel the links that would move a reader to an address other than `but`."""
    links = subscriber.letters.filter(kind=Kind.ADDRESS, used_at=None)
    links.exclude(address=but).update(used_at=clock.now())


def mark_used(letter: Letter) -> bool:
    """Mark the link of a letter as used; return False if it was used before."""
    return bool(Letter.objects.filter(pk=letter.pk, used_at=None).update(used_at=clock.now()))

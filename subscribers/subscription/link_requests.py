"""What a reader asks for beside the choices: a link, another address, the data, the end. Each goes by a letter."""

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
MOST_A_DAY = 3  # letters of one kind to one reader
LIFETIME = timedelta(hours=24)  # of their links

Kind = Letter.Kind


def ask_for_link(address: str) -> Letter | None:
    """Plan a letter with a link to the choices; None for an address that has none, or had enough of them today.

    Who never confirmed an address gets nothing there.
    """
    known = Subscriber.objects.exclude(status=Subscriber.Status.PENDING)
    subscriber = known.filter(canonical=canonical_address(address)).first()
    return plan(subscriber, Kind.LINK) if subscriber else None


def ask_to_move(subscriber: Subscriber, email: str) -> Letter | None:
    """Plan a letter to another address, whose link moves the reader there; None where that address gets none.

    That is so where it is subscribed itself, is of no use for good, or was written to for this within a day. Links
    that were mailed to other addresses before work no more.
    """
    address = canonical_address(email)
    void_moves(subscriber, but=address)
    asked = Letter.objects.filter(kind=Kind.ADDRESS, address=address, created_at__gt=clock.now() - DAY)
    if is_disposable(address) or Subscriber.objects.filter(canonical=address).exists() or asked.exists():
        return None
    return plan(subscriber, Kind.ADDRESS, address)


@transaction.atomic
def plan(subscriber: Subscriber, kind: Letter.Kind, address: str = "") -> Letter | None:
    """Plan a letter; None where the reader had MOST_A_DAY of its kind within a day."""
    Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber.pk)
    if subscriber.letters.filter(kind=kind, created_at__gt=clock.now() - DAY).count() >= MOST_A_DAY:
        return None
    return subscriber.letters.create(kind=kind, address=address)


def find(kind: Letter.Kind, token: str) -> Letter | None:
    """Return the letter whose link has this token, as long as the link works."""
    letters = Letter.objects.filter(kind=kind, token_hash=tokens.hash_token(token), used_at=None)
    return letters.filter(created_at__gt=clock.now() - LIFETIME).select_related("subscriber__preferences").first()


@transaction.atomic
def move(letter: Letter, ip: str | None) -> Letter | None:
    """Move the reader to the letter's address and return the letter that tells the old one; None where it is taken.

    Links in earlier mails open no choices any more: they lie at the address that was left.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=letter.subscriber_id)
    if not use_up(letter):
        return None
    left = subscriber.canonical
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
    void_moves(subscriber)
    opt_in.record_consent(subscriber, Consent.Act.MOVED, ip, "link in the letter to the new address")
    return subscriber.letters.create(kind=Kind.MOVED, address=left)


@transaction.atomic
def end_links(subscriber: Subscriber) -> Letter:
    """End every link mailed so far but those that unsubscribe, and plan the letter with a fresh one.

    It counts against no limit: each such letter takes the link of the last, so only its reader can ask again.
    """
    Subscriber.objects.filter(pk=subscriber.pk).update(token_epoch=F("token_epoch") + 1)
    subscriber.letters.filter(kind__in=(Kind.ADDRESS, Kind.EXPORT, Kind.ERASE), used_at=None).update(
        used_at=clock.now()
    )
    return subscriber.letters.create(kind=Kind.LINK)


def void_moves(subscriber: Subscriber, but: str = "") -> None:
    """End the links that would move a reader to any address but one: the last that was asked for counts."""
    links = subscriber.letters.filter(kind=Kind.ADDRESS, used_at=None)
    links.exclude(address=but).update(used_at=clock.now())


def use_up(letter: Letter) -> bool:
    """Use up the link of a letter; False where somebody was first."""
    return bool(Letter.objects.filter(pk=letter.pk, used_at=None).update(used_at=clock.now()))

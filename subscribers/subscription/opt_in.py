"""Sign-up, double opt-in and unsubscribing, each with its consent record."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from newsletter import clock
from subscribers import tokens
from subscribers.addresses.canonical import canonical_address, hash_address
from subscribers.models import Consent, Letter, Preferences, Subscriber, Suppression

CONFIRMATION_LIFETIME = timedelta(hours=72)
MAX_CONFIRMATIONS = 3  # letters to an address that never confirms
# The text that readers agree to is in templates/subscribers/_box.html; change this version with it.
CONSENT_TEXT = "2026-11-30"


@transaction.atomic
def sign_up(
    email: str,
    preferences: Preferences,
    schedule: dict[str, Any],
    ip: str | None,
    source: str = "",
    at: datetime | None = None,
) -> Letter:
    """Record a request to subscribe `email`, and plan the letter that answers it.

    An active reader keeps all preferences and gets a link to change them instead of a confirmation.
    """
    subscriber = store_choice(email, preferences, schedule)
    if subscriber.status != Subscriber.Status.ACTIVE:
        record_consent(subscriber, Consent.Act.ASKED, ip, source, at)
    is_active = subscriber.status == Subscriber.Status.ACTIVE
    return subscriber.letters.create(kind=Letter.Kind.PREFERENCES if is_active else Letter.Kind.CONFIRM)


@transaction.atomic
def store_choice(email: str, preferences: Preferences, schedule: dict[str, Any]) -> Subscriber:
    """Store the choice made for `email`, unless its reader is active; return the reader."""
    canonical = canonical_address(email)
    choice = {"email": email, "preferences": preferences, **schedule}
    subscriber, is_new = Subscriber.objects.select_for_update().get_or_create(
        canonical=canonical, defaults={"address_hash": hash_address(canonical), **choice}
    )
    if subscriber.status == Subscriber.Status.ACTIVE:
        return subscriber
    if not is_new:
        subscriber.move_to(Subscriber.Status.PENDING)
        Subscriber.objects.filter(pk=subscriber.pk).update(**choice)
    return subscriber


def find_confirmation(token: str) -> Letter | None:
    """Return the unused confirmation letter of a token, even if expired; None if there is none."""
    return (
        Letter.objects.filter(kind=Letter.Kind.CONFIRM, token_hash=tokens.hash_token(token), used_at=None)
        .select_related("subscriber__preferences")
        .first()
    )


def is_expired(letter: Letter) -> bool:
    return letter.created_at + CONFIRMATION_LIFETIME < clock.now()


@transaction.atomic
def resend_confirmation(letter: Letter, ip: str | None) -> Letter | None:
    """Plan a new confirmation after one expired; None if the reader is not pending or a limit is reached.

    The limits are one letter a day and MAX_CONFIRMATIONS unused ones in all.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=letter.subscriber_id)
    unused = subscriber.letters.filter(kind=Letter.Kind.CONFIRM, used_at=None)
    is_limited = (
        unused.filter(created_at__gt=clock.now() - timedelta(days=1)).exists() or unused.count() >= MAX_CONFIRMATIONS
    )
    if subscriber.status != Subscriber.Status.PENDING or is_limited:
        return None
    record_consent(subscriber, Consent.Act.ASKED, ip, "expired link")
    return subscriber.letters.create(kind=Letter.Kind.CONFIRM)


@transaction.atomic
def confirm(letter: Letter, ip: str | None) -> bool:
    """Use a confirmation to activate its reader; return False if it was used or has expired."""
    # The reader is locked before the letter, as in unsubscribe, so that the two cannot deadlock.
    reader = Subscriber.objects.select_for_update(no_key=True).filter(pk=letter.subscriber_id)
    if is_expired(letter) or not list(reader):
        return False
    if not Letter.objects.filter(pk=letter.pk, used_at=None).update(used_at=clock.now()):
        return False
    if confirmed := letter.subscriber.confirm():
        record_consent(letter.subscriber, Consent.Act.CONFIRMED, ip, "link in the confirmation")
    return confirmed


@transaction.atomic
def unsubscribe(subscriber: Subscriber, ip: str | None, source: str = "") -> None:
    """Unsubscribe a reader, void the letters under way, and record the request's IP address and source.

    Safe to repeat.
    """
    if subscriber.unsubscribe():
        subscriber.letters.void()
        record_consent(subscriber, Consent.Act.UNSUBSCRIBED, ip, source)


@transaction.atomic
def pause_instead(subscriber: Subscriber, until: date, ip: str | None) -> bool:
    """Undo an unsubscription of the last hour and pause instead; False if it is too late or suppressed."""
    if Suppression.holds(subscriber.canonical) or not subscriber.pause_instead(until):
        return False
    record_consent(subscriber, Consent.Act.STAYED, ip, "page of leaving")
    return True


def record_consent(
    subscriber: Subscriber, act: Consent.Act, ip: str | None, source: str = "", at: datetime | None = None
) -> None:
    subscriber.consents.create(act=act, at=at or clock.now(), ip=ip, text_version=CONSENT_TEXT, source=source)

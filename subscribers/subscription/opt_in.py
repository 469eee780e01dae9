"""From the web form to a confirmed reader: sign-up and double opt-in."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from newsletter import clock
from subscribers import tokens
from subscribers.addresses.canonical import canonical_address, hash_address
from subscribers.models import Consent, Letter, Preferences, Subscriber, Suppression

CONFIRMATION_LIFETIME = timedelta(hours=72)
CONFIRMATIONS = 3  # to an address that never confirms
# The words a reader agrees to stand in templates/subscribers/_box.html; a change there is a new version here.
CONSENT_TEXT = "2026-11-26"


@transaction.atomic
def ask(
    email: str,
    preferences: Preferences,
    schedule: dict[str, Any],
    ip: str | None,
    source: str = "",
    at: datetime | None = None,
) -> Letter:
    """Record that somebody asked to subscribe `email`, and plan the letter that answers.

    A reader who is subscribed already keeps every choice and is mailed a link to change it.
    """
    subscriber = note(email, preferences, schedule)
    if subscriber.status != Subscriber.Status.ACTIVE:
        record_consent(subscriber, Consent.Act.ASKED, ip, source, at)
    is_active = subscriber.status == Subscriber.Status.ACTIVE
    return subscriber.letters.create(kind=Letter.Kind.PREFERENCES if is_active else Letter.Kind.CONFIRM)


@transaction.atomic
def note(email: str, preferences: Preferences, schedule: dict[str, Any]) -> Subscriber:
    """Keep the choice that somebody made for `email`; a reader who is subscribed keeps the old one."""
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
    """Return the unused confirmation of a token, also an expired one; None where there is none."""
    return (
        Letter.objects.filter(kind=Letter.Kind.CONFIRM, token_hash=tokens.hash_token(token), used_at=None)
        .select_related("subscriber__preferences")
        .first()
    )


def is_expired(letter: Letter) -> bool:
    return letter.created_at + CONFIRMATION_LIFETIME < clock.now()


@transaction.atomic
def ask_again(letter: Letter, ip: str | None) -> Letter | None:
    """Plan a fresh confirmation in place of an expired one; None where nothing waits for it, or enough were sent.

    That is one a day, and CONFIRMATIONS until one is used.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=letter.subscriber_id)
    unused = subscriber.letters.filter(kind=Letter.Kind.CONFIRM, used_at=None)
    is_enough = (
        unused.filter(created_at__gt=clock.now() - timedelta(days=1)).exists() or unused.count() >= CONFIRMATIONS
    )
    if subscriber.status != Subscriber.Status.PENDING or is_enough:
        return None
    record_consent(subscriber, Consent.Act.ASKED, ip, "expired link")
    return subscriber.letters.create(kind=Letter.Kind.CONFIRM)


@transaction.atomic
def confirm(letter: Letter, ip: str | None) -> bool:
    """Use up a confirmation and make its reader active; False where it was used or has expired."""
    if is_expired(letter):
        return False
    if not Letter.objects.filter(pk=letter.pk, used_at=None).update(used_at=clock.now()):
        return False
    if confirmed := letter.subscriber.confirm():
        record_consent(letter.subscriber, Consent.Act.CONFIRMED, ip, "link in the confirmation")
    return confirmed


@transaction.atomic
def unsubscribe(subscriber: Subscriber, ip: str | None, source: str = "") -> None:
    """End a subscription and record who asked for it, and by which way; safe to repeat."""
    if subscriber.unsubscribe():
        record_consent(subscriber, Consent.Act.UNSUBSCRIBED, ip, source)


@transaction.atomic
def stay(subscriber: Subscriber, until: date, ip: str | None) -> bool:
    """Turn an unsubscription of the last hour into a pause; False where it is too late, or suppressed."""
    if Suppression.holds(subscriber.canonical) or not subscriber.stay(until):
        return False
    record_consent(subscriber, Consent.Act.STAYED, ip, "page of leaving")
    return True


def record_consent(
    subscriber: Subscriber, act: Consent.Act, ip: str | None, source: str = "", at: datetime | None = None
) -> None:
    subscriber.consents.create(act=act, at=at or clock.now(), ip=ip, text_version=CONSENT_TEXT, source=source)

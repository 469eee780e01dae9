"""Links that speak for a reader: each opens one thing only."""

import hashlib
import secrets
from enum import StrEnum

from django.core.signing import BadSignature, Signer

from subscribers.models import Subscriber


class Purpose(StrEnum):
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"


def sign(purpose: Purpose, subscriber_id: int, epoch: int = 0) -> str:
    """Return the token of one reader for one purpose: the same whenever it is asked for."""
    return signer(purpose).sign(f"{subscriber_id}.{epoch}")


def read(purpose: Purpose, token: str) -> Subscriber | None:
    """Return the reader a token speaks for, or None where it does not hold.

    A preferences link ends with its epoch; an unsubscribe link works for good.
    """
    try:
        pk, epoch = signer(purpose).unsign(token).split(".")
    except (BadSignature, ValueError):
        return None
    subscriber = Subscriber.objects.select_related("preferences").filter(pk=pk).first()
    if subscriber and purpose is Purpose.PREFERENCES and subscriber.token_epoch != int(epoch):
        return None
    return subscriber


def signer(purpose: Purpose) -> Signer:
    return Signer(salt=f"paper-round.{purpose}", sep="~")


def random_token() -> str:
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

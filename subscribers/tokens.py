"""Signed tokens for links that identify a reader, each for one purpose only."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.core.signing import BadSignature, Signer

from subscribers.models import Subscriber

SEPARATOR = "~"


class Purpose(StrEnum):
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    PAUSE = "pause"
    VIEW = "view"
    VOTE = "vote"
    PROPOSE = "propose"


# Tokens for these purposes end when the reader's token_epoch changes: at a new address, or on request.
OF_AN_EPOCH = frozenset({Purpose.PREFERENCES, Purpose.PAUSE, Purpose.VOTE, Purpose.PROPOSE})


def sign(purpose: Purpose, pk: int, epoch: int = 0, *, secret: str = "") -> str:
    """Return the token of one reader (or, for VIEW, one delivery) for one purpose; always the same.

    Equal to `signer(purpose).sign(…)` with a cached key, for a million readers with four links each. In bulk, pass
    settings.SECRET_KEY as `secret`: looking it up takes longer than hashing.
    """
    value = f"{pk}.{epoch}"
    signature = hmac.digest(key_of(purpose, secret or settings.SECRET_KEY), value.encode(), hashlib.sha256)
    return f"{value}{SEPARATOR}{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@cache
def key_of(purpose: Purpose, secret: str) -> bytes:
    """Return the key that Django's Signer derives for a purpose (django.utils.crypto.salted_hmac)."""
    return hashlib.sha256(f"{salt_of(purpose)}signer{secret}".encode()).digest()


def read(token: str, *purposes: Purpose) -> Subscriber | None:
    """Return the reader whose token this is, for any of `purposes`; None if it is invalid or was ended.

    Unsubscribe links always work; the others end with their epoch.
    """
    return next(filter(None, (read_for(purpose, token) for purpose in purposes)), None)


def read_for(purpose: Purpose, token: str) -> Subscriber | None:
    signed = unsign_with_epoch(purpose, token)
    if signed is None:
        return None
    pk, epoch = signed
    subscriber = Subscriber.objects.select_related("preferences").filter(pk=pk).first()
    if subscriber and purpose in OF_AN_EPOCH and subscriber.token_epoch != epoch:
        return None
    return subscriber


def reader_key(pk: int) -> str:
    """Return the permanent pseudonymous key of a reader in votes and proposals."""
    return hmac.digest(settings.ADDRESS_KEY.encode(), f"paper-round.reader.{pk}".encode(), hashlib.sha256).hex()


def is_of_now(purpose: Purpose, token: str, subscriber: Subscriber) -> bool:
    """Return True if a token was mailed to the reader's current address; others must not see that address."""
    return unsign_with_epoch(purpose, token) == (subscriber.pk, subscriber.token_epoch)


def unsign(purpose: Purpose, token: str) -> int | None:
    """Return the id that a token was signed for; None if the signature is invalid."""
    signed = unsign_with_epoch(purpose, token)
    return signed[0] if signed else None


def unsign_with_epoch(purpose: Purpose, token: str) -> tuple[int, int] | None:
    try:
        pk, epoch = signer(purpose).unsign(token).split(".")
        return int(pk), int(epoch)
    except (BadSignature, ValueError):
        return None


def signer(purpose: Purpose) -> Signer:
    return Signer(salt=salt_of(purpose), sep=SEPARATOR)


def salt_of(purpose: Purpose) -> str:
    return f"paper-round.{purpose}"


class LetterAddress(NamedTuple):
    """The address that a letter went to, and the reader whose letter it is; that reader may have another address."""

    reader_id: int
    address_hash: str


def sign_address(address: LetterAddress) -> str:
    """Return the token by which the owner of an address stops further letters to it; it does not expire."""
    return address_signer().sign(f"{address.reader_id}.{address.address_hash}")


def unsign_address(token: str) -> LetterAddress | None:
    """Return the address that a token was signed for; None if the signature is invalid."""
    try:
        reader_id, address_hash = address_signer().unsign(token).split(".")
    except (BadSignature, ValueError):
        return None
    return LetterAddress(int(reader_id), address_hash)


def address_signer() -> Signer:
    return Signer(salt="paper-round.not-me", sep=SEPARATOR)


def random_token() -> str:
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

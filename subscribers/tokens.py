"""Signed tokens for links that identify a reader, each for one purpose only."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.crypto import constant_time_compare

from subscribers.models import Subscriber

SEPARATOR = "~"
SIGNATURE = 16  # characters
READER, DELIVERY = b"reader", b"delivery"  # whose id a token holds


class Purpose(StrEnum):
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    PAUSE = "pause"
    VIEW = "view"
    VOTE = "vote"
    PROPOSE = "propose"


# Tokens for these purposes end when the reader's token_epoch changes: at a new address, or on request.
OF_AN_EPOCH = frozenset({Purpose.PREFERENCES, Purpose.PAUSE, Purpose.VOTE, Purpose.PROPOSE})


# Where in the hash of a reader the signature for a purpose stands: links in old mails hold it.
PLACES = {
    purpose: slice(SIGNATURE * number, SIGNATURE * (number + 1))
    for number, purpose in enumerate(
        (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE, Purpose.PAUSE, Purpose.VOTE, Purpose.PROPOSE)
    )
}


def sign(purpose: Purpose, pk: int, epoch: int = 0) -> str:
    """Return the token of one reader (or, for VIEW, one delivery) for one purpose; always the same."""
    value = f"{pk}.{epoch}"
    return f"{value}{SEPARATOR}{signature_of(purpose, value, settings.SECRET_KEY)}"


def sign_all(pk: int, epoch: int, *, secret: str) -> dict[Purpose, str]:
    """Return a reader's tokens for all purposes but VIEW, from one hash, for a million readers with five links each.

    `secret` is settings.SECRET_KEY: looking it up takes longer than hashing.
    """
    value = f"{pk}.{epoch}"
    signatures, before = signatures_of(READER, value, secret), value + SEPARATOR
    return {purpose: before + signatures[place] for purpose, place in PLACES.items()}


def sign_view(delivery_id: int, epoch: int, *, secret: str) -> str:
    """Return the token to view the mail of one delivery; see `sign_all`."""
    value = f"{delivery_id}.{epoch}"
    return f"{value}{SEPARATOR}{signatures_of(DELIVERY, value, secret)[:SIGNATURE]}"


def signature_of(purpose: Purpose, value: str, secret: str) -> str:
    if purpose == Purpose.VIEW:
        return signatures_of(DELIVERY, value, secret)[:SIGNATURE]
    return signatures_of(READER, value, secret)[PLACES[purpose]]


def signatures_of(whose: bytes, value: str, secret: str) -> str:
    """Return the signatures of all purposes, one after another: 96 bits each of one keyed hash."""
    digest = blake2b(value.encode(), digest_size=60, key=key_of(secret), person=whose).digest()
    return urlsafe_b64encode(digest).decode()


@cache
def key_of(secret: str) -> bytes:
    return blake2b(secret.encode(), person=b"links of mails").digest()


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
    """Return the id and the epoch that a token was signed for; None if the signature is invalid."""
    value, _, signature = token.rpartition(SEPARATOR)
    try:
        if len(signature) != SIGNATURE:  # of a mail from before all tokens came from one hash
            value = signer(purpose).unsign(token)
        elif not is_signed(purpose, value, signature):
            return None
        pk, epoch = value.split(".")
        return int(pk), int(epoch)
    except (BadSignature, ValueError):
        return None


def is_signed(purpose: Purpose, value: str, signature: str) -> bool:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(signature, signature_of(purpose, value, key)) for key in keys)


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

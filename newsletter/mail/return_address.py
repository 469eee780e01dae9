"""The signed envelope address of each mail, to which bounces and answers return (VERP).

An address is good for one mail and says which: `bounces+TOKEN@example.org`, or `TOKEN@bounces.example.org` where a
domain has no other mail. A token is 32 lower-case letters and digits of base32, since some servers change the case.
"""

import hmac
import re
import struct
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings

LONGEST_LOCAL_PART = 64  # bytes (RFC 5321, 4.5.3.1.1)
TOKEN_LENGTH = 32
LONGEST_NAME = LONGEST_LOCAL_PART - TOKEN_LENGTH - 1  # of BOUNCE_ADDRESS before its @
TAG_BYTES = 3
SIGNATURE_BYTES = 8
FORM = struct.Struct(f">BQ{TAG_BYTES}s")
TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?=@)", re.IGNORECASE)


class Purpose(IntEnum):
    """What an address is for; the id in it is that of a delivery, a letter or a reader."""

    DELIVERY = 1
    LETTER = 2
    UNSUBSCRIBE = 3


class Returned(NamedTuple):
    """What a token says: whose id, and the beginning of the hash of the address that the mail went to."""

    purpose: Purpose
    pk: int
    address_tag: str  # hexadecimal

    def is_of(self, address_hash: str) -> bool:
        """Return whether the mail went to the address with this hash; readers change theirs."""
        return address_hash.startswith(self.address_tag)


class ReturnAddresses(NamedTuple):
    """What all signed addresses share."""

    before: str
    after: str
    key: bytes

    def sign(self, purpose: Purpose, pk: int, address_hash: str = "") -> str:
        """Return the address of one mail, at most LONGEST_LOCAL_PART letters before the @; always the same."""
        value = FORM.pack(purpose, pk, bytes.fromhex(address_hash[: 2 * TAG_BYTES]))
        token = b32encode(value + signature(self.key, value)).decode().lower()
        return f"{self.before}{token}{self.after}"


def return_addresses() -> ReturnAddresses | None:
    """Return what makes signed addresses; None where BOUNCE_ADDRESS is not set."""
    return addresses_for(settings.BOUNCE_ADDRESS, settings.SECRET_KEY) if settings.BOUNCE_ADDRESS else None


@lru_cache(maxsize=8)
def addresses_for(bounce_address: str, secret: str) -> ReturnAddresses:
    name, _, domain = bounce_address.rpartition("@")
    return ReturnAddresses(f"{name}+" if name else "", f"@{domain}", key_of(secret))


@lru_cache(maxsize=8)
def key_of(secret: str) -> bytes:
    return sha256(f"paper-round.return-address.{secret}".encode()).digest()


def signature(key: bytes, value: bytes) -> bytes:
    return hmac.digest(key, value, "sha256")[:SIGNATURE_BYTES]


def find_tokens(text: str) -> Iterator[str]:
    """Yield what stands before an @ in `text` and looks like a token, in lower case."""
    for found in TOKEN.finditer(text):
        yield found[0].lower()


def read_token(token: str) -> Returned | None:
    """Return what a token says, also one signed with a former SECRET_KEY; None if the signature is not ours."""
    try:
        data = b32decode(token.upper())
        value, signed = data[: FORM.size], data[FORM.size :]
        purpose, pk, tag = FORM.unpack(value)
        keys = [key_of(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
        if any(hmac.compare_digest(signature(key, value), signed) for key in keys):
            return Returned(Purpose(purpose), pk, tag.hex())
    except (Error, ValueError, struct.error):
        pass
    return None

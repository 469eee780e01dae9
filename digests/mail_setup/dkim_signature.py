"""Verifies the DKIM signatures of a mail (RFC 6376), with keys from DNS."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from digests.mail_setup.dkim_key import DkimKey, KeyFault, key_host, read_key
from digests.mail_setup.resolver import NoAnswer, Resolver
from digests.mail_setup.tag_list import read_tags
from newsletter import clock

SMALLEST_RSA_BITS = 1024  # RFC 8301: receivers trust no shorter key
MOST_SIGNATURES = 10  # of one mail; each costs a look-up
FIELD = re.compile(rb"([^\s:]+)[ \t]*:(.*)", re.S)
OWN_HASH = re.compile(rb"((?:^|;)\s*b\s*=)[^;]*", re.S)
Fields = list[tuple[bytes, bytes]]


class SignatureFault(Exception):
    """The signature does not hold; the message completes “the signature …”."""


class Signature(NamedTuple):
    """One signature of a mail. `trouble` completes “the signature …” and is empty where it holds."""

    domain: str
    selector: str
    covered: tuple[str, ...]  # names of header fields, lower case, as often as each is signed
    trouble: str
    is_known: bool = True  # False where DNS did not answer, so that nothing is known
    is_partial: bool = False  # l=: what is added below the signed part of the body is not noticed
    bits: int = 0

    @property
    def is_valid(self) -> bool:
        return self.is_known and not self.trouble


def verify_signatures(mail: bytes, resolver: Resolver) -> Iterator[Signature]:
    """Yield the signatures of a mail as received, top first. Line ends may be LF or CRLF."""
    fields, body = split_mail(mail)
    signatures = [(name, value) for name, value in fields if name.lower() == b"dkim-signature"]
    for field in signatures[:MOST_SIGNATURES]:
        yield verify(field, fields, body, resolver)


def split_mail(mail: bytes) -> tuple[Fields, bytes]:
    """Return the header fields as name and raw value, in order, and the body; line ends become CRLF."""
    text = re.sub(rb"\r?\n", b"\r\n", mail)
    if text.startswith(b"From "):  # a mailbox file's own line
        text = text.partition(b"\r\n")[2]
    head, _, body = text.partition(b"\r\n\r\n")
    lines = re.split(rb"\r\n(?![ \t])", head)
    return [(found[1], found[2]) for line in lines if (found := FIELD.fullmatch(line))], body


def verify(field: tuple[bytes, bytes], fields: Fields, body: bytes, resolver: Resolver) -> Signature:
    tags = read_tags(field[1].decode("latin-1"))
    domain, selector = tags.get("d", "").lower(), tags.get("s", "")
    covered = tuple(name.strip().lower() for name in tags.get("h", "").split(":"))
    told = Signature(domain, selector, covered, "", is_partial="l" in tags)
    try:
        check_form(tags, covered)
        check_body(tags, body)
        try:
            key = read_key(resolver.txt(key_host(selector, domain)))
        except KeyFault as exc:
            raise SignatureFault(f"cannot be verified: the key at {key_host(selector, domain)} {exc}") from exc
        check_head(tags, key, signed_head(tags, covered, field, fields))
    except SignatureFault as exc:
        return told._replace(trouble=str(exc))
    except NoAnswer as exc:
        return told._replace(trouble=f"is not verified. {exc}", is_known=False)
    return told._replace(bits=key.bits)


def check_form(tags: dict[str, str], covered: tuple[str, ...]) -> None:
    if missing := [name for name in ("v", "a", "b", "bh", "d", "h", "s") if not tags.get(name)]:
        raise SignatureFault(f"lacks {', '.join(missing)}")
    if tags["v"] != "1":
        raise SignatureFault(f"has the version “{tags['v']}”, where only 1 is known")
    if tags["a"].lower() not in ("rsa-sha256", "ed25519-sha256"):
        raise SignatureFault(f"is made with {tags['a']}, which receivers do not trust")
    if "from" not in covered:
        raise SignatureFault("does not cover From")
    identity = tags.get("i", "@" + tags["d"]).rpartition("@")[2].lower()
    if identity != tags["d"].lower() and not identity.endswith("." + tags["d"].lower()):
        raise SignatureFault(f"speaks for {identity}, which is not under {tags['d']}")
    if tags.get("x", "").isdecimal() and int(tags["x"]) < clock.now().timestamp():
        raise SignatureFault("has expired (its x)")


def check_body(tags: dict[str, str], body: bytes) -> None:
    way = tags.get("c", "simple/simple").lower().partition("/")[2] or "simple"
    canonical = canonical_body(body, way)
    if tags.get("l", "").isdecimal():
        canonical = canonical[: int(tags["l"])]
    if hashlib.sha256(canonical).digest() != decoded(tags["bh"]):
        raise SignatureFault("does not fit the body, which was changed after it was signed (or by copying the mail)")


def check_head(tags: dict[str, str], key: DkimKey, data: bytes) -> None:
    if not tags["a"].lower().startswith(key.algorithm):
        raise SignatureFault(f"is made with {tags['a']}, and the published key is for {key.algorithm}")
    if key.algorithm == "rsa" and key.bits < SMALLEST_RSA_BITS:
        raise SignatureFault(f"is made with a key of {key.bits} bits, and receivers trust none below 1024")
    try:
        if isinstance(key.public, RSAPublicKey):
            key.public.verify(decoded(tags["b"]), data, PKCS1v15(), hashes.SHA256())
        else:
            key.public.verify(decoded(tags["b"]), hashlib.sha256(data).digest())
    except InvalidSignature as exc:
        raise SignatureFault(
            "does not fit the header and the published key: a field was changed, or another key is published"
        ) from exc


def signed_head(tags: dict[str, str], covered: tuple[str, ...], own: tuple[bytes, bytes], fields: Fields) -> bytes:
    """Return the bytes that are signed: the covered fields, each name from the bottom up, and the signature itself."""
    way = tags.get("c", "simple").lower().partition("/")[0]
    left: dict[str, Fields] = {}
    for field in fields:
        left.setdefault(field[0].decode("latin-1").lower(), []).append(field)
    # A name beyond the fields there are stands for none, which keeps one from being added.
    taken = [left[name].pop() for name in covered if left.get(name)]
    unsigned = (own[0], OWN_HASH.sub(rb"\1", own[1], count=1))
    return b"".join(canonical_field(field, way) for field in taken) + canonical_field(unsigned, way).removesuffix(
        b"\r\n"
    )


def canonical_field(field: tuple[bytes, bytes], way: str) -> bytes:
    name, value = field
    if way != "relaxed":
        return name + b":" + value + b"\r\n"
    return name.lower() + b":" + re.sub(rb"[ \t\r\n]+", b" ", value).strip() + b"\r\n"


def canonical_body(body: bytes, way: str) -> bytes:
    if way == "relaxed":
        body = re.sub(rb"[ \t]+(?=\r\n|\Z)", b"", re.sub(rb"[ \t]+", b" ", body))
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    body = body[:end]
    return body + b"\r\n" if body or way != "relaxed" else b""


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as exc:
        raise SignatureFault("holds a value that is not base64") from exc

"""Reads the public key that a DKIM selector publishes (RFC 6376, section 3.6.1, and RFC 8463)."""

import base64
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digests.mail_setup.tag_list import read_tags


class KeyFault(Exception):
    """The published key cannot be used; the message completes “the key …”."""


class DkimKey(NamedTuple):
    public: RSAPublicKey | Ed25519PublicKey
    is_testing: bool  # t=y: receivers treat the mail as if it were not signed

    @property
    def algorithm(self) -> str:
        return "rsa" if isinstance(self.public, RSAPublicKey) else "ed25519"

    @property
    def bits(self) -> int:
        return self.public.key_size if isinstance(self.public, RSAPublicKey) else 256


def key_host(selector: str, domain: str) -> str:
    return f"{selector}._domainkey.{domain}"


def read_key(texts: list[str]) -> DkimKey:
    """Return the key in the TXT records of a selector. Raise KeyFault."""
    keys = [tags for tags in map(read_tags, texts) if "p" in tags]
    if not keys:
        raise KeyFault("is not there")
    if len(keys) > 1:
        raise KeyFault(f"stands there {len(keys)} times, and receivers take any of them")
    (tags,) = keys
    if tags.get("v", "DKIM1") != "DKIM1":
        raise KeyFault(f"has the version “{tags['v']}”, where only DKIM1 is known")
    if not tags["p"]:
        raise KeyFault("is revoked: its p is empty")
    if not {"*", "email"} & set(tags.get("s", "*").replace(" ", "").split(":")):
        raise KeyFault(f"is not for mail: its s is “{tags['s']}”")
    if "sha256" not in tags.get("h", "sha256").replace(" ", "").split(":"):
        raise KeyFault("allows no SHA-256, which every receiver asks for")
    return DkimKey(read_public(tags.get("k", "rsa").lower(), tags["p"]), "y" in tags.get("t", "").split(":"))


def read_public(algorithm: str, text: str) -> RSAPublicKey | Ed25519PublicKey:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        public = Ed25519PublicKey.from_public_bytes(data) if algorithm == "ed25519" else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyFault("cannot be read: a part of it may be missing, or quotation marks stand within it") from exc
    if not isinstance(public, RSAPublicKey | Ed25519PublicKey) or algorithm not in ("rsa", "ed25519"):
        raise KeyFault(f"is of the kind “{algorithm}”, which receivers do not know")
    return public

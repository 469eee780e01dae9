"""Signs a mail as a provider would, with keys that the tests make."""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from digests.mail_setup.dkim_signature import canonical_body, canonical_field, split_mail
from tests.digests.mail_setup.setup import rsa_key

COVERED = ("from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post")
EDWARDS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EDWARDS_KEY = base64.b64encode(EDWARDS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def signed(
    mail: bytes,
    *,
    domain: str = "example.org",
    selector: str = "pm",
    covered: tuple[str, ...] = COVERED,
    bits: int = 2048,
    algorithm: str = "rsa-sha256",
    more: str = "",
) -> bytes:
    """Return the mail with a signature above it, relaxed in head and body; each field may stand there once."""
    fields, body = split_mail(mail)
    digest = base64.b64encode(hashlib.sha256(canonical_body(body, "relaxed")).digest()).decode()
    tags = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};{more} "
    tags += f"h={':'.join(covered)}; bh={digest}; b="
    by_name = {name.decode().lower(): (name, value) for name, value in fields}
    data = b"".join(canonical_field(by_name[name], "relaxed") for name in covered if name in by_name)
    data += canonical_field((b"DKIM-Signature", tags.encode()), "relaxed").removesuffix(b"\r\n")
    if algorithm == "ed25519-sha256":
        signature = EDWARDS.sign(hashlib.sha256(data).digest())
    else:
        signature = rsa_key(bits).sign(data, PKCS1v15(), hashes.SHA256())
    return f"DKIM-Signature: {tags}{base64.b64encode(signature).decode()}\n".encode() + mail

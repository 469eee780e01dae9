"""A whole and sound setup, from which each test takes or changes a part."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from digests.mail_setup.checks import Check
from digests.mail_setup.finding import Finding
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import Sender
from tests.digests.mail_setup.nameserver import naming

SENDER = Sender(
    provider="mailgun",
    from_address="papers@example.org",
    reply_to="",
    bounce_address="",
    return_domain="example.org",
    dkim_domain="example.org",
    selectors=("pm",),
    sending_addresses=(),
    is_relayed=False,
    site_url="https://example.org",
)
OWN_SERVER = replace(SENDER, provider="smtp", sending_addresses=("192.0.2.7",))


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def key_text(bits: int = 2048) -> str:
    data = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(data).decode()


def sound_zone() -> dict[str, list[str]]:
    return {
        "example.org": ["google-site-verification=x", "v=spf1 include:mailgun.org -all"],
        "mailgun.org": ["v=spf1 ip4:198.51.100.0/24 ~all"],
        "pm._domainkey.example.org": [f"v=DKIM1; k=rsa; p={key_text()}"],
        "_dmarc.example.org": ["v=DMARC1; p=none; rua=mailto:reports@example.org"],
        "example.org MX": ["10 mx.example.org."],
        "mx.example.org A": ["192.0.2.7"],
    }


def findings_of(check: Check, changed: Mapping[str, list[str]], sender: Sender = SENDER, **more: Any) -> list[Finding]:
    """Run one check against the sound zone with some records changed; an empty list takes a record away."""
    with naming(sound_zone() | dict(changed)) as server:
        return check(replace(sender, **more), Resolver(server))


def finding_of(check: Check, changed: Mapping[str, list[str]], sender: Sender = SENDER, **more: Any) -> Finding:
    (finding,) = findings_of(check, changed, sender, **more)
    return finding


@contextmanager
def resolving(records: Mapping[str, list[str]]) -> Iterator[Resolver]:
    with naming(records) as server:
        yield Resolver(server)

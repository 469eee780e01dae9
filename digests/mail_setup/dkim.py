"""Checks the keys that mail is signed with (DKIM)."""

from digests.mail_setup.dkim_key import KeyFault, key_host, read_key
from digests.mail_setup.dkim_signature import SMALLEST_RSA_BITS
from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import PROVIDER_SELECTORS, Sender

SUBJECT = "DKIM"
GOOD_RSA_BITS = 2048


def check_dkim(sender: Sender, resolver: Resolver) -> list[Finding]:
    """Check each selector; where none is set, those that the provider gives to everybody."""
    if sender.selectors:
        return [check_selector(sender, selector, resolver) for selector in sender.selectors]
    usual = PROVIDER_SELECTORS.get(sender.provider, ())
    present = [selector for selector in usual if resolver.txt(key_host(selector, sender.dkim_domain))]
    if present:
        return [check_selector(sender, selector, resolver) for selector in present]
    return [
        Finding(
            SUBJECT,
            Level.UNKNOWN,
            "DKIM_SELECTOR is not set, so the key is not known.",
            "Mail that is not signed fails DMARC at most receivers, and goes to spam or is refused.",
            "Set DKIM_SELECTOR to the first part of “…._domainkey”, as "
            + ("your mail server’s signing is set up." if sender.is_smtp else f"{sender.provider} shows it."),
        )
    ]


def check_selector(sender: Sender, selector: str, resolver: Resolver) -> Finding:
    host = key_host(selector, sender.dkim_domain)
    try:
        key = read_key(resolver.txt(host))
    except KeyFault as exc:
        return Finding(
            SUBJECT,
            Level.FAULT,
            f"The key at {host} {exc}.",
            "No receiver can verify a signature by it, so mail signed with it fails DKIM.",
            *remedy(sender, host),
        )
    if key.algorithm == "rsa" and key.bits < GOOD_RSA_BITS:
        is_refused = key.bits < SMALLEST_RSA_BITS
        return Finding(
            SUBJECT,
            Level.FAULT if is_refused else Level.WARNING,
            f"The key at {host} has {key.bits} bits.",
            "Receivers trust no signature by it." if is_refused else "It is accepted, and can be broken at some cost.",
            "Have one of 2048 bits made under a new selector, publish it, and then sign with it.",
        )
    if key.is_testing:
        return Finding(
            SUBJECT,
            Level.WARNING,
            f"The key at {host} is marked as a test (t=y).",
            "Receivers may treat mail signed with it as not signed.",
            "Take “t=y” out of the record.",
        )
    kind = f"{key.bits} bits" if key.algorithm == "rsa" else "Ed25519"
    return Finding(
        SUBJECT,
        Level.GOOD,
        f"The key at {host} is there ({kind}).",
        "Few receivers know Ed25519: sign with an RSA key too." if key.algorithm != "rsa" else "",
    )


def remedy(sender: Sender, host: str) -> tuple[str, DnsRecord | None]:
    if sender.is_smtp:
        return (
            "Have a key made (“opendkim-genkey -b 2048”, or your mail server’s command), and publish its public part.",
            DnsRecord(host, "TXT", "v=DKIM1; k=rsa; p=…"),
        )
    return (
        f"Publish what {sender.provider} shows for {host}, in one piece, or correct DKIM_SELECTOR and DKIM_DOMAIN.",
        None,
    )

"""Checks the SPF, DKIM and DMARC records of the domain that mail is sent from."""

from collections.abc import Callable, Iterator

import dns.exception
import dns.resolver

TIMEOUT_SECONDS = 3.0  # for one query
SPF = "v=spf1"
DMARC = "v=DMARC1"
NO_ANSWER = "unknown, because no name server answers"


class NoNameServerAnswered(Exception):
    """No name server answered in time, so nothing is known about the record."""


def check_records(domain: str, selector: str, server: str = "") -> Iterator[str]:
    """Yield a sentence on each of the three records: whether it exists, and what to do if not.

    `server` is the address and port of a name server to ask instead of this machine's own.
    """
    is_silent = False
    for name, check in (("SPF", check_spf), ("DKIM", check_dkim), ("DMARC", check_dmarc)):
        try:
            finding = NO_ANSWER if is_silent else check(lambda host: look_up_txt(host, server), domain, selector)
        except NoNameServerAnswered:
            is_silent, finding = True, NO_ANSWER
        yield f"{name}: {finding}."


TxtLookup = Callable[[str], list[str]]


def check_spf(lookup: TxtLookup, domain: str, selector: str) -> str:
    found = [text for text in lookup(domain) if text.lower().split(" ")[0] == SPF]
    if len(found) > 1:
        return f"{domain} has {len(found)} records where one may be, so receivers take none"
    if not found:
        return (
            f"{domain} has no record. Where the provider has mail returned to a domain of its own, that one’s counts; "
            "otherwise publish the record that the provider names"
        )
    return f"there, “{found[0]}”"


def check_dkim(lookup: TxtLookup, domain: str, selector: str) -> str:
    if not selector:
        return "not known, since DKIM_SELECTOR is not set. The provider shows it: the first part of “…._domainkey”"
    host = f"{selector}._domainkey.{domain}"
    keys = [
        tag.strip().removeprefix("p=") for text in lookup(host) for tag in text.split(";") if tag.strip()[:2] == "p="
    ]
    if not keys:
        return f"{host} has no key, so mail signed with it is not trusted. Publish what the provider names"
    return f"there, at {host}" if any(keys) else f"the key at {host} is revoked"


def check_dmarc(lookup: TxtLookup, domain: str, selector: str) -> str:
    """Check the domain and then its parent domains, whose record covers it too."""
    labels = domain.split(".")
    for parent in (".".join(labels[at:]) for at in range(max(1, len(labels) - 1))):
        if found := [text for text in lookup(f"_dmarc.{parent}") if text.startswith(DMARC)]:
            return f"there, at {parent}, “{found[0]}”"
    return f"{domain} has no record, and large mailboxes take no bulk mail without one. Publish “{DMARC}; p=none”"


def look_up_txt(host: str, server: str) -> list[str]:
    """Return the TXT records of `host`. Raise NoNameServerAnswered."""
    try:
        answer = resolver_for(server).resolve(host, "TXT", lifetime=TIMEOUT_SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as exc:
        raise NoNameServerAnswered from exc
    return [b"".join(record.strings).decode(errors="replace") for record in answer]


def resolver_for(server: str) -> dns.resolver.Resolver:
    if not server:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    address, _, port = server.rpartition(":")
    resolver.nameservers, resolver.port = [address], int(port)
    return resolver

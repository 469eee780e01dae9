"""What the domain that mail comes from says of who may send for it: SPF, DKIM and DMARC, as name servers tell it."""

from collections.abc import Callable, Iterator

import dns.exception
import dns.resolver

TIMEOUT_SECONDS = 3.0  # for one question
SPF = "v=spf1"
DMARC = "v=DMARC1"
NO_ANSWER = "could not be asked, since no name server answers"


class NoNameServerAnswered(Exception):
    """No name server answered in time: nothing is known of the record."""


def check_records(domain: str, selector: str, server: str = "") -> Iterator[str]:
    """Say of each of the three records, in a sentence, whether it is there.

    `server` is the address and port of a name server to ask instead of this machine's own.
    """
    is_silent = False
    for name, find in (("SPF", check_spf), ("DKIM", check_dkim), ("DMARC", check_dmarc)):
        try:
            said = NO_ANSWER if is_silent else find(lambda host: look_up_txt(host, server), domain, selector)
        except NoNameServerAnswered:
            is_silent, said = True, NO_ANSWER
        yield f"{name}: {said}."


TxtLookup = Callable[[str], list[str]]


def check_spf(ask: TxtLookup, domain: str, selector: str) -> str:
    found = [text for text in ask(domain) if text.lower().split(" ")[0] == SPF]
    if len(found) > 1:
        return f"{domain} has {len(found)} records where one may be, so receivers take none"
    if not found:
        return (
            f"{domain} has no record. Where the provider has mail returned to a domain of its own, that one’s counts; "
            "otherwise publish the record that the provider names"
        )
    return f"there, “{found[0]}”"


def check_dkim(ask: TxtLookup, domain: str, selector: str) -> str:
    if not selector:
        return "not known, since DKIM_SELECTOR is not set. The provider shows it: the first part of “…._domainkey”"
    host = f"{selector}._domainkey.{domain}"
    keys = [tag.strip().removeprefix("p=") for text in ask(host) for tag in text.split(";") if tag.strip()[:2] == "p="]
    if not keys:
        return f"{host} has no key, so mail signed with it is not trusted. Publish what the provider names"
    return f"there, at {host}" if any(keys) else f"the key at {host} is revoked"


def check_dmarc(ask: TxtLookup, domain: str, selector: str) -> str:
    """Look at the domain, and then at those above it: theirs holds for it too."""
    labels = domain.split(".")
    for parent in (".".join(labels[at:]) for at in range(max(1, len(labels) - 1))):
        if found := [text for text in ask(f"_dmarc.{parent}") if text.startswith(DMARC)]:
            return f"there, at {parent}, “{found[0]}”"
    return f"{domain} has no record, and large mailboxes take no bulk mail without one. Publish “{DMARC}; p=none”"


def look_up_txt(host: str, server: str) -> list[str]:
    """Return the TXT records of a host, none where there are none. Raise Unasked."""
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
    asked = dns.resolver.Resolver(configure=False)
    address, _, port = server.rpartition(":")
    asked.nameservers, asked.port = [address], int(port)
    return asked

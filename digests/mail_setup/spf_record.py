"""Reads an SPF record with all it includes, and counts what a receiver has to look up (RFC 7208)."""

import ipaddress
import re
from dataclasses import dataclass, field

from digests.mail_setup.resolver import Resolver

MOST_LOOKUPS, MOST_VOID, MOST_EXCHANGERS = 10, 2, 10  # RFC 7208, section 4.6.4: beyond these the record is void
STOP_READING = 30  # look-ups, for records that include each other
TERM = re.compile(r"([+\-~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^/\s]+))?((?:/\d{1,3}){0,2}|//\d{1,3})", re.I)
NETWORK = re.compile(r"[+\-~?]?ip[46]:(\S+)", re.I)
MODIFIER = re.compile(r"([a-z][a-z0-9._-]*)=(\S*)", re.I)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass
class SpfReading:
    """What a record comes to. `faults` make receivers ignore it; `ending` is its "-all", or empty."""

    text: str = ""
    lookups: list[str] = field(default_factory=list)  # the terms that cost one, in order
    void: list[str] = field(default_factory=list)  # those of them that found nothing
    faults: list[str] = field(default_factory=list)
    includes: set[str] = field(default_factory=set)  # domains, at any depth
    networks: list[Network] = field(default_factory=list)  # what may send
    ending: str = ""
    has_ptr: bool = False

    def allows(self, address: str) -> bool:
        known = ipaddress.ip_address(address)
        return any(known.version == network.version and known in network for network in self.networks)


def spf_texts(texts: list[str]) -> list[str]:
    return [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]


def read_spf(domain: str, text: str, resolver: Resolver) -> SpfReading:
    """Read the record `text` of `domain`. Macros are counted and not followed. Raise NoAnswer."""
    reading = SpfReading(text)
    read_terms(domain, text, resolver, reading, is_top=True)
    return reading


def read_terms(domain: str, text: str, resolver: Resolver, reading: SpfReading, *, is_top: bool) -> None:
    redirect = ending = ""
    for term in text.split()[1:]:
        if modifier := MODIFIER.fullmatch(term):
            redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
        elif network := NETWORK.fullmatch(term):
            add_network(network[1], term, reading)
        elif found := TERM.fullmatch(term):
            sign, name, target = found[1] or "+", found[2].lower(), found[3] or ""
            if name in ("include", "exists", "ip4", "ip6") and not target:
                reading.faults.append(f"“{term}” names nothing")
            elif name == "all":
                ending = f"{sign}all"
            else:
                follow_term(name, target or domain, found[4], term, resolver, reading)
        else:
            reading.faults.append(f"“{term}” is no term of SPF")
    if redirect and not ending:
        follow_record(redirect, f"redirect={redirect}", resolver, reading, is_top=is_top)
    elif is_top:
        reading.ending = ending


def follow_term(name: str, target: str, width: str, term: str, resolver: Resolver, reading: SpfReading) -> None:
    """Count a term that costs a look-up, and follow it."""
    if name == "include":
        follow_record(target, term, resolver, reading, is_top=False)
        return
    reading.lookups.append(term)
    reading.has_ptr |= name == "ptr"
    if "%" in target or name == "ptr" or len(reading.lookups) > STOP_READING:
        return
    hosts = resolver.exchangers(target) if name == "mx" else [target]
    if len(hosts) > MOST_EXCHANGERS:
        reading.faults.append(f"“{term}” finds {len(hosts)} mail servers, where {MOST_EXCHANGERS} may be")
    found = [address for host in hosts[:MOST_EXCHANGERS] if host for address in resolver.addresses(host)]
    if not found:
        reading.void.append(term)
    if name != "exists" and not term.startswith(("-", "~", "?")):
        for address in found:
            add_network(address + narrowed(width, is_v6=":" in address), term, reading)


def follow_record(target: str, term: str, resolver: Resolver, reading: SpfReading, *, is_top: bool) -> None:
    """Read the record that an include or a redirect leads to; there has to be exactly one."""
    reading.lookups.append(term)
    if "%" in target or len(reading.lookups) > STOP_READING:
        return
    reading.includes.add(target.lower().rstrip("."))
    texts = resolver.txt(target)
    if not texts:
        reading.void.append(term)
    records = spf_texts(texts)
    if len(records) == 1:
        read_terms(target, records[0], resolver, reading, is_top=is_top)
    else:
        reading.faults.append(f"“{term}” leads to {len(records) or 'no'} SPF record{'s' if records else ''}")


def add_network(text: str, term: str, reading: SpfReading) -> None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        reading.faults.append(f"“{term}” holds no network")
        return
    if not term.startswith(("-", "~", "?")):
        reading.networks.append(network)


def narrowed(width: str, *, is_v6: bool) -> str:
    """Return the part of a term's "/24//64" that is for this kind of address."""
    v4, _, v6 = width.partition("//")
    return (f"/{v6}" if v6 else "") if is_v6 else v4

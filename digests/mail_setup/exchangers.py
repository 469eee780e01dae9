"""Checks that mail to our own domains arrives: to From, to where replies go, and to where bounces go."""

import ipaddress

from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import Sender, domain_of

NOBODY = ("noreply", "no-reply", "donotreply", "do-not-reply", "no_reply")


def check_exchangers(sender: Sender, resolver: Resolver) -> list[Finding]:
    bounces = domain_of(sender.bounce_address)
    domains = dict.fromkeys(domain for domain in (sender.from_domain, bounces) if domain)
    found = [receiving(domain, is_bounces=domain == bounces, resolver=resolver) for domain in domains]
    if sender.is_smtp and not bounces:
        found.append(unread_bounces(sender))
    return [*found, replies(sender, resolver)]


def receiving(domain: str, *, is_bounces: bool, resolver: Resolver) -> Finding:
    subject = "Mail to the domain of bounces" if is_bounces else "Mail to the From domain"
    trouble = find_trouble(domain, resolver)
    if not trouble:
        hosts = resolver.exchangers(domain) or [domain]
        return Finding(subject, Level.GOOD, f"{domain} takes mail, at {', '.join(hosts)}.")
    return Finding(
        subject,
        Level.FAULT,
        trouble,
        "Nothing that is returned arrives, so that dead addresses are mailed for ever."
        if is_bounces
        else "Many receivers refuse mail from a domain that cannot be answered.",
        "Publish which server takes its mail.",
        DnsRecord(domain, "MX", f"10 mail.{domain}."),
    )


def find_trouble(domain: str, resolver: Resolver) -> str:
    """Return why mail to `domain` does not arrive, or an empty string. Raise NoAnswer."""
    hosts = resolver.exchangers(domain)
    if "" in hosts:
        return f"{domain} says that it takes no mail (its MX is “.”)."
    if not hosts:
        return "" if resolver.addresses(domain) else f"{domain} has neither an MX record nor an address."
    if numbers := [host for host in hosts if is_number(host)]:
        return f"The MX record of {domain} names {numbers[0]}, where a host name has to stand."
    if not any(resolver.addresses(host) for host in hosts):
        return f"The MX record of {domain} names {', '.join(hosts)}, which has no address."
    return ""


def is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def unread_bounces(sender: Sender) -> Finding:
    return Finding(
        "Returned mail",
        Level.WARNING,
        f"BOUNCE_ADDRESS is not set: undelivered mail goes back to {sender.from_address}, where nothing reads it.",
        "Dead addresses are mailed for ever, which costs you the receivers’ trust.",
        "Set BOUNCE_ADDRESS and BOUNCE_MAILBOX.",
    )


def replies(sender: Sender, resolver: Resolver) -> Finding:
    """Say whether an inbox can read what readers answer; only a person can know whether somebody looks into it."""
    address = sender.reply_to or sender.from_address
    named = f"Replies go to {address}" + ("" if sender.reply_to else " (REPLY_TO is not set)")
    remedy = "Set REPLY_TO to an address that somebody reads."
    if address.rpartition("@")[0].lower() in NOBODY:
        return Finding("Replies", Level.WARNING, f"{named}, an inbox that nobody reads.", NEEDED, remedy)
    if address.lower() == sender.bounce_address:
        return Finding("Replies", Level.WARNING, f"{named}, where bounces go too.", NEEDED, remedy)
    if trouble := find_trouble(domain_of(address), resolver):
        return Finding("Replies", Level.WARNING, f"{named}, and no inbox reads them. {trouble}", NEEDED, remedy)
    return Finding("Replies", Level.GOOD, f"{named}, whose domain takes mail.", "", "See that somebody reads it.")


NEEDED = "Readers answer, and ask to be taken off; who gets no answer calls the mail spam."

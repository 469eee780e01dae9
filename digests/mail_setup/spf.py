"""Checks the SPF record of the domain that mail is returned to: which servers may send in its name (RFC 7208)."""

from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import PROVIDER_SPF, Sender
from digests.mail_setup.spf_record import MOST_LOOKUPS, MOST_VOID, SpfReading, read_spf, spf_texts

SUBJECT = "SPF"
STRICTNESS = ("-all", "~all", "?all", "+all", "all")


def check_spf(sender: Sender, resolver: Resolver) -> list[Finding]:
    domain = sender.return_domain or sender.from_domain
    texts = spf_texts(resolver.txt(domain))
    if not texts:
        return [missing(sender, domain)]
    if len(texts) > 1:
        return [doubled(domain, texts)]
    reading = read_spf(domain, texts[0], resolver)
    faults = [*record_faults(domain, reading), *ending_faults(domain, reading), *gaps(sender, domain, reading)]
    return faults or [sound(sender, domain, reading)]


def missing(sender: Sender, domain: str) -> Finding:
    if not sender.return_domain:
        return Finding(
            SUBJECT,
            Level.NOTE,
            f"{domain} has no SPF record.",
            f"Receivers look it up at the domain that mail is returned to. With {sender.provider} that is one of the "
            "provider’s own, unless you set one of yours up there, so that DMARC rests on DKIM alone.",
            "If you set one up, name it in RETURN_PATH_DOMAIN. How a mail really went shows in "
            "“manage.py check_mail < message.eml”.",
        )
    return Finding(
        SUBJECT,
        Level.FAULT,
        f"{domain}, to which mail is returned, has no SPF record.",
        "Receivers cannot tell your servers from a forger’s; Gmail and Yahoo refuse bulk mail without SPF.",
        "Publish this record." if fitting_term(sender) else "Publish the record that your provider or relay names.",
        DnsRecord(domain, "TXT", f"v=spf1 {fitting_term(sender)} ~all") if fitting_term(sender) else None,
    )


def doubled(domain: str, texts: list[str]) -> Finding:
    return Finding(
        SUBJECT,
        Level.FAULT,
        f"{domain} has {len(texts)} SPF records: {', '.join(f'“{text}”' for text in texts)}.",
        "Where there is more than one, receivers take none.",
        "Publish one in their place, and delete the others.",
        DnsRecord(domain, "TXT", merged(texts)),
    )


def merged(texts: list[str]) -> str:
    """Return one record with the terms of all, ending as the mildest does: a stricter one might shut servers out."""
    terms = dict.fromkeys(term for text in texts for term in text.split()[1:])
    endings = [term for term in terms if term in STRICTNESS]
    rest = [term for term in terms if term not in STRICTNESS]
    soft = "-all" if endings and set(endings) == {"-all"} else "~all"
    return " ".join(["v=spf1", *rest, soft])


def record_faults(domain: str, reading: SpfReading) -> list[Finding]:
    found = []
    if reading.faults:
        found.append(
            Finding(
                SUBJECT,
                Level.FAULT,
                f"The record of {domain} cannot be followed: {'; '.join(reading.faults)}.",
                "Receivers then take no part of it (“permerror”).",
                f"Correct these terms, or take them out of “{reading.text}”.",
            )
        )
    if len(reading.lookups) > MOST_LOOKUPS:
        found.append(
            Finding(
                SUBJECT,
                Level.FAULT,
                f"The record of {domain} takes {len(reading.lookups)} look-ups or more, where 10 may be: "
                f"{', '.join(reading.lookups)}.",
                "Receivers stop at the tenth and take no part of the record (“permerror”).",
                "Take out what no longer sends for you, or write “a” and “mx” terms as ip4: and ip6:.",
            )
        )
    if len(reading.void) > MOST_VOID:
        found.append(
            Finding(
                SUBJECT,
                Level.FAULT,
                f"{len(reading.void)} terms of the record of {domain} find nothing: {', '.join(reading.void)}.",
                "After two of them receivers take no part of the record (“permerror”).",
                "Take these terms out.",
            )
        )
    return found


def ending_faults(domain: str, reading: SpfReading) -> list[Finding]:
    found = []
    if reading.ending == "+all":
        found.append(
            Finding(
                SUBJECT,
                Level.FAULT,
                f"The record of {domain} ends with “all” without a sign, which lets everybody send.",
                "It protects nothing, and filters count it against you.",
                "Publish it with “~all” at its end.",
                DnsRecord(domain, "TXT", with_ending(reading.text)),
            )
        )
    elif reading.ending in ("", "?all"):
        found.append(
            Finding(
                SUBJECT,
                Level.WARNING,
                f"The record of {domain} says nothing about servers that it does not name.",
                "A forger’s mail is then as good as yours.",
                "Publish it with “~all” at its end.",
                DnsRecord(domain, "TXT", with_ending(reading.text)),
            )
        )
    if reading.has_ptr:
        found.append(
            Finding(
                SUBJECT,
                Level.WARNING,
                f"The record of {domain} uses “ptr”.",
                "It is slow, and receivers are told not to follow it (RFC 7208, 5.5).",
                "Write the servers as ip4: and ip6: in its place.",
            )
        )
    return found


def gaps(sender: Sender, domain: str, reading: SpfReading) -> list[Finding]:
    """Return a finding where the record does not let our provider or our servers send."""
    if not sender.return_domain or reading.faults:
        return []
    if sender.is_smtp:
        left_out = [address for address in sender.sending_addresses if not reading.allows(address)]
        terms = " ".join(network_term(address) for address in left_out)
    else:
        term = fitting_term(sender)
        is_named = not term or term.removeprefix("include:") in reading.includes
        left_out, terms = ([] if is_named else [sender.provider]), term
    if not left_out:
        return []
    return [
        Finding(
            SUBJECT,
            Level.FAULT if sender.is_smtp else Level.WARNING,
            f"“{reading.text}” at {domain} does not name {', '.join(left_out)}.",
            "What is sent from there fails SPF.",
            "Publish this record in its place.",
            DnsRecord(domain, "TXT", with_terms(reading.text, terms)),
        )
    ]


def sound(sender: Sender, domain: str, reading: SpfReading) -> Finding:
    count = len(reading.lookups)
    found = f"“{reading.text}” at {domain} takes {count} of the 10 look-ups that may be."
    if sender.return_domain:
        return Finding(SUBJECT, Level.GOOD, found)
    return Finding(
        SUBJECT,
        Level.GOOD,
        found,
        f"Whether it counts depends on where {sender.provider} has mail returned to: name that domain in "
        "RETURN_PATH_DOMAIN if it is one of yours.",
    )


def fitting_term(sender: Sender) -> str:
    """Return the terms that let the provider, or our own servers, send; empty where they are not known."""
    if sender.is_smtp:
        return " ".join(network_term(address) for address in sender.sending_addresses)
    return f"include:{PROVIDER_SPF[sender.provider]}" if sender.provider in PROVIDER_SPF else ""


def network_term(address: str) -> str:
    return f"ip6:{address}" if ":" in address else f"ip4:{address}"


def with_terms(text: str, terms: str) -> str:
    """Return the record with more terms, which have to stand before its "all"."""
    version, *rest = text.split()
    return " ".join([version, terms, *rest])


def with_ending(text: str) -> str:
    return " ".join([*(term for term in text.split() if term.lstrip("+-~?").lower() != "all"), "~all"])

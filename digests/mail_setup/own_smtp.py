"""Checks what an own mail server needs: names for its addresses (PTR), and TLS on the way to it."""

import ipaddress
import smtplib
import ssl

import dns.reversename
from django.conf import settings

from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.mail_setup.resolver import NoAnswer, Resolver
from digests.mail_setup.sender import Sender

PTR, TLS = "PTR", "TLS to the mail server"
CONNECT_SECONDS = 5.0


def check_names(sender: Sender, resolver: Resolver) -> list[Finding]:
    """Check that each sending address has a name that leads back to it. Nothing with a provider or a relay."""
    if not sender.is_smtp or (sender.is_relayed and not sender.sending_addresses):
        return []
    if not sender.sending_addresses:
        return [
            Finding(
                PTR,
                Level.UNKNOWN,
                "SENDING_ADDRESSES is not set, so the addresses that your mail server sends from are not known.",
                "Receivers refuse mail from an address without a name, and SPF has to list it.",
                "Set it to the server’s public addresses, separated by commas.",
            )
        ]
    return [check_name(address, sender, resolver) for address in sender.sending_addresses]


def check_name(address: str, sender: Sender, resolver: Resolver) -> Finding:
    names = resolver.names(address)
    if confirmed := [name for name in names if is_address_of(address, name, resolver)]:
        return Finding(PTR, Level.GOOD, f"{address} is {confirmed[0]}, which leads back to it.")
    reverse = dns.reversename.from_address(address).to_text(omit_final_dot=True)
    refused = "Gmail and others refuse mail from such an address."
    if names:
        kind = "AAAA" if ":" in address else "A"
        found = f"{address} is named {names[0]}, which does not lead back to it."
        return Finding(PTR, Level.FAULT, found, refused, "Publish this record.", DnsRecord(names[0], kind, address))
    return Finding(
        PTR,
        Level.FAULT,
        f"{address} has no name.",
        refused,
        "Have the network’s owner (whoever rents the server out) publish this record, and an address for the name.",
        DnsRecord(reverse, "PTR", f"mail.{sender.from_domain}."),
    )


def is_address_of(address: str, name: str, resolver: Resolver) -> bool:
    known = ipaddress.ip_address(address)
    return any(ipaddress.ip_address(found) == known for found in resolver.addresses(name))


def check_tls(sender: Sender, resolver: Resolver) -> list[Finding]:
    """Connect to the mail server as sending does, and look whether the way is encrypted. No mail is sent."""
    if not sender.is_smtp:
        return []
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if not (seconds := min(CONNECT_SECONDS, resolver.seconds_left())):
        raise NoAnswer("The time for all look-ups was over")
    try:
        return [judge_connection(where, seconds)]
    except ssl.SSLError as exc:
        return [
            Finding(
                TLS,
                Level.FAULT,
                f"The certificate of {where} is not trusted: {exc.reason or exc}.",
                "No mail leaves.",
                "Give the server a certificate for that name, or name it in EMAIL_URL as its certificate does.",
            )
        ]
    except (OSError, smtplib.SMTPException) as exc:
        return [
            Finding(
                TLS,
                Level.FAULT,
                f"The mail server {where} does not answer: {exc}.",
                "No mail leaves.",
                "Look whether it runs, and whether EMAIL_URL names it rightly.",
            )
        ]


def judge_connection(where: str, seconds: float) -> Finding:
    context = ssl.create_default_context()
    if settings.EMAIL_USE_SSL:
        with smtplib.SMTP_SSL(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=seconds, context=context):
            return Finding(TLS, Level.GOOD, f"{where} is reached by TLS, with a certificate that is trusted.")
    with smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=seconds) as server:
        server.ehlo()
        has_tls = server.has_extn("starttls")
        if settings.EMAIL_USE_TLS and has_tls:
            server.starttls(context=context)
            return Finding(TLS, Level.GOOD, f"{where} is reached by TLS, with a certificate that is trusted.")
        if settings.EMAIL_USE_TLS:
            return Finding(
                TLS,
                Level.FAULT,
                f"{where} offers no TLS, and EMAIL_URL asks for it.",
                "No mail leaves.",
                "Set the server up for STARTTLS.",
            )
    if is_this_machine(settings.EMAIL_HOST):
        return Finding(
            TLS,
            Level.GOOD,
            f"{where} is on this machine, so nobody listens on the way to it.",
            "",
            "See that it uses TLS to the receivers, as Gmail demands (Postfix: smtp_tls_security_level = may).",
        )
    return Finding(
        TLS,
        Level.WARNING,
        f"The way to {where} is not encrypted.",
        "Addresses and links of readers can be read on it.",
        "Write EMAIL_URL as “submission://…”."
        if has_tls
        else "Set the server up for STARTTLS, and write EMAIL_URL as “submission://…”.",
    )


def is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")

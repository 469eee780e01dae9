"""Judges one mail as it was received: whether it is authentic, can be unsubscribed from, and is built as it should."""

import re
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parseaddr
from typing import NamedTuple

from digests.mail_setup import received_form, receiver_verdict
from digests.mail_setup.dkim_signature import Signature, split_mail, verify_signatures
from digests.mail_setup.dmarc import effective_policy
from digests.mail_setup.dmarc_record import Walk, is_aligned, walk_tree
from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.receiver_verdict import Verdict
from digests.mail_setup.resolver import NoAnswer, Resolver
from digests.mail_setup.sender import domain_of

ONE_CLICK = "List-Unsubscribe=One-Click"
WORTH_COVERING = ("to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")
COPIED = (
    "If this is a copy out of a mail program, save the mail as it was received (“show original”, “save as .eml”): "
    "the smallest change breaks a signature."
)


class NoMail(Exception):
    """The text is no mail with a From; the message says so to a person."""


class Received(NamedTuple):
    mail: Message
    author: str  # the domain of From
    signatures: list[Signature]
    aligned: list[Signature]  # those whose domain counts for the author's (DMARC)
    verdict: Verdict | None
    walk: Walk


def judge_mail(source: bytes, resolver: Resolver) -> list[Finding]:
    """Return what is to be said of a mail as received. Raise NoMail."""
    try:
        return judge_parsed(source, resolver)
    except RecursionError as exc:
        raise NoMail("This is a mail of parts within parts, or comments within comments, without end.") from exc


def judge_parsed(source: bytes, resolver: Resolver) -> list[Finding]:
    head = b"\n".join(name + b":" + value for name, value in split_mail(source)[0])
    body = re.split(rb"\r?\n\r?\n", source, maxsplit=1)
    # The newer policies take addresses apart at each look, and raise on some that are broken.
    mail = BytesParser(policy=policy.compat32).parsebytes(head + b"\n\n" + b"".join(body[1:]))
    addresses = getaddresses([str(field) for field in mail.get_all("From", [])])
    if len(addresses) != 1 or "@" not in addresses[0][1]:
        raise NoMail("This is no mail with one From: give the whole source of a mail as it was received.")
    form = received_form.judge_form(mail, len(source))
    try:
        received = read_received(mail, domain_of(addresses[0][1]), source, resolver)
        return [*judge_signatures(received), *judge_unsubscribing(received), *judge_dmarc(received, resolver), *form]
    except NoAnswer as exc:
        unknown = Finding("DKIM and DMARC", Level.UNKNOWN, f"{exc}.", "So it is not known.", "Check again later.")
        return [unknown, *form]


def read_received(mail: Message, author: str, source: bytes, resolver: Resolver) -> Received:
    walk = walk_tree(author, resolver)
    is_strict = walk.policy is not None and walk.policy.tags.get("adkim", "r").lower() == "s"
    signatures = list(verify_signatures(source, resolver))
    aligned = [
        signature
        for signature in signatures
        if is_aligned(author, signature.domain, is_strict=is_strict, resolver=resolver)
    ]
    return Received(mail, author, signatures, aligned, receiver_verdict.read_verdict(mail), walk)


def judge_signatures(received: Received) -> list[Finding]:
    if not received.signatures:
        return [
            Finding(
                "DKIM",
                Level.FAULT,
                "The mail is not signed.",
                "Large mailboxes refuse such bulk mail or put it into spam.",
                "Have your provider or mail server sign it with DKIM.",
            )
        ]
    found = [describe_signature(signature, received) for signature in received.signatures]
    if not any(signature.is_valid for signature in received.aligned):
        is_open = any(not signature.is_known for signature in received.aligned)
        found.append(
            Finding(
                "DKIM",
                Level.UNKNOWN if is_open else Level.FAULT,
                f"No valid signature is aligned with From ({received.author}).",
                "The mail can pass DMARC by SPF alone, which breaks wherever it is forwarded.",
                f"Have mail signed with a key of {received.author}.",
            )
        )
    return found


def describe_signature(signature: Signature, received: Received) -> Finding:
    name = f"The signature of {signature.domain} (selector {signature.selector})"
    if not signature.is_known:
        return Finding("DKIM", Level.UNKNOWN, f"{name} {signature.trouble}.")
    if signature.trouble:
        # A broken signature beside a good one does no harm, such as a forwarder's.
        is_needed = signature in received.aligned and not any(other.is_valid for other in received.aligned)
        level = Level.FAULT if is_needed else Level.NOTE
        return Finding("DKIM", level, f"{name} {signature.trouble}.", "Receivers ignore it.", COPIED)
    relation = "is aligned" if signature in received.aligned else "is not aligned"
    found = f"{name} is valid, with a key of {signature.bits} bits, and {relation} with From."
    if signature.is_partial:
        todo = "Have the whole body signed (no l=)."
        return Finding("DKIM", Level.WARNING, found, "Text added below the body would pass as signed.", todo)
    return Finding("DKIM", Level.GOOD if signature in received.aligned else Level.NOTE, found)


def judge_unsubscribing(received: Received) -> list[Finding]:
    """Judge the headers of one-click unsubscribing, which a valid signature has to cover (RFC 8058, section 4)."""
    mail, subject = received.mail, "One-click unsubscribing"
    links, post = field_of(mail, "List-Unsubscribe"), field_of(mail, "List-Unsubscribe-Post")
    needed = "Gmail and Yahoo refuse bulk mail that cannot be unsubscribed with one click. A confirmation needs none."
    if not links or not post:
        absent = " and ".join(
            name for name, value in (("List-Unsubscribe", links), ("List-Unsubscribe-Post", post)) if not value
        )
        level = Level.FAULT if "digest" in str(mail.get("Feedback-ID", "")) else Level.NOTE
        return [Finding(subject, level, f"The mail has no {absent}.", needed, "See that your provider keeps it.")]
    if "<https://" not in links.lower() or post.lower() != ONE_CLICK.lower():
        found = f"List-Unsubscribe is “{links}”, and List-Unsubscribe-Post “{post}”."
        todo = f"A link by https and “{ONE_CLICK}” have to stand there: look whether your provider rewrites them."
        return [Finding(subject, Level.FAULT, found, needed, todo)]
    names = {"list-unsubscribe", "list-unsubscribe-post"}
    valid = [signature for signature in received.signatures if signature.is_valid]
    if any(names <= set(signature.covered) for signature in valid):
        return [Finding(subject, Level.GOOD, "Both headers are there, and a valid signature covers them.")]
    if not valid:
        found = "Both headers are there, and no valid signature covers them."
    else:
        open_names = sorted(names - set(valid[0].covered))
        found = f"The signature of {valid[0].domain} does not cover {' and '.join(open_names)} (its h)."
    todo = "Have both signed (OpenDKIM: OversignHeaders or SignHeaders; a provider: ask its support)."
    return [Finding(subject, Level.FAULT, found, "Mailboxes offer no one-click unsubscribing then.", todo)]


def field_of(mail: Message, name: str) -> str:
    return " ".join(str(mail.get(name, "")).split())


def judge_dmarc(received: Received, resolver: Resolver) -> list[Finding]:
    """Say whether the mail passes DMARC: by our own look at DKIM, and by what the receiver says of SPF."""
    by_dkim = any(signature.is_valid for signature in received.aligned)
    spf = received.verdict.find("spf") if received.verdict else None
    rule = received.walk.policy
    is_strict = rule is not None and rule.tags.get("aspf", "r").lower() == "s"
    envelope = (spf.mail_from_domain if spf else "") or domain_of(
        parseaddr(str(received.mail.get("Return-Path", "")))[1]
    )
    stands = bool(envelope) and is_aligned(received.author, envelope, is_strict=is_strict, resolver=resolver)
    by_spf = bool(spf and spf.result == "pass" and stands)
    found = [judge_envelope(spf.result if spf else "", envelope, received.author, stands=stands)]
    if rule is None:
        return [*found, no_policy(received.author)]
    ways = " and ".join(name for name, passes in (("DKIM", by_dkim), ("SPF", by_spf)) if passes)
    name = effective_policy(received.author, rule) or "none"
    if ways:
        words = f"The mail passes DMARC by {ways}; the policy of {rule.domain} is “{name}”."
        found.append(Finding("DMARC", Level.GOOD, words))
    else:
        words = f"The mail does not pass DMARC; the policy of {rule.domain} is “{name}”."
        means = {"reject": "It is refused.", "quarantine": "It goes to spam."}.get(name, "It may go to spam.")
        todo = f"See above what to fix: a valid signature of {received.author} is the surest way."
        found.append(Finding("DMARC", Level.FAULT, words, means, todo))
    told = received.verdict.find("dmarc") if received.verdict else None
    if received.verdict and told and (told.result == "pass") != bool(ways):
        words = f"{received.verdict.server}, which received it, says dmarc={told.result}."
        why = "It saw the mail as it came; records or the mail may have changed since."
        found.append(Finding("DMARC", Level.NOTE, words, why))
    return found


def judge_envelope(result: str, envelope: str, author: str, *, stands: bool) -> Finding:
    if not result:
        words = "The receiver wrote no SPF result into the mail, so it is not known here."
        return Finding("SPF", Level.NOTE, words, "DMARC passes by DKIM alone as well.")
    relation = "is aligned" if stands else "is not aligned"
    words = f"The receiver says spf={result} for {envelope or 'the envelope'}, which {relation} with From."
    if result == "pass":
        return Finding("SPF", Level.GOOD if stands else Level.NOTE, words)
    todo = f"Let the SPF record of {envelope or author} name the server that sent the mail."
    return Finding("SPF", Level.WARNING, words, "Receivers doubt the server that sent it.", todo)


def no_policy(author: str) -> Finding:
    words = f"Neither _dmarc.{author} nor a domain above it has a policy."
    todo = "“manage.py check_mail” names the record to publish."
    return Finding("DMARC", Level.FAULT, words, "Large mailboxes refuse bulk mail from such a domain.", todo)

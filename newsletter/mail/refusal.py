"""Reads a receiver's refusal: whose fault it is. Pure: no settings, no database.

Only a fault of the address is a reason to mail it no more. Where nothing is known, nothing is blamed.
"""

import re
from typing import NamedTuple

from django.db.models import TextChoices

from newsletter.mail.refusal_words import (
    ADDRESS_CODES,
    ADDRESS_SUBJECT,
    ADDRESS_TEXTS,
    MAILBOX_CODES,
    MAILBOX_TEXTS,
    OURS,
    Cause,
    compiled,
)

ENHANCED = re.compile(r"(?<![\d.])([45])\.(\d{1,3}\.\d{1,3})(?![\d.])")
BASIC = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
ADDRESSES = re.compile(r"[^\s<>()\[\],;:@\"]+@[^\s<>()\[\],;:@\"]+")
HOST = re.compile(r"\bhost \S+ said:")
READ = 2_000  # characters of an answer
OUR_TEXTS = [(cause.cause, compiled(*cause.texts)) for cause in OURS]
OUR_CODES = {code: cause.cause for cause in OURS for code in cause.codes}
MAILBOX_TEXT = compiled(*MAILBOX_TEXTS)
ADDRESS_TEXT = compiled(*ADDRESS_TEXTS)
NO_LOGIN = ("530", "534", "535")


class Blame(TextChoices):
    """Whose fault a refusal is."""

    ADDRESS = "address", "The address is gone"
    MAILBOX = "mailbox", "The mailbox takes nothing now"
    US = "us", "Our mail is refused"
    UNKNOWN = "unknown", "Not known"


class Refusal(NamedTuple):
    """Whose fault a refusal is; `cause` says what is wrong with our mail, and is None for every other blame."""

    blame: Blame
    cause: Cause | None = None


ABOUT_US = Refusal(Blame.US, Cause.POLICY)
ADDRESS, MAILBOX, UNKNOWN = Refusal(Blame.ADDRESS), Refusal(Blame.MAILBOX), Refusal(Blame.UNKNOWN)


def read_refusal(answer: str, status: str = "") -> Refusal:
    """Read a receiver's answer, with its basic and enhanced codes where it has them, in any case and on any lines.

    `status` is an enhanced code that came beside the answer, as in a delivery report.

    >>> read_refusal("550 5.7.26 This mail is unauthenticated").cause
    <Cause.AUTHENTICATION: 'authentication'>
    >>> read_refusal("550 5.1.1 No such user").blame.value
    'address'
    """
    text = readable_text(answer)
    for cause, words in OUR_TEXTS:
        if words.search(text):
            return Refusal(Blame.US, cause)
    read = [read_code(*code) for code in ENHANCED.findall(f"{text} {status}")]
    basic = BASIC.findall(text)
    if ours := next((refusal for refusal in read if refusal.blame is Blame.US), None):
        return ours
    if any(code in NO_LOGIN for code in basic):
        return Refusal(Blame.US, Cause.RELAY)
    if MAILBOX_TEXT.search(text):
        return MAILBOX
    if telling := next((refusal for refusal in read if refusal is not UNKNOWN), None):
        return telling
    if basic and basic[0].startswith("4"):
        return MAILBOX
    return ADDRESS if ADDRESS_TEXT.search(text) else UNKNOWN


def without_addresses(text: str) -> str:
    """Return a server's words on one line, with each mail address replaced, to be stored and shown."""
    return ADDRESSES.sub("(an address)", " ".join(text[:READ].split()))


def readable_text(answer: str) -> str:
    """Return the answer in lower case on one line, without addresses and hosts, whose names are no words of it."""
    text = " ".join(answer.lower().split())[:READ]
    return HOST.sub("", ADDRESSES.sub("…", text))


def read_code(kind: str, detail: str) -> Refusal:
    """Read an enhanced status code, as `kind` 4 or 5 and the two numbers after it (RFC 3463)."""
    if cause := OUR_CODES.get(detail):
        return Refusal(Blame.US, cause)
    if kind == "4" or detail in MAILBOX_CODES:
        return MAILBOX
    if detail in ADDRESS_CODES or detail.startswith(ADDRESS_SUBJECT):
        return ADDRESS
    return ABOUT_US if detail.startswith("7.") else UNKNOWN

"""Finds the mail of ours that a returned mail is about. Only what we signed counts: all else may be forged."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from digests.returned_mail.complaints import find_feedback
from digests.returned_mail.stranger_mail import AnyMessage, StrangerMail, header_of
from digests.sending.message_ids import load_message_ids
from newsletter.mail.return_address import TAG_BYTES, Purpose, Returned, find_tokens, read_token
from newsletter.number_text import parse_row_id
from subscribers.addresses.canonical import AddressError, canonical_address, hash_address

# Where mail servers note whom a mail was delivered to.
RECIPIENT_HEADERS = (
    "X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "X-RCPT-To", "Apparently-To",
    "Original-Recipient", "To", "Cc", "Resent-To", "Received",
)  # fmt: skip
MOST_TOKENS = 20
MESSAGE_ID = re.compile(r"<([a-z2-7]{26})@")


class ForgedAddress(Exception):
    """The mail went to an address that looks like ours, and its signature is not."""


def find_owner(mail: StrangerMail, to: str = "") -> Returned | None:
    """Return what the address says that the mail went to, or `to` where the mail server names it.

    Raise ForgedAddress where the address only looks like ours.
    """
    tokens = [token for text in (to, *mail.headers(*RECIPIENT_HEADERS)) for token in find_tokens(text)]
    owner = first_signed(tokens)
    if tokens and owner is None:
        raise ForgedAddress
    return owner


def find_returned_owner(mail: StrangerMail) -> Returned | None:
    """Return what the returned mail, or the fields of a complaint, prove where the address says nothing."""
    feedback = find_feedback(mail)
    named = header_of(feedback, "Original-Mail-From") if feedback else ""
    returned = list(mail.returned())
    texts = [named, *(header_of(inner, "Return-Path") for inner in returned)]
    signed = first_signed(token for text in texts for token in find_tokens(text))
    return signed or next(filter(None, map(owner_by_message_id, returned)), None)


def first_signed(tokens: Iterable[str]) -> Returned | None:
    return next(filter(None, map(read_token, islice(tokens, MOST_TOKENS))), None)


def owner_by_message_id(returned: AnyMessage) -> Returned | None:
    """Read our id in a returned digest, which its Message-ID proves: nobody else can make one."""
    pk, found = parse_row_id(header_of(returned, "X-Delivery")), MESSAGE_ID.match(header_of(returned, "Message-ID"))
    if pk is None or found is None or load_message_ids().local_part(pk) != found[1]:
        return None
    return Returned(Purpose.DELIVERY, pk, next(tags(returned), ""))


def tags(returned: AnyMessage) -> Iterator[str]:
    """Yield the beginning of the hash of the address that a digest was addressed to, unless it was taken out."""
    try:
        yield hash_address(canonical_address(header_of(returned, "To")))[: 2 * TAG_BYTES]
    except AddressError:
        return

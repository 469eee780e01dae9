"""A digest as bytes for SMTP: encoded once, with holes for a reader's links; dots are stuffed, lines short enough."""

import binascii
import re
import secrets
from collections.abc import Sequence
from email.header import Header
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.core.mail.message import sanitize_address

from digests.providers.base import LONGEST_SLOT, UNSUBSCRIBE_SLOT
from digests.providers.byte_template import (
    ByteTemplate,
    alternate,
    cache_by_text,
    concatenate,
    cut,
    fill_with_templates,
    hole,
    interleave,
)
from digests.providers.interface import SEAM, SharedBody, without_seams
from newsletter.mail.message import bare_address

LONGEST_LINE = 998
SOFT_BREAK = b"=\r\n"
LONGEST_HEADER = 900
BOUNDARY = f"={secrets.token_hex(12)}="
NAME_AND_ADDRESS = re.compile(r"(.*\S)\s*(<[!-~]+>)", re.DOTALL)


def message_of(content: SharedBody, *, takes_8bit: bool) -> ByteTemplate:
    """Return the message with holes for its slots, and for to, delivery and date."""
    return concatenate(
        head_of(content),
        (f"--{BOUNDARY}\r\n".encode(),),
        *part_of(content.text, "plain", takes_8bit),
        (f"\r\n--{BOUNDARY}\r\n".encode(),),
        *part_of(content.html, "html", takes_8bit),
        (f"\r\n--{BOUNDARY}--\r\n".encode(),),
    )


def head_of(content: SharedBody) -> ByteTemplate:
    own = tuple(content.headers.items())
    subject = encode_header("Subject", " ".join(content.subject.split())).encode()
    return fill_with_templates(
        shared_head_of(settings.DEFAULT_FROM_EMAIL, settings.REPLY_TO, own), {b"subject": (subject,)}
    )


@lru_cache(maxsize=32)
def shared_head_of(sender: str, reply_to: str, own: tuple[tuple[str, str], ...]) -> ByteTemplate:
    """Return the headers, which are alike for all digests of an issue but for a hole for the subject."""
    headers = {
        "From": sanitize_address(sender, "utf-8"),
        "To": hole("to"),
        "Subject": hole("subject"),
        "Date": hole("date"),
        "Message-ID": f"<{hole('message')}@{bare_address(sender).rpartition('@')[2]}>",
        "X-Delivery": hole("delivery"),
        "Auto-Submitted": "auto-generated",
    }
    if reply_to:
        headers["Reply-To"] = sanitize_address(reply_to, "utf-8")
    headers |= {name: value if is_encoded(value) else encode_header(name, value) for name, value in own}
    headers |= {
        "List-Unsubscribe": f"<{hole(UNSUBSCRIBE_SLOT)}>{hole('unsubscribe_to')}",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
    }
    return cut("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")


def encode_header(name: str, value: str) -> str:
    """Return a header's value so that it arrives letter by letter; what stands in angle brackets stays outside."""
    is_plain = value.isascii() and value.isprintable() and "=?" not in value
    if is_plain and is_encoded(value):
        return value
    if not is_plain and (named := NAME_AND_ADDRESS.fullmatch(value)):
        return f"{encode_words(name, named[1])} {named[2]}"
    return encode_words(name, value)


def is_encoded(value: str) -> bool:
    """Say whether a header of ours can travel as it is; encoded words in it are meant."""
    return value.isascii() and value.isprintable() and len(value) <= LONGEST_HEADER


def encode_words(name: str, value: str) -> str:
    return Header(value, "utf-8", header_name=name, maxlinelen=76).encode(linesep="\r\n")


def part_of(parts: Sequence[str], subtype: str, takes_8bit: bool) -> tuple[ByteTemplate, ByteTemplate]:
    body = body_8bit(parts) if takes_8bit else None
    encoding = "8bit" if body else "quoted-printable"
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return (head.encode(),), body or body_quoted(without_seams(parts))


class WireText(NamedTuple):
    """A text as it goes on the wire, and what has to be known of it to put it beside others."""

    data: bytes  # dots are stuffed but at the beginning, which need not begin a line
    first: int  # octets before the first line's end, or all
    last: int  # octets after the last line's end, or all
    breaks: bool
    travels: bool  # no line within is too long, and no NUL (RFC 2045, 2.8) or half a line's end is there


def wire_text(text: str) -> WireText:
    data = unix_lines(text)
    first, last = data.find(b"\n"), len(data) - data.rfind(b"\n") - 1
    travels = b"\0" not in data and not text.endswith("\r") and has_short_lines(data)
    return WireText(
        stuff_dots(data.replace(b"\n", b"\r\n")), first if first >= 0 else len(data), last, first >= 0, travels
    )


card_lines = cache_by_text(wire_text)


def unix_lines(text: str) -> bytes:
    return (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text).encode()


def body_8bit(parts: Sequence[str]) -> ByteTemplate | None:
    """Return 8bit pieces, or None where the text has to be quoted: with the longest values in it a line is too long.

    Words may begin with a dot; where they begin a line, their hole says so.
    """
    so_far, texts, names = list[bytes](), list[bytes](), list[bytes]()
    length = 0  # of the line so far
    # Each of some hundred parts of each digest comes by here, so that nothing is looked up or called twice.
    for name, text in zip((SEAM, *parts[1::2]), parts[::2], strict=True):
        if name:  # not SEAM
            begins_line = not length and not name.endswith("_url")
            names.append(stuffed_name(name.encode()) if begins_line else name.encode())
            texts.append(b"".join(so_far))
            so_far = []
            length += LONGEST_SLOT
        data, first, last, breaks, travels = card_lines(text)
        if not travels or length + first > LONGEST_LINE:
            return None
        if not length and data[:1] == b".":
            so_far.append(b".")
        so_far.append(data)
        length = last if breaks else length + first
    return alternate([*texts, b"".join(so_far)], names)


def has_short_lines(data: bytes) -> bool:
    """Look for a line's end in each stretch as long as a line may be: faster than looking at all lines."""
    at = 0
    while len(data) - at > LONGEST_LINE:
        at = data.rfind(b"\n", at, at + LONGEST_LINE + 1) + 1
        if not at:
            return False
    return True


def body_quoted(parts: Sequence[str]) -> ByteTemplate:
    """Return quoted-printable pieces: soft breaks around each slot give every piece lines of its own."""
    texts = [[SOFT_BREAK, quote_printable(unix_lines(text)), SOFT_BREAK] for text in parts[::2]]
    texts[0][0] = texts[-1][-1] = b""
    return interleave(texts, [quoted_name(name.encode()) for name in parts[1::2]])


def quoted_name(slot: bytes) -> bytes:
    """Return the hole's name for a slot whose value is to be quoted."""
    return b"quoted " + slot


def stuffed_name(slot: bytes) -> bytes:
    """Return the hole's name for a slot whose value begins a line."""
    return b"stuffed " + slot


def quote_printable(data: bytes) -> bytes:
    """Return quoted-printable that begins a line, its dots stuffed."""
    lines = stuff_dots(binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n"))
    return b"." + lines if lines.startswith(b".") else lines


def stuff_dots(data: bytes) -> bytes:
    """Double each dot that begins a line but the first: a line of one dot would end the message."""
    # Most texts have none, and looking from the end is twice as fast.
    return data if data.rfind(b"\n.") < 0 else data.replace(b"\n.", b"\n..")

"""A digest as bytes for SMTP: encoded once, with holes for a reader's links; dots are stuffed, lines short enough."""

import binascii
import re
import secrets
from collections.abc import Sequence
from email.header import Header
from email.utils import parseaddr
from functools import lru_cache

from django.conf import settings
from django.core.mail.message import sanitize_address

from digests.providers.interface import Content
from digests.providers.lane import UNSUBSCRIBE_SLOT
from digests.providers.pieces import Pieces, chain, cut, encode, hole

LONGEST_LINE = 998
LONGEST_LINK = b"x" * 500  # digests.providers.lane.LINK allows none longer
LONGEST_HEADER = 900
CONTROLS = bytes({*range(32), 127} - {9, 10})
BOUNDARY = f"={secrets.token_hex(16)}="
NAMED = re.compile(r"(.*\S)\s*(<[!-~]+>)", re.DOTALL)


def message_of(content: Content, *, takes_8bit: bool) -> Pieces:
    """Return the message with holes for its slots, and for to, delivery and date."""
    return chain(
        cut(head_of(content).encode()),
        (f"--{BOUNDARY}\r\n".encode(),),
        part_of(content.text, "plain", takes_8bit),
        (f"\r\n--{BOUNDARY}\r\n".encode(),),
        part_of(content.html, "html", takes_8bit),
        (f"\r\n--{BOUNDARY}--\r\n".encode(),),
    )


def head_of(content: Content) -> str:
    headers = {
        "From": sanitize_address(settings.DEFAULT_FROM_EMAIL, "utf-8"),
        "To": hole("to"),
        "Subject": encode_header("Subject", " ".join(content.subject.split())),
        "Date": hole("date"),
        "Message-ID": f"<digest-{hole('delivery')}@{domain_of_sender()}>",
        "X-Delivery": hole("delivery"),
        "Auto-Submitted": "auto-generated",
    }
    if settings.REPLY_TO:
        headers["Reply-To"] = sanitize_address(settings.REPLY_TO, "utf-8")
    headers |= {name: encode_header(name, value) for name, value in content.headers.items()}
    headers |= {
        "List-Unsubscribe": f"<{hole(UNSUBSCRIBE_SLOT)}>",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"


def domain_of_sender() -> str:
    return sender().rpartition("@")[2]


def sender() -> str:
    """Return the bare address mail comes from, its domain as DNS writes it."""
    return str(sanitize_address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], "utf-8"))


@lru_cache(maxsize=512)
def encode_header(name: str, value: str) -> str:
    """Return a header's value so that it arrives letter by letter; what stands in angle brackets stays outside."""
    is_plain = value.isascii() and value.isprintable() and "=?" not in value
    if is_plain and len(value) <= LONGEST_HEADER:
        return value
    if not is_plain and (named := NAMED.fullmatch(value)):
        return f"{encode_words(name, named[1])} {named[2]}"
    return encode_words(name, value)


def encode_words(name: str, value: str) -> str:
    return Header(value, "utf-8", header_name=name, maxlinelen=76).encode(linesep="\r\n")


def part_of(parts: Sequence[str], subtype: str, takes_8bit: bool) -> Pieces:
    is_8bit = takes_8bit and travels_bare(parts)
    encoding = "8bit" if is_8bit else "quoted-printable"
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return chain((head.encode(),), bare_body(parts) if is_8bit else quoted_body(parts))


def travels_bare(parts: Sequence[str]) -> bool:
    """Say whether a text can go as it is: no control characters, no line too long with the longest links in it."""
    data = LONGEST_LINK.join(in_lines(part) for part in parts[::2])
    return len(data.translate(None, CONTROLS)) == len(data) and max(map(len, data.split(b"\n"))) <= LONGEST_LINE


def in_lines(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").encode()


def bare_body(parts: Sequence[str]) -> Pieces:
    pieces = encode(parts, lambda text: stuffed(in_lines(text).replace(b"\n", b"\r\n")))
    first = b"." + pieces[0] if pieces[0].startswith(b".") else pieces[0]
    return (first, *pieces[1:])


def quoted_body(parts: Sequence[str]) -> Pieces:
    """Return quoted-printable pieces: a soft break before and after each slot makes every piece its own lines."""
    pieces = encode(parts, lambda text: quoted(in_lines(text)))
    last = len(pieces) - 1
    return tuple(
        name_of_quoted(piece) if at % 2 else (b"=\r\n" * (at > 0)) + piece + (b"=\r\n" * (at < last))
        for at, piece in enumerate(pieces)
    )


def name_of_quoted(slot: bytes) -> bytes:
    """Return the hole's name for a slot whose link is to be quoted."""
    return b"quoted " + slot


def quoted(data: bytes) -> bytes:
    """Return quoted-printable lines that stand at the start of a line, their dots stuffed."""
    lines = stuffed(binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n"))
    return b"." + lines if lines.startswith(b".") else lines


def stuffed(data: bytes) -> bytes:
    """Double each dot that begins a line but the first: a line of one dot would end the message."""
    return data.replace(b"\r\n.", b"\r\n..")

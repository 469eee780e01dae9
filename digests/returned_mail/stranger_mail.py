"""A mail from a stranger, parsed within bounds. Nothing here raises, whatever stands in it."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses
from functools import cached_property
from itertools import islice
from typing import TypeAlias

from digests.provider_events.redaction import storable_text
from newsletter.mail.header_line import clean_line

# Of a mail that are parsed: a report, and the headers of the mail that it returns, stand before these.
MOST_BYTES = 131_072
MOST_LINES = 10_000
MOST_PARTS = 50
LONGEST_HEADER = 2_000  # characters
LONGEST_TEXT = 20_000
MACHINES = re.compile(r"mailer-?daemon|postmaster|mdaemon|mail[ ._-]?delivery|delivery[ ._-]?subsystem", re.I)
TAG = re.compile(r"<[^>]{0,500}>")
AnyMessage: TypeAlias = "Message[str, str]"  # the class knows its types only since Python 3.13


class TooManyParts(Exception):
    """The mail is a puzzle and no message: it names more parts within parts than anybody writes."""


class ShortHeaders(Compat32):
    """Cuts each header field as it is parsed: reading the parameters of a long one takes minutes."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]


SHORT_HEADERS = ShortHeaders()


class StrangerMail:
    """A parsed mail; `size` counts the bytes of the whole, also where only its beginning was parsed."""

    def __init__(self, raw: bytes, size: int | None = None) -> None:
        """Raise TooManyParts, and RecursionError for mails within mails without end."""
        self.size = max(len(raw), size or 0)
        self.message = parsed(raw)
        self.parts = list(islice(self.message.walk(), MOST_PARTS))

    def header(self, name: str) -> str:
        return header_of(self.message, name)

    def headers(self, *names: str) -> Iterator[str]:
        for name in names:
            yield from (str(value)[:LONGEST_HEADER] for value in (self.message.get_all(name) or [])[:MOST_PARTS])

    def has(self, *names: str) -> bool:
        return any(name in self.message for name in names)

    @property
    def subject(self) -> str:
        return clean_line(decoded(self.header("Subject")))

    @property
    def sender(self) -> str:
        """The address in From, an empty string if there is none."""
        return address_in(self.header("From"))

    @property
    def is_from_machine(self) -> bool:
        """Whether the mail is from a mail server, by its empty envelope sender or by its name."""
        sender = self.header("Return-Path").strip()  # a pipe of Postfix writes a name where there is none
        return sender == "<>" or MACHINES.search(f"{sender} {self.header('From')}") is not None

    @cached_property
    def text(self) -> str:
        """The words before any mail that is returned with them; empty if there are none."""
        return next(filter(None, (text_of(part) for part in self.own_parts())), "")

    def own_parts(self) -> Iterator[AnyMessage]:
        """Yield the parts up to the first report or returned mail, which may hold words of ours."""
        for part in self.parts:
            if part.get_content_maintype() == "message" or part.get_content_type() == "text/rfc822-headers":
                return
            yield part

    def of_type(self, *types: str) -> Iterator[AnyMessage]:
        return (part for part in self.parts if part.get_content_type() in types)

    def returned(self) -> Iterator[AnyMessage]:
        """Yield the returned mail, whole or its headers alone; both forms of a part are read."""
        for part in self.of_type("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            yield from messages_in(part)[:1] or [parsed(content_of(part))]


def parsed(raw: bytes) -> AnyMessage:
    """Parse the beginning of a mail, in less than a second whatever stands in it. Raise TooManyParts."""
    beginning = b"".join(raw[:MOST_BYTES].splitlines(keepends=True)[:MOST_LINES])
    # The parser compares each line with the boundaries of all parts around it.
    if beginning.lower().count(b"multipart/") > MOST_PARTS:
        raise TooManyParts
    return message_from_bytes(beginning, policy=SHORT_HEADERS)


def messages_in(part: AnyMessage) -> list[AnyMessage]:
    """Return what the parser made of a part of type message: blocks of fields, or the one mail in it."""
    inner = part.get_payload()
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def header_of(message: AnyMessage, name: str) -> str:
    """Return a header as it stands there, an empty string if there is none."""
    return str(message.get(name, ""))[:LONGEST_HEADER]


def address_in(header: str) -> str:
    """Return the first address of a header, an empty string if there is none."""
    try:
        return next((address for _, address in getaddresses([header]) if "@" in address), "")
    except RecursionError:  # by comments within comments
        return ""


def content_of(part: AnyMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def text_of(part: AnyMessage) -> str:
    """Return the words of a part; those of HTML without its tags."""
    if part.get_content_maintype() != "text":
        return ""
    content = content_of(part)[: 4 * LONGEST_TEXT]
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    words = TAG.sub(" ", text) if part.get_content_subtype() == "html" else text
    return storable_text(words).strip()[:LONGEST_TEXT]


def decoded(header: str) -> str:
    """Return a header in plain words, as it stands there where its encoding is broken."""
    try:
        return "".join(
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in decode_header(header)
        )
    except (LookupError, ValueError, HeaderParseError):
        return header

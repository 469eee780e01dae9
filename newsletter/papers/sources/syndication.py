"""Parse an RSS or Atom feed with feedparser, safely on hostile input."""

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.entities import html5
from io import BytesIO
from time import struct_time
from typing import Any
from xml.parsers import expat
from xml.sax import SAXException
from xml.sax.saxutils import escape

import feedparser
from feedparser.encodings import convert_to_utf8

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.untrusted_values import string_at

DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)\s+(\w*)", re.IGNORECASE)
FIRST_ELEMENT = re.compile(rb"<\w")
WEB_PAGE = re.compile(rb"\s*(<\?xml[^>]*>)?\s*<(!doctype\s+)?html\b", re.IGNORECASE)
# An ampersand, or a section in which ampersands have no meaning; an unclosed section runs to the end.
AMPERSAND = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(?P<name>\#[0-9]{1,7};|\#x[0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?",
    re.DOTALL,
)
OF_XML = {b"amp;", b"lt;", b"gt;", b"quot;", b"apos;"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as feedparser reads it; `is_whole` is False where the XML is cut off or not well-formed."""

    title: str
    about: Entry
    entries: list[Entry]
    is_whole: bool


def read_feed(body: bytes) -> Feed:
    """Parse a feed of any kind feedparser supports. Raise SourceError for anything else."""
    if not body.strip():
        raise SourceError("The answer was empty.")
    plain = _to_utf8(body)
    _refuse_declarations(plain)
    found = _parse(_escape_ampersands(plain))
    if not found.get("version"):
        raise SourceError("The answer is not a feed.")
    about = found["feed"]
    return Feed(
        title=str(about.get("title") or ""),
        about=about,
        entries=found["entries"],
        is_whole=not isinstance(found.get("bozo_exception"), SAXException),
    )


def entry_name(entry: Entry) -> str:
    """Return what operators know an entry by: its address, else its title or id."""
    return next(filter(None, (string_at(entry, name).strip() for name in ("link", "title", "id"))), "")


def instant_of(entry: Entry, *names: str) -> datetime | None:
    """Return the first date among the fields `names` (such as "published") that feedparser could parse."""
    for name in names:
        # Not .get(): feedparser returns one date under the name of another.
        moment = dict.get(entry, f"{name}_parsed") if isinstance(entry, dict) else None
        if isinstance(moment, struct_time):
            try:
                return EPOCH + timedelta(seconds=timegm(moment))
            except (ValueError, OverflowError):
                continue
    return None


def _to_utf8(body: bytes) -> bytes:
    """Decode as feedparser will, so that the checks see the same text."""
    try:
        plain = convert_to_utf8({}, body, {})
    # The codec that the document names may raise any exception, not only LookupError.
    except Exception as exc:
        raise SourceError("The encoding of the answer is not known.") from exc
    if not isinstance(plain, bytes):
        raise SourceError("The encoding of the answer is not known.")
    return plain


def _refuse_declarations(plain: bytes) -> None:
    """Raise SourceError for a web page, and for a document type, whose entities could expand without limit.

    Expat finds what feedparser's strict parser would read; the pattern finds what its loose parser looks for in
    documents that are not well-formed.
    """
    if WEB_PAGE.match(plain):
        raise SourceError("The server answered with a web page, not with a feed.")
    first = FIRST_ELEMENT.search(plain)
    if DECLARATION.search(plain, 0, first.start() if first else len(plain)) or _has_doctype(plain):
        raise SourceError("The feed declares a document type (DOCTYPE), which is not read.")


class _PrologRead(Exception):
    """Ends the parse after the prolog; its argument is whether that declared a document type."""


def _escape_ampersands(plain: bytes) -> bytes:
    """Escape bare ampersands (R&D), and replace HTML's entities, which XML does not define.

    feedparser would guess instead, and turn R&D into R&D;.
    """
    return AMPERSAND.sub(_escape_ampersand, plain)


def _escape_ampersand(match: re.Match[bytes]) -> bytes:
    found, name = match[0], match["name"]
    if found[:1] != b"&" or name in OF_XML or (name or b"").startswith(b"#"):
        return found
    character = html5.get(name.decode()) if name else None
    return escape(character).encode() if character else b"&amp;" + (name or b"")


def _has_doctype(plain: bytes) -> bool:
    def on_doctype(*_: object) -> None:
        raise _PrologRead(True)

    def on_element(*_: object) -> None:
        raise _PrologRead(False)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = on_doctype
    parser.StartElementHandler = on_element
    try:
        parser.Parse(plain, True)
    except _PrologRead as seen:
        return bool(seen.args[0])
    except expat.ExpatError:
        return False
    return False


def _parse(plain: bytes) -> Any:
    try:
        return feedparser.parse(
            # Never the bytes themselves: feedparser may take them for a path or URL and open it.
            BytesIO(plain),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except MemoryError:
        raise
    # The loose parser raises AssertionError, TypeError and others on hostile bytes.
    except Exception as exc:
        raise SourceError("The feed could not be read.") from exc

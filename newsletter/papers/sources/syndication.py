"""Turn the bytes of an RSS or Atom feed into feedparser's entries, without its dangers."""

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

DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)\s+(\w*)", re.IGNORECASE)
FIRST_ELEMENT = re.compile(rb"<\w")
WEB_PAGE = re.compile(rb"\s*(<\?xml[^>]*>)?\s*<(!doctype\s+)?html\b", re.IGNORECASE)
# An ampersand, or what may hold one that means nothing; what does not close goes on to the end.
AMPERSAND = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(?P<name>\#[0-9]{1,7};|\#x[0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?",
    re.DOTALL,
)
OF_XML = {b"amp;", b"lt;", b"gt;", b"quot;", b"apos;"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as feedparser reads it; `is_whole` is False when the XML breaks off or is broken."""

    title: str
    about: Entry
    entries: list[Entry]
    is_whole: bool


def read_feed(body: bytes) -> Feed:
    """Read a feed of any kind feedparser knows. Raise SourceError for anything else."""
    if not body.strip():
        raise SourceError("The answer was empty.")
    plain = _in_utf8(body)
    _refuse_declarations(plain)
    found = _parse(_with_ampersands_escaped(plain))
    if not found.get("version"):
        raise SourceError("The answer is not a feed.")
    about = found["feed"]
    return Feed(
        title=str(about.get("title") or ""),
        about=about,
        entries=found["entries"],
        is_whole=not isinstance(found.get("bozo_exception"), SAXException),
    )


def instant_of(entry: Entry, *names: str) -> datetime | None:
    """Return the first date of `names` (such as "published") that feedparser understood."""
    for name in names:
        # Not .get(): feedparser would hand out one date under another's name.
        moment = dict.get(entry, f"{name}_parsed") if isinstance(entry, dict) else None
        if isinstance(moment, struct_time):
            try:
                return EPOCH + timedelta(seconds=timegm(moment))
            except (ValueError, OverflowError):
                continue
    return None


def _in_utf8(body: bytes) -> bytes:
    """Decode as feedparser is going to, so that the checks see what it will see."""
    try:
        plain = convert_to_utf8({}, body, {})
    # Codecs named by the document raise what they like, not only LookupError.
    except Exception as exc:
        raise SourceError("The encoding of the answer is not known.") from exc
    if not isinstance(plain, bytes):
        raise SourceError("The encoding of the answer is not known.")
    return plain


def _refuse_declarations(plain: bytes) -> None:
    """Refuse a document that declares entities, which grow, or is a web page.

    Expat sees what the strict parser will see; the pattern sees what the loose one looks for
    in documents that are not well-formed.
    """
    if WEB_PAGE.match(plain):
        raise SourceError("The server answered with a web page, not with a feed.")
    first = FIRST_ELEMENT.search(plain)
    if DECLARATION.search(plain, 0, first.start() if first else len(plain)) or _has_doctype(plain):
        raise SourceError("The feed declares a document type (DOCTYPE), which is not read.")


class _Seen(Exception):
    """The prolog is over, and this is whether it declared a document type."""


def _with_ampersands_escaped(plain: bytes) -> bytes:
    """Repair the commonest slip: a bare & (R&D), or one of HTML's entities, of which XML knows none.

    feedparser would guess what was meant, and make R&D; of it.
    """
    return AMPERSAND.sub(_escaped, plain)


def _escaped(match: re.Match[bytes]) -> bytes:
    found, name = match[0], match["name"]
    if found[:1] != b"&" or name in OF_XML or (name or b"").startswith(b"#"):
        return found
    character = html5.get(name.decode()) if name else None
    return escape(character).encode() if character else b"&amp;" + (name or b"")


def _has_doctype(plain: bytes) -> bool:
    def on_doctype(*_: object) -> None:
        raise _Seen(True)

    def on_element(*_: object) -> None:
        raise _Seen(False)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = on_doctype
    parser.StartElementHandler = on_element
    try:
        parser.Parse(plain, True)
    except _Seen as seen:
        return bool(seen.args[0])
    except expat.ExpatError:
        return False
    return False


def _parse(plain: bytes) -> Any:
    try:
        return feedparser.parse(
            # Never the bytes themselves: feedparser may take them for a path or an address.
            BytesIO(plain),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except MemoryError:
        raise
    # The loose parser raises AssertionError, TypeError and more on hostile bytes.
    except Exception as exc:
        raise SourceError("The feed could not be read.") from exc

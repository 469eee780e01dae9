"""Read arXiv's daily announcements of one category: its RSS, its Atom, and the older RDF."""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from newsletter.papers.code_links import find_links
from newsletter.papers.paper_key import abs_url, key_of, version_of
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.sources.syndication import Entry, Feed, entry_name, instant_of, read_feed
from newsletter.papers.sources.untrusted_values import (
    MAX_ABSTRACT,
    MAX_AUTHORS,
    MAX_NAME,
    Refusal,
    absolute_url,
    abstract_of,
    list_findings,
    records_at,
    shorten,
    string_at,
    title_of,
)
from newsletter.papers.text.cleaning import split_authors

# Every date in a feed is midnight, New York time, of its listing day.
NEW_YORK = ZoneInfo("America/New_York")
ANNOUNCEMENTS = {"new", "cross", "replace", "replace-cross"}
BROKEN_XML = "The feed is not well-formed XML: items after the fault may be missing."
MAX_CREATOR = 100_000
MAX_CATEGORIES = 100

DESCRIPTION = re.compile(
    r"\s*arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<announce>[\w-]+)\s*(?:Abstract:\s*)?", re.IGNORECASE
)
RDF_TITLE = re.compile(
    r"\.?\s*\(arXiv:(?P<id>\S{1,40})\s+\[(?P<category>[\w.-]{1,30})\](?P<marks>[A-Z ,]{0,40})\)\s*$"
)
CATEGORY = re.compile(r"[a-z]+(-[a-z]+)*(\.[A-Za-z]{2,}(-[A-Za-z]+)*)?")
DOI = re.compile(r"10\.\d{4,9}/\S{1,200}")
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")
# The wordings of a withdrawal at the start of a sentence in an abstract or of a part of a comment.
NOUN = r"(?:paper|article|manuscript|submission|pre-?print|e-?print|work|version|study|report|note)"
PUBLISHED = r"(?:paper|article|manuscript|submission|pre-?print|e-?print|version)"
OWN = rf"(?:this|the|our|my)(?: (?:arxiv|present|current|entire|whole))? {NOUN}s?"
IS = r"(?: (?:(?:has|have)(?: now| since)? been|is|was|are|(?:should|must|will|has to|needs to) be)(?: being)?)"
HOW = r"(?: (?:being|temporarily|hereby|voluntarily|formally|permanently|now))?"
# A paper withdrawn from a conference is still on arXiv.
NOT_ELSEWHERE = r"\b(?!(?: by [^.;,]{1,40}?)? from (?!(?:the )?arxiv|publication|circulation))"
WHY = (
    r"(?= ?$| ?[:;,.!\])–—-]| (?:by|due|because|owing|pending|as|since|for|until|after|in order|at (?:the|our|their)"
    r"|following|temporarily)\b)"
)
AUTHORS = r"(?:i|we|(?:all )?(?:the )?(?:(?:first|primary|lead|corresponding|submitting|original) )?authors?)"
INTEND = (
    r"(?: (?:has|have|had|am|are|is|hereby|want|wish|would|like|decided|chosen|need|must|to|be|therefore|thus|now"
    r"|temporarily|voluntarily|all|also|both)){0,6}"
)
NOTE = r"(?:(?:arxiv admin(?:istrator)?(?:'s)? (?:note|comment)|(?:please )?note(?: that)?):? ?)?"
# A reason in front of the statement: “Due to an error in Lemma 2, this paper has been withdrawn”.
REASON = (
    r"(?:(?:unfortunately|(?:due to|because|owing to|since|after|as|in light of|following|upon)\b[^,]{1,200}), ?)?"
)
WITHDRAWAL = re.compile(
    rf"{NOTE}{REASON}(?:"
    rf"{OWN}{IS}{HOW} (?:withdrawn|retracted){NOT_ELSEWHERE}"
    rf"|(?:(?:this|the) )?{PUBLISHED}{IS}? withdrawn{WHY}{NOT_ELSEWHERE}"
    rf"|(?:{OWN}{IS}{HOW} )?(?:removed|redacted|rejected|taken down|withdrawn) (?:by|from) (?:the )?arxiv"
    rf"|this {NOUN}{IS} removed(?= ?$| (?:by|because|due|as|at the request)\b)"
    rf"|{AUTHORS}{INTEND} (?:withdr[ae]w|withdrawn|withdrawing|retract(?:ed|ing)?) (?:{OWN}|it\b){NOT_ELSEWHERE}"
    rf"|{AUTHORS}{INTEND} (?:request|ask)(?:ed|ing)?(?: for)?(?: the| a)? withdrawal\b"
    rf"|withdrawn by (?:all )?(?:the )?authors?{NOT_ELSEWHERE}"
    rf")",
    re.IGNORECASE,
)
# Wordings that announce a withdrawal only at the very start of the text.
BARE_WITHDRAWAL = re.compile(
    rf"(?:temporarily )?withdr(?:awn|ew (?:{OWN}|it\b)){WHY}{NOT_ELSEWHERE}"
    rf"|(?:withdrawal notice|notice of withdrawal) ?(?:$|:)|withdrawal of (?:this|the) {NOUN}\b",
    re.IGNORECASE,
)
BY_WHOM = r"(?: by (?:the )?(?:authors?|arxiv\b[^\])]*))?"
MARK = rf"(?:(?:this )?{NOUN} )?(?:withdrawn|retracted){BY_WHOM}"
WITHDRAWN_TITLE = re.compile(
    rf"[\[(]{MARK}[\])]|.* [\[(]{MARK}[\])]$|(?:{NOUN} )?withdrawn{BY_WHOM}(?:$|:)|{OWN}{IS} withdrawn\b"
    r"|(?-i:RETRACTED:|.*[:–—-] ?WITHDRAWN$)",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.!?;]\s+")
PART = re.compile(r"[.;,()\[\]]")


def addresses(url: str, days: Sequence[date]) -> list[str]:
    """Return `url` alone: the feed shows the latest day only, whatever `days` are."""
    return [url]


def parse(body: bytes, address: str) -> Listing:
    """Parse the feed of one category. A day without papers is an empty listing, not an error."""
    feed = read_feed(body)
    if "feed error" in feed.title.lower():
        raise SourceError(f"arXiv knows no such category: {feed.title[:200]}", permanent=True)
    category = unquote(urlsplit(address).path).rsplit("/", 1)[-1]
    listed_on = _feed_day(feed)
    read = partial(_read, address=address, feed_category=category, feed_day=listed_on)
    return add_warning(feed, list_findings(feed.entries, read, listed_on, entry_name))


def add_warning(feed: Feed, listing: Listing) -> Listing:
    """Add a warning to `listing` where the feed's XML is broken, so that items may be missing."""
    return listing if feed.is_whole else replace(listing, warning=BROKEN_XML)


def is_withdrawn(abstract: str, comment: str = "", title: str = "") -> bool:
    """Return whether the authors or arXiv withdrew the paper. arXiv has no field for it, so the wording decides.

    >>> is_withdrawn("This paper has been withdrawn by the author."), is_withdrawn("", "withdrawn from ICLR")
    (True, False)
    """
    parts = (SENTENCE.split(abstract), PART.split(comment))
    return bool(WITHDRAWN_TITLE.match(title.strip())) or any(map(_says_withdrawn, parts))


def _says_withdrawn(parts: list[str]) -> bool:
    said = [part.strip(' \n[](){}*"-–—') for part in parts]
    said = [" ".join(part.split()) for part in said if part]
    return bool(said) and (bool(BARE_WITHDRAWAL.match(said[0])) or any(map(WITHDRAWAL.match, said)))


def categories_of(entry: Entry) -> tuple[str, ...]:
    """Return arXiv's categories in their order, without the ACM and MSC codes beside them."""
    terms = (string_at(tag, "term").strip() for tag in records_at(entry, "tags")[:MAX_CATEGORIES])
    return tuple(dict.fromkeys(term for term in terms if CATEGORY.fullmatch(term)))


def doi_of(text: str) -> str:
    found = DOI.search(text[:500])
    return found[0] if found else ""


def _feed_day(feed: Feed) -> date | None:
    moment = instant_of(feed.about, "published", "updated")
    if moment is None and feed.entries:
        moment = instant_of(feed.entries[0], "published", "updated")
    return _new_york_day(moment)


def _new_york_day(moment: datetime | None) -> date | None:
    try:
        return moment.astimezone(NEW_YORK).date() if moment else None
    except OverflowError:
        return None


def _read(entry: Entry, rank: int, address: str, feed_category: str, feed_day: date | None) -> Finding:
    notice = _Notice(entry)
    key = key_of(absolute_url(address, string_at(entry, "link"))) or key_of(f"https://arxiv.org/abs/{notice.paper_id}")
    if key is None or not key.startswith("arxiv:"):
        raise Refusal("it names no arXiv paper")
    title, abstract = title_of(notice.title), abstract_of(notice.abstract)
    links = find_links(abstract)
    categories = _primary_first(notice, feed_category)
    return Finding(
        key=key,
        title=title,
        abstract=abstract,
        authors=tuple(shorten(name, MAX_NAME) for name in split_authors(notice.creator)[:MAX_AUTHORS]),
        categories=categories,
        primary_category=categories[0] if categories else "",
        version=version_of(notice.paper_id),
        announce=notice.announce,
        listed_on=_new_york_day(instant_of(entry, "published", "updated")) or feed_day,
        withdrawn=is_withdrawn(abstract, title=title),
        doi=doi_of(string_at(entry, "arxiv_doi")),
        url=abs_url(key) or "",
        code_url=links.code,
        project_url=links.project,
        rank=rank,
    )


class _Notice:
    """The fields of one entry; arXiv puts the id, the version and the kind of announcement into its text."""

    def __init__(self, entry: Entry) -> None:
        self.title = string_at(entry, "title")
        self.abstract = string_at(entry, "summary")[: 4 * MAX_ABSTRACT]
        self.creator = string_at(entry, "author")[:MAX_CREATOR]
        self.paper_id = string_at(entry, "id").removeprefix("oai:arXiv.org:")
        self.announce = string_at(entry, "arxiv_announce_type").strip()
        self.categories = categories_of(entry)
        if described := DESCRIPTION.match(self.abstract):
            self._read_description(described)
        if titled := RDF_TITLE.search(self.title):
            self._read_rdf(titled)
        if self.announce not in ANNOUNCEMENTS:
            self.announce = ""

    def _read_description(self, described: re.Match[str]) -> None:
        self.paper_id = described["id"]
        self.announce = self.announce or described["announce"].lower()
        self.abstract = self.abstract[described.end() :]

    def _read_rdf(self, titled: re.Match[str]) -> None:
        self.paper_id = titled["id"]
        self.title = self.title[: titled.start()]
        self.abstract, self.creator = _strip_tags(self.abstract), _strip_tags(self.creator)
        self.categories = self.categories or (titled["category"],)
        is_cross, is_update = "CROSS" in titled["marks"], "UPDATED" in titled["marks"]
        self.announce = {
            (False, False): "new",
            (True, False): "cross",
            (False, True): "replace",
            (True, True): "replace-cross",
        }[is_cross, is_update]


def _strip_tags(text: str) -> str:
    return html.unescape(TAG.sub("", text)).strip()


def _primary_first(notice: _Notice, feed_category: str) -> tuple[str, ...]:
    """Put the primary category first. A paper is “new” only in the feed of its primary category."""
    categories = notice.categories
    if notice.announce in {"new", "replace"} and feed_category in categories:
        return (feed_category, *(category for category in categories if category != feed_category))
    return categories

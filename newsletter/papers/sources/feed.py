"""Parse the feed of a blog, a forum or an aggregator for the papers that its items mention."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from newsletter.papers.code_links import safe_url
from newsletter.papers.paper_key import abs_url, key_of, url_key
from newsletter.papers.sources.arxiv import add_warning
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.sources.syndication import Entry, instant_of, read_feed
from newsletter.papers.sources.untrusted_values import (
    MAX_ADDRESS,
    MAX_ITEMS,
    MAX_TITLE,
    absolute_url,
    count_at,
    instant_at,
    list_findings,
    names_of,
    records_at,
    string_at,
    title_of,
)

MAX_CONTENT = 100_000
# A round-up names about a dozen papers; an item with more than this is a bibliography.
MAX_PAPERS_AN_ITEM = 20

# Pages of papers for which paper_key knows no id: their address becomes the key.
PAPER_PAGES = re.compile(
    r"(www\.)?(proceedings\.mlr\.press/v\d+/\w|(papers|proceedings)\.(nips|neurips)\.cc/paper"
    r"|openaccess\.thecvf\.com/content|(bio|med)rxiv\.org/content/\w|ssrn\.com/abstract"
    r"|papers\.ssrn\.com/sol3/papers\.cfm|jmlr\.org/papers/v\d|eprint\.iacr\.org/\d{4}/\d)",
    re.IGNORECASE,
)
# Publishers put the DOI into their pages' addresses.
DOI_IN_PATH = re.compile(r"/doi/(?:[a-z]{1,10}/)?(10\.\d{4,9}/[^/?#\s]{1,200})", re.IGNORECASE)
ADDRESS = re.compile(
    r"""\bhref\s*=\s*["']\s*(?P<href>[^\s<>"'\\]{4,2000})|(?P<bare>https?://[^\s<>"'\\]{4,2000}"""
    r"""|\b(?:arxiv|doi):\s?[\w./()-]{6,100})""",
    re.IGNORECASE,
)
POINTS = re.compile(r"\bPoints:\s*(?P<count>\d{1,9})\b|\b(?P<other>\d{1,9}) points\b", re.IGNORECASE)
COMMENTS = re.compile(r"#\s*Comments:\s*(?P<count>\d{1,9})\b|\b(?P<other>\d{1,9}) comments\b", re.IGNORECASE)
# What forums add before or after the title of a paper.
TITLE_MARKS = re.compile(r"^\s*(\[[A-Z]\]|Show HN:)\s*|\s*[\[(](pdf|video|\d{4})[\])]\s*$", re.IGNORECASE)


class Item(NamedTuple):
    """One item of any kind of feed; `links` are the addresses in its own fields, the main one first."""

    title: str
    links: tuple[str, ...]
    content: str
    author: str
    published_at: datetime | None
    comments: int | None


class Mention(NamedTuple):
    """One paper that an item names; `is_alone` is True where the item names no other."""

    item: Item
    rank: int
    key: str
    address: str
    is_alone: bool


def addresses(url: str, days: Sequence[date]) -> list[str]:
    """Return `url` alone: a feed shows its latest items, whatever `days` are."""
    return [url]


def parse(body: bytes, address: str) -> Listing:
    """Parse the mentions of papers. Items that name no paper are skipped and not counted as refused."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return list_findings(_mentions(_json_items(body), address), _read, None, _name)
    feed = read_feed(body)
    items = map(_from_entry, feed.entries)
    return add_warning(feed, list_findings(_mentions(items, address), _read, None, _name))


def _json_items(body: bytes) -> Iterator[Item]:
    try:
        feed = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise SourceError("The answer is not JSON that can be read.") from exc
    if "jsonfeed.org/version/" not in string_at(feed, "version"):
        raise SourceError("The answer is JSON, but not a JSON Feed.")
    return map(_from_json, records_at(feed, "items"))


def _from_json(record: Mapping[str, Any]) -> Item:
    author = record.get("author")
    authors = [author] if isinstance(author, Mapping) else records_at(record, "authors")
    return Item(
        title=string_at(record, "title"),
        links=tuple(string_at(record, name) for name in ("external_url", "url", "id")),
        content=(string_at(record, "content_html") + " " + string_at(record, "content_text"))[:MAX_CONTENT],
        author=string_at(authors[0], "name") if authors else "",
        published_at=instant_at(record, "date_published"),
        comments=None,
    )


def _from_entry(entry: Entry) -> Item:
    texts = [string_at(entry, "summary"), *(string_at(part, "value") for part in records_at(entry, "content"))]
    links = [string_at(entry, "link"), *(string_at(link, "href") for link in records_at(entry, "links"))]
    comments = count_at(entry, "slash_comments")
    return Item(
        title=string_at(entry, "title"),
        links=(*links[:10], string_at(entry, "id")),
        content=" ".join(texts[:5])[:MAX_CONTENT],
        author=string_at(entry, "author"),
        published_at=instant_of(entry, "published", "updated"),
        comments=count_at(entry, "thr_total") if comments is None else comments,
    )


def _name(mention: Mention) -> str:
    return mention.address


def _mentions(items: Iterable[Item], base: str) -> Iterator[Mention]:
    """Yield the papers that `items` mention; their relative links are resolved against `base`."""
    for rank, item in enumerate(islice(items, MAX_ITEMS), start=1):
        papers = _papers_of(item, base)
        for key, address in papers.items():
            yield Mention(item, rank, key, address, is_alone=len(papers) == 1)


def _papers_of(item: Item, base: str) -> dict[str, str]:
    """Return {key: address} of the papers an item names: the one it links to, else those in its content."""
    for link in filter(None, item.links):
        # A guid may be a bare id, which is no relative address.
        for address in (link, absolute_url(base, link)):
            if key := _paper_key(address):
                return {key: address}
    papers: dict[str, str] = {}
    for address in _addresses(html.unescape(item.content), base):
        if len(papers) < MAX_PAPERS_AN_ITEM and (key := _paper_key(address)):
            papers.setdefault(key, address)
    return papers


def _addresses(content: str, base: str) -> Iterator[str]:
    """Yield the addresses in a text or in its links, as absolute ones."""
    for found in ADDRESS.finditer(content):
        yield absolute_url(base, found["href"] or found["bare"]).rstrip(".,;:!?)]")


def _paper_key(address: str) -> str | None:
    """Return the key of the paper that `address` leads to, None for any other page."""
    address = address.strip()[: MAX_ADDRESS + 1]
    if key := key_of(address):
        return key
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if named := DOI_IN_PATH.search(parts.path):
        return key_of(f"doi:{named[1]}")
    return url_key(address) if PAPER_PAGES.match(parts.netloc + parts.path) else None


def _read(mention: Mention, rank: int) -> Finding:
    """Return the finding of a mention. Only the title is the paper's own; text and date belong to the mention."""
    item, names = mention.item, names_of([mention.item.author])
    said = _count(COMMENTS, item.content)
    return Finding(
        key=mention.key,
        title=title_of(_paper_title(item.title)) if mention.is_alone else "",
        listed_on=item.published_at.date() if item.published_at else None,
        url=abs_url(mention.key) or safe_url(mention.address),
        votes=_count(POINTS, item.content),
        comments=item.comments if said is None else said,
        rank=mention.rank,
        proposed_by=names[0] if names else "",
    )


def _paper_title(title: str) -> str:
    return TITLE_MARKS.sub("", title[: 2 * MAX_TITLE])


def _count(pattern: re.Pattern[str], content: str) -> int | None:
    found = pattern.search(content)
    return int(found["count"] or found["other"]) if found else None

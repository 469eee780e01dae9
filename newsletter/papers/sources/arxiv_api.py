"""Parse the answers of arXiv's API: the papers with given ids, or the results of a query."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from itertools import islice
from urllib.parse import urlencode, urlsplit

from newsletter.papers.code_links import find_links
from newsletter.papers.paper_key import abs_url, key_of, version_of
from newsletter.papers.sources.arxiv import add_warning, categories_of, doi_of, is_withdrawn
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.sources.syndication import Entry, entry_name, instant_of, read_feed
from newsletter.papers.sources.untrusted_values import (
    Refusal,
    absolute_url,
    abstract_of,
    list_findings,
    names_of,
    record_at,
    records_at,
    string_at,
    title_of,
)

IDS_A_CALL = 100
MAX_COMMENT = 2_000


def addresses(url: str, days: Sequence[date]) -> list[str]:
    """Return `url` alone: its query says which papers to return."""
    return [url]


def addresses_for_ids(url: str, ids: Iterable[str]) -> list[str]:
    """Return the addresses that request the papers with these arXiv ids, IDS_A_CALL in each."""
    parts, remaining = urlsplit(url), iter(ids)
    found = []
    while batch := list(islice(remaining, IDS_A_CALL)):
        query = urlencode({"id_list": ",".join(batch), "start": 0, "max_results": IDS_A_CALL}, safe=",/")
        found.append(parts._replace(query=query).geturl())
    return found


def parse(body: bytes, address: str) -> Listing:
    """Parse one response. Ids that arXiv does not know are missing from it."""
    feed = read_feed(body)
    for entry in feed.entries[:1]:
        _refuse_error(entry)
    return add_warning(feed, list_findings(feed.entries, partial(_read, address=address), None, entry_name))


def _refuse_error(entry: Entry) -> None:
    if string_at(entry, "title").strip() == "Error" and "/api/errors" in string_at(entry, "id"):
        reason = string_at(entry, "summary").strip()[:200]
        raise SourceError(f"arXiv's API answered with an error: {reason}.", permanent=True)


def _read(entry: Entry, rank: int, address: str) -> Finding:
    key = key_of(string_at(entry, "id")) or key_of(absolute_url(address, string_at(entry, "link")))
    if key is None or not key.startswith("arxiv:"):
        raise Refusal("it names no arXiv paper")
    title, abstract = title_of(string_at(entry, "title")), abstract_of(string_at(entry, "summary"))
    comment = string_at(entry, "arxiv_comment")[:MAX_COMMENT]
    links = find_links(abstract, comment)
    primary, categories = _categories(entry)
    return Finding(
        key=key,
        title=title,
        abstract=abstract,
        authors=names_of(string_at(author, "name") for author in records_at(entry, "authors")),
        categories=categories,
        primary_category=primary,
        version=version_of(string_at(entry, "id")),
        published_at=instant_of(entry, "published"),
        withdrawn=is_withdrawn(abstract, comment, title),
        doi=doi_of(string_at(entry, "arxiv_doi")),
        url=abs_url(key) or "",
        code_url=links.code,
        project_url=links.project,
        rank=rank,
    )


def _categories(entry: Entry) -> tuple[str, tuple[str, ...]]:
    categories = categories_of(entry)
    primary = string_at(record_at(entry, "arxiv_primary_category"), "term")
    if primary in categories:
        return primary, (primary, *(category for category in categories if category != primary))
    return (categories[0] if categories else ""), categories

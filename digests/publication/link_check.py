"""Checks an issue's links in the background and stores the result of each.

Pages of papers on arXiv are not fetched: arXiv itself has listed them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from digests.models import LinkCheck
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.ingest import fetch
from newsletter.papers.paper_key import key_of
from newsletter.papers.sources import SourceError, guarded_fetch

BELIEVED_FOR = timedelta(hours=12)  # how long a good result is kept
RETRY_AFTER = timedelta(minutes=15)  # how soon a broken link is checked again
MOST_LINKS = 80  # links per run
LINK_SECONDS = 10.0  # for one link
CARD_LINKS = ("url", "pdf_url", "code_url", "project_url")
TYPED_URL = re.compile(r"https?://[^\s<>()\[\]\"']+")

Front = Sequence[tuple[IssueEntry, dict[str, Any]]]
Link = tuple[IssueEntry | None, dict[str, Any], str]


def links_of(issue: Issue, front: Front) -> Iterator[Link]:
    """Yield the links of an issue to check, each with its entry and card (None and empty for the intro)."""
    for url in TYPED_URL.findall(issue.intro):
        yield None, {}, url.rstrip(".,;:")
    for entry, card in front:
        words = (
            f"{entry.note}\n{card.get('markdown', '')}"  # the editor’s own, where they wrote a summary or a free item
        )
        written = [url.rstrip(".,;:") for url in TYPED_URL.findall(words)]
        for url in dict.fromkeys([*(card[name] for name in CARD_LINKS), *written]):
            if url and not (key_of(url) or "").startswith("arxiv:"):
                yield entry, card, url


def broken_links(issue: Issue, front: Front) -> Iterator[tuple[IssueEntry | None, dict[str, Any], str, LinkCheck]]:
    """Yield the links with a stored failure, each with its entry, card and LinkCheck."""
    links = list(links_of(issue, front))
    bad = {row.url: row for row in LinkCheck.objects.filter(url__in={url for *_, url in links}).exclude(trouble="")}
    for entry, card, url in links:
        if url in bad:
            yield entry, card, url, bad[url]


def links_to_follow(issue: Issue, front: Front) -> list[str]:
    """Return the URLs that were never checked, or whose result is outdated."""
    urls = list(dict.fromkeys(url for *_, url in links_of(issue, front)))
    now, known = clock.now(), {row.url: row for row in LinkCheck.objects.filter(url__in=urls)}
    return [url for url in urls if url not in known or is_outdated(known[url], now - known[url].checked_at)]


def is_outdated(check: LinkCheck, age: timedelta) -> bool:
    return age > (RETRY_AFTER if check.trouble else BELIEVED_FOR)


def check_links(issue: Issue, front: Front) -> int:
    """Check the links whose result is missing or outdated; return how many. One worker at a time; safe to repeat."""
    with advisory_locks.held(Lock.LINK_CHECK) as is_mine:
        urls = links_to_follow(issue, front)[:MOST_LINKS] if is_mine else []
        for url in urls:
            check_link(url)
        return len(urls)


def check_link(url: str) -> None:
    trouble, is_dead = "", False
    try:
        guarded_fetch.probe(url, replace(fetch.fetch_policy(), deadline_seconds=LINK_SECONDS))
    except SourceError as exc:
        trouble, is_dead = str(exc)[:300], exc.permanent
    values = {"checked_at": clock.now(), "trouble": trouble, "is_dead": is_dead}
    LinkCheck.objects.update_or_create(url=url[:2000], defaults=values)

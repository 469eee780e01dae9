"""Fetch the addresses of a source and parse what the server answers, trusting neither.

In comes a source's kind, its address and the listing days; out goes a `Listing` of plain `Finding`s, or a SourceError.
Fetching is `guarded_fetch.get(…)` for each of `READERS[kind].addresses(…)`, parsing is `sandbox.parse(kind, …)`.
This package may import `paper_key`, `code_links` and `text`; it knows no table, and only the child process of the
sandbox parses what a server sent.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from newsletter.papers.sources import arxiv, arxiv_api, feed, hf_daily
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing

__all__ = ["READERS", "Reader", "SourceError"]


class Reader(Protocol):
    """The functions of each module that reads one kind of source."""

    def addresses(self, url: str, days: Sequence[date]) -> list[str]:
        """Return the addresses to fetch from the source at `url` for these listing days."""
        ...

    def parse(self, body: bytes, address: str) -> Listing:
        """Parse one response. Raise SourceError, and nothing else, where it cannot be parsed."""
        ...


READERS: dict[str, Reader] = {
    "hf_daily": hf_daily,
    "arxiv": arxiv,
    "arxiv_api": arxiv_api,
    "feed": feed,
}

"""Sources of papers: one reader a kind, a guarded fetch (guard), a sandbox to parse in (sandbox).

A fetch is `READERS[kind].addresses(…)`, then for each `guard.get(…)` and `sandbox.parse(kind, …)`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from newsletter.papers.sources import arxiv, arxiv_api, feed, hf_daily
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing

__all__ = ["READERS", "Reader", "SourceError"]


class Reader(Protocol):
    """What every module that reads a kind of source offers."""

    def addresses(self, url: str, days: Sequence[date]) -> list[str]:
        """Return what to get from the source at `url` for these listing days."""
        ...

    def parse(self, body: bytes, address: str) -> Listing:
        """Read one answer. Raise SourceError, and nothing else, where it cannot be read."""
        ...


READERS: dict[str, Reader] = {
    "hf_daily": hf_daily,
    "arxiv": arxiv,
    "arxiv_api": arxiv_api,
    "feed": feed,
}

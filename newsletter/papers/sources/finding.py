"""What a source's answer comes to: plain values between reading a feed and storing its papers."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One paper as one source showed it; text cleaned, unknown fields empty or None."""

    # identity.key_of: "arxiv:2605.00658", "doi:…" or "url:…"
    key: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    # arXiv categories, the primary one first where it is known
    categories: tuple[str, ...] = ()
    primary_category: str = ""
    # arXiv's version, 0 where unknown
    version: int = 0
    # arXiv's new, cross, replace or replace-cross
    announce: str = ""
    # the listing day the source gives it
    listed_on: date | None = None
    published_at: datetime | None = None
    withdrawn: bool = False
    doi: str = ""
    # the page a reader opens
    url: str = ""
    code_url: str = ""
    project_url: str = ""
    votes: int | None = None
    comments: int | None = None
    stars: int | None = None
    # position in the source's list, from 1
    rank: int | None = None
    # who put it on the list, where the source says so
    proposed_by: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one answer of a source held; each key stands in it once."""

    findings: tuple[Finding, ...]
    # the day the answer says it is for
    listed_on: date | None
    # one line an item that could not be read: what and why
    refused: tuple[str, ...] = ()

"""The plain values that parsing returns and storing takes."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One paper as one source showed it; text cleaned, unknown fields empty or None."""

    # as of paper_key.key_of: "arxiv:2605.00658", "doi:…" or "url:…"
    key: str
    title: str
    abstract: str = ""
    # a language model's summary of the paper
    machine_summary: str = ""
    authors: tuple[str, ...] = ()
    # arXiv categories, the primary one first where it is known
    categories: tuple[str, ...] = ()
    primary_category: str = ""
    # arXiv's version, 0 where unknown
    version: int = 0
    # arXiv's kind of announcement: new, cross, replace or replace-cross
    announce: str = ""
    # the day the source lists it on
    listed_on: date | None = None
    published_at: datetime | None = None
    withdrawn: bool = False
    doi: str = ""
    # the page that readers open
    url: str = ""
    code_url: str = ""
    project_url: str = ""
    votes: int | None = None
    comments: int | None = None
    stars: int | None = None
    # position in the source's list, from 1
    rank: int | None = None
    # who submitted it to the list, where the source names them
    proposed_by: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The papers in one response of a source; each key occurs once."""

    findings: tuple[Finding, ...]
    # the listing day that the response names
    listed_on: date | None
    # one line for each item that could not be read: which item, and why
    refused: tuple[str, ...] = ()
    # why items may be missing, as a sentence for operators; "" for a complete response
    warning: str = ""

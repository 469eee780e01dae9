"""Parse Hugging Face's daily papers: one JSON list for each listing day."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from newsletter.papers.code_links import find_links
from newsletter.papers.paper_key import abs_url, key_of
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.sources.untrusted_values import (
    Refusal,
    abstract_of,
    count_at,
    instant_at,
    list_findings,
    names_of,
    record_at,
    records_at,
    string_at,
    summary_of,
    title_of,
)

# The server's maximum; no day has come near it.
PAPERS_A_DAY = 100
# Only next to a digit or a script, where it cannot be part of a word such as sim2real.
LOST_COMMAND = re.compile(
    r"((?<=\d)(?:times|pm|sim|approx)(?![a-z])|(?<=\d )times(?= \d)|(?<=\^)circ(?![a-z])"
    r"|(?<![A-Za-z\\])(?:sim|approx|pm|leq|geq)(?=\d[\d.,]*(?:[KMBGTkx%]|times)?(?![A-Za-z])))"
    r"|(?<![A-Za-z\\])(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|pi|rho|sigma|tau|phi|chi|psi|omega|nabla|ell)"
    r"(?=[\^_])"
)


def addresses(url: str, days: Sequence[date]) -> list[str]:
    """Return the address of each day's list."""
    parts = urlsplit(url)
    given = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"date", "limit"}]
    return [
        parts._replace(query=urlencode([*given, ("date", day.isoformat()), ("limit", PAPERS_A_DAY)])).geturl()
        for day in days
    ]


def parse(body: bytes, address: str) -> Listing:
    """Parse the list of one day. Raise SourceError where it is not a list of papers."""
    listed_on = _day_of(address)
    return list_findings(_items(body), partial(_read, listed_on=listed_on), listed_on, _name)


def _day_of(address: str) -> date | None:
    try:
        return date.fromisoformat(parse_qs(urlsplit(address).query)["date"][0])
    except (KeyError, ValueError):
        return None


def _items(body: bytes) -> list[Any]:
    if not body.strip():
        raise SourceError("The answer was empty.")
    try:
        items = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise SourceError("The answer is not JSON that can be read.") from exc
    if isinstance(items, Mapping) and string_at(items, "error"):
        raise SourceError(f"The server answered with an error: {string_at(items, 'error')[:200]}.")
    if not isinstance(items, list) or (items and not any(isinstance(item, Mapping) for item in items)):
        raise SourceError("The answer is not a list of papers.")
    return items


def _name(item: Any) -> str:
    if not isinstance(item, Mapping):
        return ""
    paper = record_at(item, "paper")
    return string_at(paper, "id") or string_at(paper, "title") or string_at(item, "title")


def _read(item: Any, rank: int, listed_on: date | None) -> Finding:
    if not isinstance(item, Mapping):
        raise Refusal("it is not a JSON object")
    paper = record_at(item, "paper")
    key = _key(string_at(paper, "id"))
    submitted_at = instant_at(paper, "submittedOnDailyAt")
    abstract = abstract_of(_restore_backslashes(string_at(paper, "summary") or string_at(item, "summary")))
    links = find_links(abstract, string_at(paper, "githubRepo"), string_at(paper, "projectPage"))
    return Finding(
        key=key,
        title=title_of(_restore_backslashes(string_at(paper, "title") or string_at(item, "title"))),
        abstract=abstract,
        machine_summary=summary_of(_restore_backslashes(string_at(paper, "ai_summary"))),
        authors=names_of(
            string_at(author, "name") for author in records_at(paper, "authors") if not author.get("hidden")
        ),
        listed_on=submitted_at.date() if submitted_at else listed_on,
        published_at=instant_at(paper, "publishedAt"),
        url=abs_url(key) or "",
        code_url=links.code,
        project_url=links.project,
        votes=count_at(paper, "upvotes"),
        comments=count_at(item, "numComments"),
        stars=count_at(paper, "githubStars"),
        rank=rank,
        proposed_by=_submitter(item, paper),
    )


def _restore_backslashes(text: str) -> str:
    """Restore the backslash of TeX commands where Hugging Face dropped it: 20times, 360^circ, tau^2."""
    return LOST_COMMAND.sub(lambda match: f"\\{match[0]}" + "{}" * bool(match[1]), text)


def _key(paper_id: str) -> str:
    key = key_of(f"https://arxiv.org/abs/{paper_id.strip()}") if paper_id.strip() else None
    if key is None or not key.startswith("arxiv:"):
        raise Refusal(f"its id {paper_id[:40]!r} is not arXiv's")
    return key


def _submitter(item: Mapping[str, Any], paper: Mapping[str, Any]) -> str:
    names = names_of(
        string_at(record, field)
        for record in (record_at(item, "submittedBy"), record_at(paper, "submittedOnDailyBy"))
        for field in ("fullname", "name")
    )
    return names[0] if names else ""

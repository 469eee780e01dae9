"""What all readers share: length limits, safe access to foreign data, and skipping single bad items."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urljoin

from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.text.cleaning import clean, clean_names

MAX_ITEMS = 3_000
MAX_AUTHORS = 700
MAX_TITLE = 500
MAX_ABSTRACT = 10_000
MAX_SUMMARY = 2_000
MAX_NAME = 200
MAX_LABEL = 100
MAX_ADDRESS = 2_000
# The largest value of the database's integer column.
MAX_COUNT = 2**31 - 1

Item = TypeVar("Item")


class Refusal(Exception):
    """This item names no paper, or lacks a required field. The rest of its list may be fine."""


def list_findings(
    items: Iterable[Item],
    read: Callable[[Item, int], Finding | None],
    listed_on: date | None,
    name_of: Callable[[Item], str],
) -> Listing:
    """Call `read` with each item and its rank from 1; of one key keep the finding with the most votes.

    An item for which `read` returns None is skipped; one for which it raises Refusal is listed as refused, by the
    name that `name_of` gives it: its rank changes from day to day.
    """
    findings: dict[str, Finding] = {}
    refused: list[str] = []
    remaining = iter(items)
    for rank, item in enumerate(islice(remaining, MAX_ITEMS), start=1):
        try:
            finding = read(item, rank)
        except Refusal as exc:
            name = shorten(clean(name_of(item)[: 4 * MAX_LABEL]), MAX_LABEL)
            refused.append(f"{name or f'Item {rank}'}: {exc}")
        else:
            if finding is not None and _is_better(finding, findings.get(finding.key)):
                findings[finding.key] = finding
    if left_over := sum(1 for _ in remaining):
        refused.append(f"{left_over} more items: only {MAX_ITEMS} are read")
    return Listing(tuple(findings.values()), listed_on, tuple(dict.fromkeys(refused)))


def _is_better(finding: Finding, kept: Finding | None) -> bool:
    return kept is None or (finding.votes or 0) > (kept.votes or 0)


def title_of(text: str) -> str:
    """Return the cleaned title; raise Refusal where it is empty."""
    title = shorten(clean(text[: 4 * MAX_TITLE]), MAX_TITLE)
    if not title:
        raise Refusal("it has no title")
    return title


def abstract_of(text: str) -> str:
    return shorten(clean(text[: 2 * MAX_ABSTRACT]), MAX_ABSTRACT)


def summary_of(text: str) -> str:
    return shorten(clean(text[: 2 * MAX_SUMMARY]), MAX_SUMMARY)


def names_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return up to MAX_AUTHORS cleaned names, in their order."""
    cleaned = clean_names(name[: 4 * MAX_NAME] for name in islice(names, MAX_AUTHORS))
    return tuple(shorten(name, MAX_NAME) for name in cleaned)


def shorten(text: str, limit: int) -> str:
    """Cut `text` to `limit` characters; the last one is an ellipsis where text was cut.

    >>> shorten("attention", 5), shorten("attention", 9)
    ('atte…', 'attention')
    """
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def absolute_url(base: str, link: str) -> str:
    """Resolve a relative link against the address it was found at; return `link` as it is where it is malformed.

    >>> absolute_url("https://example.org/feed.xml", "//arxiv.org/abs/2611.01904")
    'https://arxiv.org/abs/2611.01904'
    """
    try:
        return urljoin(base, link.strip()[: MAX_ADDRESS + 1])
    except ValueError:
        return link


def string_at(record: Mapping[str, Any], name: str) -> str:
    """Return the string under `name`, or "" where there is none or something else."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def record_at(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def records_at(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = record.get(name)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def count_at(record: Mapping[str, Any], name: str) -> int | None:
    """Return the count under `name`: a whole number from 0, else None."""
    value = record.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:11])
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MAX_COUNT else None


def instant_at(record: Mapping[str, Any], name: str) -> datetime | None:
    """Return the ISO 8601 instant under `name` in UTC, None where there is none."""
    try:
        moment = datetime.fromisoformat(string_at(record, name))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

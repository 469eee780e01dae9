"""The protocol between a worker and its parser process: one JSON line in each direction.

The child can send nothing else, so a hostile feed that took it over could only return wrong papers.
"""

from datetime import date, datetime
from typing import Any

import orjson

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing

# What the child writes once it has imported its modules.
READY = b"ready\n"


def listing_line(listing: Listing, *, is_last: bool) -> bytes:
    return orjson.dumps({"listing": listing, "is_last": is_last}, option=orjson.OPT_APPEND_NEWLINE)


def error_line(message: str, *, permanent: bool, is_last: bool) -> bytes:
    answer = {"error": message, "permanent": permanent, "is_last": is_last}
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def read_line(line: bytes) -> tuple[Listing | SourceError, bool]:
    """Return the child's result, and whether the child ends after it. Raise ValueError for a malformed line."""
    try:
        answer = orjson.loads(line)
        if "error" in answer:
            return SourceError(answer["error"], permanent=answer["permanent"]), answer["is_last"]
        return _listing(answer["listing"]), answer["is_last"]
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"not an answer: {exc}") from exc


def _listing(record: dict[str, Any]) -> Listing:
    return Listing(
        findings=tuple(_finding(found) for found in record["findings"]),
        listed_on=_date(record["listed_on"]),
        refused=tuple(record["refused"]),
        warning=record["warning"],
    )


def _finding(record: dict[str, Any]) -> Finding:
    record["authors"] = tuple(record["authors"])
    record["categories"] = tuple(record["categories"])
    record["listed_on"] = _date(record["listed_on"])
    if record["published_at"]:
        record["published_at"] = datetime.fromisoformat(record["published_at"])
    return Finding(**record)


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

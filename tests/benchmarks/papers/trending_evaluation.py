"""Measure how much of a morning's order is still right when the votes have come in.

A listing that was fetched several times is scored as it stood at one hour, and compared with its last known votes:
how many of the first five and ten papers stay among the first five and ten. The votes of that hour alone are the
measure to beat.
"""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from newsletter.papers.trending import formula
from newsletter.papers.trending.formula import Inputs, Parameters

A_DAY = timedelta(days=1)
STAMP = "%Y%m%dT%H%M%SZ"


class Seen(NamedTuple):
    """What one fetch of a list showed."""

    listed_on: date
    seen_at: datetime
    votes: dict[str, int]
    comments: dict[str, int]


class Overlap(NamedTuple):
    """How many of the first `first` papers at `seen_at` stay among the first by the last votes, `hours_later`."""

    seen_at: datetime
    hours_later: float
    first: int
    by_formula: int
    by_votes: int


def snapshots_in(folder: Path) -> list[Seen]:
    """Read files named <day>__<fetched at>__<any>.json, oldest first; an item may be Python's text of a record."""
    return sorted(map(snapshot_in, folder.glob("*__*Z__*.json")), key=lambda seen: seen.seen_at)


def snapshot_in(path: Path) -> Seen:
    day, stamp, _ = path.stem.split("__")
    items: list[Any] = [
        ast.literal_eval(item) if isinstance(item, str) else item for item in json.loads(path.read_text("utf-8"))
    ]
    return Seen(
        date.fromisoformat(day),
        datetime.strptime(stamp, STAMP).replace(tzinfo=UTC),
        {item["paper"]["id"]: item["paper"]["upvotes"] for item in items},
        {item["paper"]["id"]: item.get("numComments") or 0 for item in items},
    )


def overlaps(snapshots: Sequence[Seen], parameters: Parameters, firsts: Iterable[int] = (5, 10)) -> list[Overlap]:
    """Compare every snapshot, as known at its hour, with the last one of its listing day."""
    moments = [(seen.listed_on, seen.seen_at) for seen in snapshots]
    return [overlap for moment in moments for overlap in overlaps_at(*moment, snapshots, parameters, firsts)]


def overlaps_in_the_morning(
    snapshots: Sequence[Seen], parameters: Parameters, hour: int = 5, firsts: Iterable[int] = (5, 10)
) -> list[Overlap]:
    """Compare what was known of each listing day at `hour` (UTC) of the next day with its last snapshot."""
    days = sorted({seen.listed_on for seen in snapshots})
    moments = [(day, datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + A_DAY) for day in days]
    return [overlap for moment in moments for overlap in overlaps_at(*moment, snapshots, parameters, firsts)]


def overlaps_at(
    day: date, now: datetime, snapshots: Sequence[Seen], parameters: Parameters, firsts: Iterable[int]
) -> list[Overlap]:
    """Compare what was known of a day at `now` with its last snapshot; empty where there is none before or after."""
    of_day = [seen for seen in snapshots if seen.listed_on == day]
    known = [seen for seen in of_day if seen.seen_at <= now]
    if not known or known[-1] is of_day[-1]:
        return []
    last, scores = of_day[-1], scores_at(now, known, parameters)
    hours = (last.seen_at - known[-1].seen_at) / timedelta(hours=1)
    return [
        Overlap(now, hours, first, stays(scores, last.votes, first), stays(known[-1].votes, last.votes, first))
        for first in firsts
    ]


def scores_at(now: datetime, known: Sequence[Seen], parameters: Parameters) -> dict[str, float]:
    """Score one listing day's papers by what its snapshots show, `now`."""
    before = [seen for seen in known if seen.seen_at <= now - A_DAY]
    return {
        key: formula.score(inputs_of(key, now, known[-1], before[-1] if before else None), parameters)
        for key in known[-1].votes
    }


def inputs_of(key: str, now: datetime, seen: Seen, before: Seen | None) -> Inputs:
    votes, comments = seen.votes[key], seen.comments[key]
    age = now - datetime.combine(seen.listed_on, datetime.min.time(), UTC)
    is_recent = seen.listed_on >= (now - A_DAY).date()
    votes_before = before.votes.get(key, 0) if before else 0 if is_recent else votes
    new_votes = max(0, votes - votes_before)
    return Inputs(
        votes, new_votes, comments, 0, 1, 0, votes, new_votes, comments, 1.0, age.days, int(age / timedelta(hours=1))
    )  # fmt: skip


def stays(then: Mapping[str, float], last: Mapping[str, int], first: int) -> int:
    """Count how many of the `first` papers by `then` are among the first by their last votes.

    Papers with as many last votes as the last of these count among them; ties in `then` are broken by key.
    """
    leaders = sorted(then, key=lambda key: (-then[key], key))[:first]
    bar = sorted(last.values(), reverse=True)[:first][-1]
    return sum(last.get(key, -1) >= bar for key in leaders)

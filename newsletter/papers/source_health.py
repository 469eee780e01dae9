"""Whether a source has brought today's listing, and if not, why. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from newsletter.excerpt import cut_at_word

PARTIAL_BELOW = 0.3  # of the usual size
NAMED = 5  # sources in one list, before the rest is counted
FAMILIES = ("arXiv", "Hugging Face")
AND_MORE = re.compile(r" and \d+ more$")
LONGEST_BRIEF = 20  # characters of the names in a brief line


class Freshness(StrEnum):
    FRESH = "fresh"
    PARTIAL = "partial"  # brought, and far smaller than usual
    AWAITED = "awaited"  # expected, not there yet
    WEEKEND = "weekend"  # nothing is listed on this day
    EMPTY = "nothing listed"  # a weekday, and the source answers that it lists nothing
    HOLIDAY = "holiday"  # nothing is listed by any source of its group: only the whole line can tell
    STALE = "stale"  # answers, with listings older than a day
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Health:
    """The recorded facts about one source that its freshness follows from."""

    name: str
    fresh_on: date | None
    listing_size: int
    usual_size: float
    answered_at: datetime | None
    is_empty: bool  # the last answer was a valid listing of nothing
    failure_count: int
    # True where a day's list is complete only when the day is over: an issue then holds the list of the day before
    lists_afterwards: bool = False
    # sources that list nothing on the same holidays, such as the categories of arXiv
    group: str = ""


def freshness_of(source: Health, day: date, now: datetime) -> Freshness:
    """Return the freshness of `source` for the issue of `day`, as of `now`."""
    expected_on = weekday_before(day) if source.lists_afterwards else day
    if source.fresh_on is not None and source.fresh_on >= expected_on:
        is_partial = source.listing_size < PARTIAL_BELOW * source.usual_size
        return Freshness.PARTIAL if is_partial else Freshness.FRESH
    if source.failure_count:
        return Freshness.FAILING
    if day.weekday() >= 5:
        return Freshness.WEEKEND
    has_answered = source.answered_at is not None and source.answered_at.date() >= day
    # An empty list of today says nothing about yesterday's, which is the one expected here.
    if source.is_empty and has_answered and not source.lists_afterwards:
        return Freshness.EMPTY
    if source.fresh_on is None or weekdays_between(source.fresh_on, expected_on) <= 1:
        return Freshness.AWAITED
    return Freshness.STALE


def weekday_before(day: date) -> date:
    return day - timedelta(days={0: 3, 6: 2}.get(day.weekday(), 1))


def weekdays_between(earlier: date, later: date) -> int:
    """Count the weekdays after `earlier` up to and including `later`."""
    days = (earlier + timedelta(days=n) for n in range(1, (later - earlier).days + 1))
    return sum(day.weekday() < 5 for day in days)


def listings_line(sources: Iterable[Health], day: date, now: datetime) -> str:
    """Return one line that names the listings in the issue of `day`, and the missing ones."""
    by_day: dict[date, list[str]] = {}
    lacking: dict[Freshness, list[str]] = {}
    for source, state in mark_holidays([(source, freshness_of(source, day, now)) for source in sources]):
        if source.fresh_on is not None:
            by_day.setdefault(source.fresh_on, []).append(short_name(source))
        if state not in {Freshness.FRESH, Freshness.WEEKEND}:
            lacking.setdefault(state, []).append(short_name(source))
    held = [f"{join_names(names)} of {held_on:%-d %B}" for held_on, names in sorted(by_day.items(), reverse=True)]
    gaps = [f"{state.value}: {join_names(names)}" for state, names in lacking.items()]
    return "; ".join([*(held or ["no listing"]), *gaps])


def brief_listings(line: str) -> str:
    """Return a line of `listings_line` as short as a phone is wide.

    >>> brief_listings("Hugging Face daily papers of 4 May; arXiv cs.CL, arXiv cs.CV, arXiv cs.RO and 2 more of 1 May")
    'From Hugging Face and arXiv, up to 4 May'
    """
    held = [part.rpartition(" of ") for part in line.split("; ") if " of " in part]
    if not held:
        return ""
    names = list(dict.fromkeys(family(name) for part, _, _ in held for name in AND_MORE.sub("", part).split(", ")))
    day, _, month = held[0][2].partition(" ")
    return f"From {few_names(names)}, {'up to ' * (len(held) > 1)}{day} {month[:3]}"


def few_names(names: Sequence[str]) -> str:
    """Return “A and B”, or “A and more” where the names are long."""
    shown = list(names)
    while len(shown) > 1 and len("".join(shown)) > LONGEST_BRIEF:
        shown.pop()
    hidden = ["more"] if len(shown) < len(names) else []
    *first, last = [cut_at_word(name, LONGEST_BRIEF) for name in shown] + hidden
    return " and ".join(filter(None, [", ".join(first), last]))


def family(name: str) -> str:
    """Return the name under which readers know a source: “arXiv” of “arXiv cs.CL”."""
    return next((known for known in FAMILIES if name.startswith(known)), name)


def mark_holidays(states: list[tuple[Health, Freshness]]) -> list[tuple[Health, Freshness]]:
    """Replace EMPTY by HOLIDAY where every source of a group of several lists nothing."""
    groups: dict[str, list[Freshness]] = {}
    for source, state in states:
        groups.setdefault(source.group, []).append(state)
    holidays = {name for name, found in groups.items() if name and len(found) > 1 and set(found) == {Freshness.EMPTY}}
    return [(source, Freshness.HOLIDAY if source.group in holidays else state) for source, state in states]


def short_name(source: Health) -> str:
    """Return “arXiv cs.CL” of “arXiv cs.CL (language)”."""
    return source.name.partition(" (")[0]


def join_names(names: list[str]) -> str:
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"

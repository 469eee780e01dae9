"""What stands above the papers of a mail: which days it covers, a welcome, and why it falls back. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from digests.models import Digest
from digests.providers.interface import SEAM
from newsletter.excerpt import wrapped

WEEK = timedelta(days=7)
WELCOME = "Welcome"
# Around the reader's rhythm; short enough for a line of plain text each.
FROM_NOW_ON = "From now on your digests come"
IF_NEW = ", if there is anything new."
KEEPS = "Your next digests keep to your settings."
FALLBACK_LEADS = {
    Digest.FallbackReason.NO_CHOICE: (
        "You have chosen no topics, words or authors yet, so here are the best papers of the newest issue. "
        "Choose some with “Your settings” below, and your next digests keep to them."
    ),
    Digest.FallbackReason.NO_PAPER: (
        "None of the last days’ papers matches what you chose, "
        f"so here are the best papers of the newest issue. {KEEPS}"
    ),
    Digest.FallbackReason.MUTED: (
        "Each paper that matches what you chose has a word or an author that you mute, "
        f"so here are the best of the others. {KEEPS}"
    ),
    Digest.FallbackReason.LOW_SCORE: (
        "No paper that matches what you chose reaches your minimum score, "
        f"so here are the best papers of the newest issue. {KEEPS}"
    ),
    Digest.FallbackReason.WEAK: (
        f"The last days’ papers fit your topics only loosely, so here are the best papers of the newest issue. {KEEPS}"
    ),
}


class Masthead(NamedTuple):
    """The heading, what follows it before the papers, and the days it covers if they are several."""

    heading: str
    lead: str = ""
    is_welcome: bool = False
    covers: str = ""


@lru_cache(maxsize=100)
def masthead_of(kind: str, first_day: date | None, last_day: date, lead: str = "") -> Masthead:
    if kind == Digest.Kind.WELCOME:
        return Masthead(WELCOME, lead, is_welcome=True)
    if first_day is None:
        return Masthead(day_words(last_day), lead)
    is_week = kind == Digest.Kind.WEEK and last_day - first_day < WEEK
    covers = f"Week of {range_words(first_day, last_day)}" if is_week else range_words(first_day, last_day)
    return Masthead(covers, lead, covers=covers)


def fallback_lead(reason: str) -> str:
    """Return why a digest falls back; digests from before reasons were stored have none."""
    return FALLBACK_LEADS[Digest.FallbackReason(reason or Digest.FallbackReason.NO_PAPER)]


def day_words(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def range_words(first: date, last: date) -> str:
    """Return “4 to 8 May” or “27 April to 1 May”."""
    month = "" if (first.year, first.month) == (last.year, last.month) else f" {first:%B}"
    return f"{first.day}{month} to {last.day} {last:%B}"


def html_lead(masthead: Masthead) -> Sequence[str]:
    """Return the lead in HTML as names of slots, each before a text."""
    if not masthead.is_welcome:
        return SEAM, masthead.lead
    return SEAM, f"{FROM_NOW_ON} ", "rhythm_html", f"{IF_NEW} {masthead.lead}".rstrip()


def text_lead(masthead: Masthead) -> Sequence[str]:
    """Return the lead of the text part as names of slots, each before a text, in short lines."""
    lead = wrap_lead(masthead.lead)
    return (SEAM, f"{FROM_NOW_ON}\n", "rhythm_text", f"{IF_NEW}\n\n{lead}") if masthead.is_welcome else (SEAM, lead)


@lru_cache(maxsize=8)
def wrap_lead(lead: str) -> str:
    return f"{wrapped(lead)}\n\n" if lead else ""

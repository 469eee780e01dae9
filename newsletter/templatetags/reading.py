"""Filters that make values readable: names in a line, a summary of two lines, text for a plain mail."""

import re
import textwrap
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django import template

register = template.Library()

NAMED_AUTHORS = 3  # a paper of one more is shortened to two names and a number
BRIEF = 145  # characters of two lines of a mail 600 px wide
LINE = 72  # characters of a line of plain mail
SENTENCE_END = re.compile(r"[.!?][)”\"’']?(?=\s+[A-Z0-9(“\"])")
ABBREVIATION = re.compile(r"(?:\b(?:al|approx|cf|Dr|eq|etc|Fig|No|resp|Sec|St|vs)|\b\w|\.\w)\.$")


@register.filter
def author_line(authors: Sequence[str]) -> str:
    """Return the authors in one line.

    >>> author_line(["Ana", "Bo", "Cem"]), author_line(["Ana", "Bo", "Cem", "Dai"])
    ('Ana, Bo and Cem', 'Ana, Bo and 2 more')
    """
    names = list(authors)
    if len(names) > NAMED_AUTHORS:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


@register.filter
def brief(text: str, length: int = BRIEF) -> str:
    """Return the beginning of `text` in at most `length` characters, cut behind a sentence, or at a word with “…”."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    ends = [end.end() for end in SENTENCE_END.finditer(text, 0, length + 1) if is_sentence(text[: end.end()])]
    if ends and ends[-1] > length // 2:
        return text[: ends[-1]]
    return cut_at_word(text, length)


@register.filter
def cut_at_word(text: str, length: int) -> str:
    """Return the beginning of `text` in at most `length` characters, cut at a word with “…”."""
    if len(text) <= length:
        return text
    cut = text[:length].rpartition(" ")[0] or text[: length - 1]
    return cut.rstrip(" ,;:·–—-") + "…"


@register.filter
def brief_lines(text: str, width: int) -> str:
    """Return the beginning of `text`, as `brief` does, that fills two lines of `width` at most."""
    lengths = range(2 * width, width - 1, -1)
    return next((short for length in lengths if fits(short := brief(text, length), width)), brief(text, width))


def fits(text: str, width: int) -> bool:
    return len(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) <= 2


def is_sentence(text: str) -> bool:
    return not ABBREVIATION.search(text)


@register.filter
def unbroken(text: str) -> str:
    """Return `text` with each number held to the word behind it."""
    return re.sub(r"(?<=\d) (?=\w)", "\u00a0", text)


@register.filter
def wrapped(text: str, indent: int = 0) -> str:
    """Return `text` in lines for a plain mail, those behind the first indented by `indent`; no word is broken."""
    lines = textwrap.wrap(text, LINE, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


@register.filter
def paragraphs(text: str) -> str:
    """Return `text` wrapped for a plain mail, its paragraphs kept apart."""
    return "\n\n".join(wrapped(part) for part in re.split(r"\n\s*\n", text.strip()))


@register.filter
def zone_words(zone: ZoneInfo | str) -> str:
    """Return how people call the time of a zone.

    >>> zone_words("America/New_York"), zone_words("UTC")
    ('New York time', 'UTC')
    """
    area, _, city = str(zone).rpartition("/")
    return f"{city.replace('_', ' ')} time" if area and area != "Etc" else city

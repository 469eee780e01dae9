"""Template filters and tags for readable text: author lines, short summaries, plain-text mail."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django import template

from newsletter import excerpt

register = template.Library()

NAMED_AUTHORS = 3  # a paper of one more is shortened to two names and a number

for cut in (excerpt.brief, excerpt.cut_at_word, excerpt.brief_lines, excerpt.wrapped):
    register.filter(cut.__name__, cut)


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


@register.simple_tag
def machine_summary_mark() -> str:
    """Return the words that stand after every machine summary."""
    return "(summary by a machine, from Hugging Face)"


@register.filter
def unbroken(text: str) -> str:
    """Return `text` with a no-break space between each number and the word after it."""
    return re.sub(r"(?<=\d) (?=\w)", "\u00a0", text)


@register.filter
def paragraphs(text: str) -> str:
    """Wrap each paragraph of `text` for a plain-text mail."""
    return "\n\n".join(excerpt.wrapped(part) for part in re.split(r"\n\s*\n", text.strip()))


@register.filter
def zone_words(zone: ZoneInfo | str) -> str:
    """Return the everyday name of a time zone.

    >>> zone_words("America/New_York"), zone_words("UTC")
    ('New York time', 'UTC')
    """
    area, _, city = str(zone).rpartition("/")
    return f"{city.replace('_', ' ')} time" if area and area != "Etc" else city

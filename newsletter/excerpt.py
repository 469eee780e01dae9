"""Cuts and wraps text for small places: two lines of a summary, the lines of a plain-text mail."""

import re
import textwrap

BRIEF = 145  # characters of two lines of a mail 600 px wide
LINE = 72  # characters of a line of plain mail
SENTENCE_END = re.compile(r"[.!?][)”\"’']?(?=\s+[A-Z0-9(“\"])")
ABBREVIATION = re.compile(r"(?:\b(?:al|approx|cf|Dr|eq|etc|Fig|No|resp|Sec|St|vs)|\b\w|\.\w)\.$")


def brief(text: str, length: int = BRIEF) -> str:
    """Return the start of `text`, at most `length` characters, cut after a sentence, or after a word with “…”."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    ends = [end.end() for end in SENTENCE_END.finditer(text, 0, length + 1) if is_sentence(text[: end.end()])]
    if ends and ends[-1] > length // 2:
        return text[: ends[-1]]
    return cut_at_word(text, length)


def cut_at_word(text: str, length: int) -> str:
    """Return the start of `text`, at most `length` characters, cut after a word with “…”.

    Text whose last space lies far ahead of the limit, as in Chinese or Japanese, is cut at a character.
    """
    if len(text) <= length:
        return text
    cut = text[:length].rpartition(" ")[0]
    if len(cut) < length // 2:
        cut = text[: length - 1]
    return cut.rstrip(" ,;:·–—-") + "…"


def brief_lines(text: str, width: int) -> str:
    """Return the start of `text`, cut as `brief` does, that fills at most two lines of `width` characters."""
    lengths = range(2 * width, width - 1, -1)
    return next((short for length in lengths if fits(short := brief(text, length), width)), brief(text, width))


def fits(text: str, width: int) -> bool:
    return len(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) <= 2


def is_sentence(text: str) -> bool:
    return not ABBREVIATION.search(text)


def wrapped(text: str, indent: int = 0) -> str:
    """Wrap `text` for a plain-text mail, indenting all lines but the first by `indent`; words stay whole."""
    lines = textwrap.wrap(text, LINE, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)

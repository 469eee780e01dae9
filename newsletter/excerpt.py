"""Cuts and wraps text for small places: two lines of a summary, the lines of a plain-text mail."""

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby

import wcwidth

BRIEF = 145  # characters of two lines of a mail 600 px wide
LINE = 72  # columns of a line of plain mail; a Chinese, Japanese or Korean character takes two
SPACES = re.compile(r"([\t-\r ]+)")  # not the no-break space
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
    return "\n".join(wrap_lines(text, " " * indent))


def wrap_lines(text: str, behind: str = "") -> list[str]:
    """Return `text` in lines of 72 columns, all but the first with `behind` before them.

    Words stay whole, and so do links; words too long for a line are cut beside characters of two columns.
    """
    if text.isascii():
        return textwrap.wrap(text, LINE, subsequent_indent=behind, break_long_words=False, break_on_hyphens=False)
    lines = [""]
    gap = ""
    for word in SPACES.split(text):
        if word.isspace():
            gap = " " * len(word)
            continue
        for piece in [word] if columns(word) <= LINE - len(behind) else pieces_of(word):
            if lines[-1].strip() and columns(lines[-1] + gap + piece) > LINE:
                lines.append(behind + piece)
            else:
                lines[-1] += gap + piece
            gap = ""
    return [line for line in lines if line]


def pieces_of(word: str) -> Iterator[str]:
    """Yield each character of two columns by itself, and what lies between them, such as a link, as a whole."""
    for is_wide, letters in groupby(wcwidth.iter_graphemes(word), lambda letter: columns(letter) == 2):
        if is_wide:
            yield from letters
        else:
            yield "".join(letters)


def columns(text: str) -> int:
    return wcwidth.width(text, control_codes="ignore")

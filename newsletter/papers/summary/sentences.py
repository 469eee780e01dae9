"""Take a text apart into sentences."""

import re

MAX_READ = 5_000  # characters of an abstract; arXiv takes 1,920
NEAR = 200  # characters in which a bracket that is open is expected to close

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_END = re.compile(
    r"[.!?](?:[)\]”\"’']*\s+(?=[\"“‘(\[]?(?:[A-Z0-9À-ÞΑ-Ω]|[a-z]+[A-Z]))"
    # No space behind the full stop, as some sources serve it.
    r"|(?<=[a-z)]\.)(?=(?:We|This|These|The|To|Our|However|In this)[ ,]))"
)
_STARTER = re.compile(r"(?:We|In|This|These|The|To|Our|It|However|Here|Then)\b")
_NEVER_LAST = re.compile(
    r"\b(?:[Ee]\.?g|[Ii]\.?e|cf|vs?|Figs?|Eqs?|Secs?|Tabs?|Refs?|Algs?|Thm|Dr|Prof|Mrs?|Ms|St|approx|viz)\.$"
)
# These, and initials, may end a sentence, but only before a word that usually starts one.
_SELDOM_LAST = re.compile(r"(?:\b(?:al|etc|resp|Inc|Ltd|Jr|No|Co|w\.r\.t)|(?<![\w'’-])[A-Za-z]|\.[A-Za-z])\.$")
_LONGEST_ABBREVIATION = 8
# Ideographs, kana and hangul.
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def one_line(text: str) -> str:
    """Return the first 5,000 characters of `text` with whitespace folded and without controls and bidi marks."""
    return " ".join(_CONTROL.sub(" ", text[:MAX_READ]).split())


def is_east_asian(text: str) -> bool:
    """Say whether more than a fifth of `text` is Chinese, Japanese or Korean, where a space may be far."""
    return not text.isascii() and 5 * len(_EAST_ASIAN.findall(text)) > len(text)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text` (one line) in their order; no character but spaces between them is lost.

    Abbreviations, initials and decimals end none, nor does a full stop inside brackets.

    >>> split_sentences("Tiles (cf. Fig. 2) are 2.5 km wide, e.g. Paris by J. Doe et al. We use GPT-4. It helps.")
    ['Tiles (cf. Fig. 2) are 2.5 km wide, e.g. Paris by J. Doe et al.', 'We use GPT-4.', 'It helps.']
    """
    sentences, start = [], 0
    for end in _END.finditer(text):
        if _is_end(text, start, end):
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def _is_end(text: str, start: int, end: re.Match[str]) -> bool:
    if text[end.start()] == "." and _is_abbreviation(text, start, end):
        return False
    return not any(
        text.count(opening, start, end.end()) > text.count(closing, start, end.end())
        and _closes_soon(text, end.end(), opening, closing)
        for opening, closing in ("()", "[]")
    )


def _is_abbreviation(text: str, start: int, end: re.Match[str]) -> bool:
    tail = text[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start() + 1]
    if _NEVER_LAST.search(tail):
        return True
    return bool(_SELDOM_LAST.search(tail)) and not _STARTER.match(text, end.end())


def _closes_soon(text: str, start: int, opening: str, closing: str) -> bool:
    """Say whether a bracket closes before another opens."""
    end = text.find(closing, start, start + NEAR)
    return end >= 0 and text.find(opening, start, end) < 0

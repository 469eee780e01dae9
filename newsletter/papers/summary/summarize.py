"""Summarise a paper in two lines: the sentence of its abstract that says what the paper does."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from newsletter.papers.summary.clauses import LIMIT, SHORTEST, cut_at_character, cut_at_clause, cut_at_word, shorten
from newsletter.papers.summary.repairs import repair, with_name
from newsletter.papers.summary.sentences import MAX_READ, is_east_asian, one_line, split_sentences
from newsletter.papers.summary.statements import is_aside, strip_heading, strip_opening

WEIGHTS = Path(__file__).with_name("weights.json")
# Cut at a clause, a sentence that begins so would be cut before it says anything.
_SUBORDINATE = re.compile(r"(?:While|Although|Though|Despite|Whereas|Even though|Because|Since|If|When) ")
# What has a round bracket without a partner by right.
_HALF_OPEN = re.compile(r"\[[^\[\]()]{1,20}\)|\([^\[\]()]{1,20}\]|(?<![\w(])(?:\w|i{1,3}|iv)\)")
_FINDING = re.compile(
    r"(?:[A-Z]\w+ )?(?:[Ee]xperiments|[Rr]esults|[Ss]imulations|[Ee]valuations?)\b[^.;:]{0,60}? "
    r"(?:show|demonstrate|reveal|indicate|confirm)s? that "
)
_MACROS = re.compile(r"\b([a-z]{3,})[A-Z], ?\1[A-Z]\b")
ENOUGH = 60  # characters; a statement of less is taken only where no other is
MUCH_OF_THE_TITLE = 0.35
LITTLE = 90  # characters; a statement of less is given the sentence behind it
_GOES_ON = re.compile(
    r"(?!(?:We|Our|Codes?|Data|However|But|Yet|Experiments|Results)\b)[A-Z](?!.*(?:https?://|\bavailable\b))"
)


class Statement(NamedTuple):
    """Hold what a summary may be, a stating sentence shortened, and its features: name to value."""

    text: str
    features: Mapping[str, float]
    is_aside: bool = False  # it adds to a statement before it


def summarize(abstract: str, title: str = "") -> str:
    """Return the sentence of `abstract` that states what the paper does, in at most 200 characters.

    Its opening ("To address this, ") is left out; the rest is the authors' words. A sentence that is too long ends
    behind a clause, with "…". Where no sentence states anything, the result is the beginning of the abstract; an empty
    abstract gives "". Both arguments are plain text, without TeX or tags. Never raises.

    >>> summarize("Maps age fast. To address this, we propose to redraw them each night.")
    'We propose to redraw them each night.'
    """
    return summarize_by(_shipped_weights(), abstract, title)


def summarize_by(weights: Mapping[str, float], abstract: str, title: str) -> str:
    """Return what `summarize` does, statements being compared by these weights of their features."""
    text = one_line(with_name(repair(one_line(abstract)), title))
    if is_east_asian(text):
        return cut_at_character(text)
    candidates = list(statements(text, title))
    for is_good in (_is_long_enough, _has_all_brackets, _has_no_macros, _comes_first):
        candidates = list(filter(is_good, candidates)) or candidates
    best = max(candidates, key=lambda candidate: score(candidate, weights), default=None)
    return best.text if best else _finding(text) or _beginning(text)


def _is_long_enough(statement: Statement) -> bool:
    return len(statement.text) >= ENOUGH


def _has_no_macros(statement: Statement) -> bool:
    """Say whether the statement is without names as "stratG,stratH", which a source left unresolved."""
    return not _MACROS.search(statement.text)


def _comes_first(statement: Statement) -> bool:
    """Say whether the statement is no mere addition to one before it, or of what the title speaks of."""
    features = statement.features
    return not statement.is_aside or features["has name"] > 0 or features["part of the title"] >= MUCH_OF_THE_TITLE


def _has_all_brackets(statement: Statement) -> bool:
    """Say whether round brackets close as often as they open, but for intervals as [0, 1) and steps as 1)."""
    text = _HALF_OPEN.sub("", statement.text)
    return text.count("(") == text.count(")")


def first_lines(text: str) -> str:
    """Return the beginning of a summary in two lines, at most 200 characters: whole sentences, a clause or words."""
    text = one_line(repair(one_line(text)))
    return cut_at_character(text) if is_east_asian(text) else _beginning(text)


@cache
def _shipped_weights() -> Mapping[str, float]:
    weights: dict[str, float] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return weights


def statements(text: str, title: str) -> Iterator[Statement]:
    """Yield what each stating sentence of `text` (one line) becomes, in their order."""
    sentences = split_sentences(text)
    paper = _Paper.of(text, title)
    for place, sentence in enumerate(sentences):
        whole = strip_opening(sentence, paper.name)
        if len(short := shorten(whole)) >= SHORTEST:
            if short == whole:
                short = _with_next(short, sentences[place + 1 : place + 2])
            features = {**_cues(whole), **_measures(short, paper), **_places(place, len(sentences))}
            yield Statement(short, features, is_aside(sentence))


def _with_next(statement: str, following: Sequence[str]) -> str:
    """Return a statement that says little together with the sentence behind it, where both fit."""
    if len(statement) >= LITTLE or not following or not _GOES_ON.match(following[0]) or is_aside(following[0]):
        return statement
    both = f"{statement} {following[0]}"
    return both if len(both) <= LIMIT and shorten(following[0]) == following[0] else statement


def score(statement: Statement, weights: Mapping[str, float]) -> float:
    """Return how well the statement is expected to do; only statements of one abstract may be compared by it."""
    return sum(value * weights.get(name, 0.0) for name, value in statement.features.items())


def _finding(text: str) -> str:
    """Return the first sentence of `text` that tells what experiments show; "" where none does."""
    found = (shorten(sentence) for sentence in split_sentences(text) if _FINDING.match(sentence))
    return next((short for short in found if len(short) >= ENOUGH), "")


def _beginning(text: str) -> str:
    """Return the first sentences of `text` that fit, else its beginning, cut at a clause or at a word."""
    kept, text = "", strip_heading(text)
    for sentence in split_sentences(text):
        if len(kept) + 1 + len(sentence) > LIMIT:
            break
        kept = f"{kept} {sentence}".lstrip()
    if kept or _SUBORDINATE.match(text):
        return kept or cut_at_word(text)
    return (cut_at_clause(text, LIMIT - 1) if len(text) > LIMIT else "") or cut_at_word(text)


# Features

_WORD = re.compile(r"[^\W_]+")
_STOP = (
    "a an and are as at be been between but by can for from has have in into is it its not of on or our such than "
    "that the their they this through to via we which while with"
)
_STOP_WORDS = frozenset(_STOP.split())
_FIGURE = re.compile(r"\d%|\d\.\d|\d×")
_LAST_PLACE = 9  # sentences behind the tenth count as the tenth


class _Paper(NamedTuple):
    """Hold how often the abstract has each word, the words of the title, and what stands before its colon."""

    counts: Counter[str]
    title: frozenset[str]
    name: str

    @classmethod
    def of(cls, text: str, title: str) -> "_Paper":
        name, colon, _ = title[:LIMIT].partition(":")
        counts = Counter(_WORD.findall(text.lower()))
        return cls(counts, frozenset(_content(title[:MAX_READ])), name.strip() if colon else "")


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]


def _cues(whole: str) -> dict[str, float]:
    """Return the features that tell how a statement starts: "We propose", "This paper"."""
    first, second, third = [*whole[:LIMIT].lower().split(" ", 3), "", ""][:3]
    names = (f"first {first}", f"second {second}", f"third {third}", f"starts {first} {second} {third}")
    return {**dict.fromkeys(names, 1.0), "whole length": min(len(whole), 2 * LIMIT) / LIMIT}


def _measures(short: str, paper: _Paper) -> dict[str, float]:
    content = set(_content(short))
    size = max(1, len(content))
    of_title = len(content & paper.title)
    counts = [paper.counts[word] for word in content]
    return {
        "length": len(short) / LIMIT,
        "is short": float(len(short) < LIMIT / 2),
        "is cut": float(short.endswith("…")),
        "part of the title": of_title / max(1, len(paper.title)),
        "title in it": of_title / size,
        "has name": float(bool(paper.name) and paper.name in short),
        "said again": (sum(counts) - size) / size / 3,
        "words said again": sum(count > 1 for count in counts) / 20,
        "has figures": float(bool(_FIGURE.search(short))),
    }


def _places(place: int, count: int) -> dict[str, float]:
    return {f"place {min(place, _LAST_PLACE)}": 1.0, "how far": place / count, "is last": float(place == count - 1)}

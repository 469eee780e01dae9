"""Read papers recorded with a summary, and tell how near another summary comes to it."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Words that say nothing of a paper; forty.
_STOP = (
    "a an and are as at be been between but by can for from has have in into is it its not of on or our such than "
    "that the their they this through to via we which while with"
)
STOP_WORDS = frozenset(_STOP.split())
_WORD = re.compile(r"[^\W_]+")


class Recorded(NamedTuple):
    """Hold a recorded paper and the summary recorded with it."""

    id: str
    title: str
    abstract: str
    reference: str


def rouge1_f(text: str, reference: str) -> float:
    """Return ROUGE-1 F of two texts, 0 to 1: the words and figures they share, counted as often as both have them.

    >>> rouge1_f("We propose Atlas, a map tool.", "Atlas is a tool.")
    0.6666666666666666
    """
    ours, theirs = _counted(text), _counted(reference)
    size = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / size if size else 0.0


def _counted(text: str) -> Counter[str]:
    return Counter(word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS)


def read_recorded(folder: Path) -> list[Recorded]:
    """Return the papers of the daily lists that have a summary, each once, ordered by id."""
    papers: dict[str, Recorded] = {}
    for path in sorted(folder.glob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8")):
            paper = {**entry, **entry.get("paper", {})}
            if paper.get("ai_summary"):
                papers.setdefault(paper["id"], _recorded(paper))
    return [papers[id] for id in sorted(papers)]


def _recorded(paper: Mapping[str, str]) -> Recorded:
    texts = (" ".join(paper[name].split()) for name in ("title", "summary", "ai_summary"))
    return Recorded(paper["id"], *texts)

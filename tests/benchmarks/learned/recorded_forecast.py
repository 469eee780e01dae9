"""The recorded papers and what came of them, as the forecast learns from them and is judged on them."""

import gzip
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from newsletter.papers.forecast import training
from newsletter.papers.forecast.features import PaperText
from newsletter.papers.forecast.model import ForecastModel
from newsletter.papers.forecast.training import Example
from newsletter.papers.text.cleaning import clean
from tests.benchmarks.recordings import ARXIV, HF_DAILY

TRAINED_BEFORE = date(2026, 5, 1)
JUDGED = date(2026, 5, 4), date(2026, 5, 22)
LISTS_UP_TO = date(2026, 5, 29)

Outcomes = dict[str, tuple[date, int]]


class Recorded(NamedTuple):
    """An arXiv paper, and what came of it by LISTS_UP_TO."""

    id: str
    example: Example


def recorded_papers() -> list[Recorded]:
    """Return arXiv's papers in the order they were listed, as they are stored."""
    came = came_to_list()
    with gzip.open(ARXIV, "rt", encoding="utf-8") as lines:
        return [recorded(json.loads(line), came) for line in lines]


def recorded(row: dict[str, str | list[str]], came: Outcomes) -> Recorded:
    paper_id = str(row["id"])
    title, abstract = clean(str(row["title"])), clean(str(row["abstract"]))
    text = PaperText(title, abstract, tuple(row["categories"]), len(row["authors"]))
    voted_on, votes = came.get(paper_id, (None, 0))
    return Recorded(paper_id, Example(text, date.fromisoformat(str(row["date"])), voted_on, votes))


def came_to_list() -> Outcomes:
    """Return for each paper of the daily lists the first day it was listed on, and its most votes."""
    came: Outcomes = {}
    for path in sorted(HF_DAILY.glob("20*.json")):
        day = date.fromisoformat(path.stem)
        for item in json.loads(path.read_text("utf-8")) if day <= LISTS_UP_TO else ():
            paper = item["paper"]
            first_day, votes = came.get(paper["id"], (day, 0))
            came[paper["id"]] = first_day, max(votes, paper.get("upvotes") or 0)
    return came


def split_model(papers: Iterable[Recorded]) -> ForecastModel:
    """Train on what was known the night before TRAINED_BEFORE."""
    before = (paper.example for paper in papers if paper.example.listed_on < TRAINED_BEFORE)
    return training.train(training.forget_later_votes(example, TRAINED_BEFORE) for example in before)


def judged(papers: Iterable[Recorded]) -> list[Recorded]:
    """Keep the papers of the judged days that were not on the list by the end of their listing day."""
    first, last = JUDGED
    return [paper for paper in papers if paper.example.is_open and first <= paper.example.listed_on <= last]


def with_outcome(papers: Iterable[Recorded]) -> list[Recorded]:
    """Leave out the papers that were listed after the last recorded list: nobody knows what came of them."""
    return [paper for paper in papers if paper.example.listed_on <= LISTS_UP_TO]


def lines_of(papers: Iterable[Recorded]) -> Iterator[str]:
    """Yield the lines that the training process reads."""
    for _, (text, listed_on, voted_on, votes) in papers:
        when = {"listed_on": listed_on.isoformat(), "voted_on": voted_on and voted_on.isoformat()}
        yield json.dumps(text._asdict() | when | {"votes": votes}) + "\n"

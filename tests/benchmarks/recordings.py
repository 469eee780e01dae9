"""The recorded papers beside the project, where they are at hand."""

import csv
import gzip
import json
from collections.abc import Iterator
from typing import NamedTuple

from newsletter.papers.text.cleaning import clean
from tests.flows.replay import SERVER, SHARED

ARXIV = SHARED / "data" / "arxiv" / "listings.jsonl.gz"
HF_DAILY = SHARED / "data" / "hf_daily"


class Recorded(NamedTuple):
    id: str
    day: str
    title: str
    abstract: str
    categories: tuple[str, ...]


def are_at_hand() -> bool:
    return SERVER.is_file() and ARXIV.is_file() and HF_DAILY.is_dir()


def arxiv_papers() -> Iterator[Recorded]:
    """Yield arXiv's papers as they were listed."""
    with gzip.open(ARXIV, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield Recorded(row["id"], row["date"], row["title"], row["abstract"], tuple(row["categories"]))


def hugging_face_papers() -> Iterator[Recorded]:
    """Yield the papers of the daily lists, a paper as often as it was listed, with arXiv's categories."""
    with (HF_DAILY / "arxiv_categories.csv").open(encoding="utf-8", newline="") as table:
        categories = {row["id"]: tuple(row["categories"].split()) for row in csv.DictReader(table)}
    for path in sorted(HF_DAILY.glob("20*.json")):
        for item in json.loads(path.read_text("utf-8")):
            paper = item["paper"]
            found = categories.get(paper["id"], ())
            yield Recorded(paper["id"], path.stem, paper["title"], paper.get("summary") or "", found)


def cleaned(paper: Recorded) -> Recorded:
    """Return the paper with its text as it is stored."""
    return paper._replace(title=clean(paper.title), abstract=clean(paper.abstract))


def days_of(papers: Iterator[Recorded]) -> list[str]:
    return sorted({paper.day for paper in papers})

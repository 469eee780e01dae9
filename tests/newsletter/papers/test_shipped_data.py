import csv
import gzip
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import resources
from statistics import median
from typing import Any, NamedTuple

import pytest

from newsletter.papers.topic_fit import shipped_fields
from newsletter.papers.topics.phrase_matching import Matcher, compile_topics, normalise, split_words
from tests.benchmarks.papers.topic_evaluation import CATEGORIES_OF_TOPIC, Judged, f1_by_topic, is_held_out, micro_score
from tests.newsletter.papers.topics.topic_rules import rules_from_toml
from tests.recordings import SHARED

RECORDINGS = SHARED / "data"
needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded papers are not here")

ARXIV_ID = re.compile(r"\d{4}\.\d{4,5}")
CATEGORY = re.compile(r"[a-z-]+(\.([A-Za-z-]+|\*))?")


class Recorded(NamedTuple):
    id: str
    title: str
    abstract: str
    categories: tuple[str, ...]


def test_topics_are_about_thirty_with_unique_slugs_and_names() -> None:
    topics = shipped_topics()

    assert 28 <= len(topics) <= 40
    assert max(Counter(topic["slug"] for topic in topics).values()) == 1
    assert max(Counter(topic["name"] for topic in topics).values()) == 1


def test_topics_are_well_formed() -> None:
    for topic in shipped_topics():
        check_topic(topic)


def check_topic(topic: dict[str, Any]) -> None:
    words = [*topic["phrases"], *topic.get("weak_phrases", ())]
    assert set(topic) <= {
        "slug",
        "name",
        "group",
        "description",
        "categories",
        "phrases",
        "weak_phrases",
        "exclusions",
    }
    assert re.fullmatch(r"[a-z0-9-]{2,20}", topic["slug"])
    assert 2 < len(topic["name"]) <= 30
    assert 20 <= len(topic["description"]) <= 90
    assert len(words) == len({tuple(map(normalise, split_words(phrase))) for phrase in words}), topic["slug"]
    assert all(re.fullmatch(r"\w.*\w", phrase) for phrase in words)
    assert all(CATEGORY.fullmatch(category) for category in topic.get("categories", ()))


def test_one_to_one_topics_have_just_their_categories() -> None:
    topics = {topic["slug"]: topic for topic in shipped_topics()}

    assert all(set(topics[slug]["categories"]) == names for slug, names in CATEGORIES_OF_TOPIC.items())


@needs_recordings
def test_categories_are_arxivs_own() -> None:
    known = set(json.loads((RECORDINGS / "arxiv" / "taxonomy.json").read_text("utf-8"))["categories"])
    named = {name for topic in shipped_topics() for name in topic.get("categories", ())}

    assert {name for name in named if not name.endswith(".*")} <= known
    assert all(any(c.startswith(name[:-1]) for c in known) for name in named if name.endswith(".*"))


@needs_recordings
@pytest.mark.parametrize("with_categories", [False, True])
def test_nearly_every_hugging_face_paper_has_a_topic_and_three_at_most_as_a_rule(with_categories: bool) -> None:
    counts = topic_counts(hugging_face_papers(), with_categories)

    assert len(counts) > 2000
    assert share_with_a_topic(counts) >= 0.97
    assert median(counts) <= 3


@needs_recordings
@pytest.mark.parametrize("with_categories", [False, True])
def test_most_arxiv_papers_have_a_topic_and_three_at_most_as_a_rule(with_categories: bool) -> None:
    counts = topic_counts(arxiv_papers(), with_categories)

    assert len(counts) > 24_000
    assert share_with_a_topic(counts) >= 0.90
    assert median(counts) <= 3


@needs_recordings
def test_words_alone_find_the_topics_of_held_out_papers() -> None:
    match = shipped_matcher().match
    held_out = [paper for paper in arxiv_papers() if is_held_out(paper.id)]

    scores = f1_by_topic(Judged(paper.categories, match(paper.title, paper.abstract)) for paper in held_out)

    assert micro_score(scores).f1 >= 0.75
    assert scores["vision"].f1 >= 0.9
    assert scores["language"].f1 >= 0.73
    assert not any(score.has_too_few for score in scores.values())


def test_the_sample_has_forty_papers_in_the_order_of_their_votes() -> None:
    papers = sample_papers()
    votes = [paper["votes"] for paper in papers]

    assert len(papers) == 40
    assert votes == sorted(votes, reverse=True)
    assert len({paper["id"] for paper in papers}) == len({paper["title"] for paper in papers}) == 40


@pytest.mark.parametrize("field", ["votes", "rank"])
def test_the_note_says_what_is_made_up(field: str) -> None:
    assert field in sample()["note"]
    assert "illustrative" in sample()["note"]


def test_sample_papers_are_well_formed() -> None:
    for paper in sample_papers():
        assert ARXIV_ID.fullmatch(paper["id"]), paper
        assert 120 <= len(paper["summary"]) <= 500, paper["id"]
        assert all(author == author.strip() != "" for author in paper["authors"]), paper["id"]
        assert paper["primary_category"] in (paper["categories"][:1] or [""]), paper["id"]
        assert all(url == "" or url.startswith("https://") for url in (paper["code_url"], paper["project_url"]))


def test_sample_papers_were_listed_in_the_month_of_their_id() -> None:
    for paper in sample_papers():
        assert paper["listed_on"][2:7] == f"{paper['id'][:2]}-{paper['id'][2:4]}"


def test_every_sample_paper_has_a_topic_and_many_topics_are_there() -> None:
    match = shipped_matcher().match
    found = [match(paper["title"], paper["summary"], paper["categories"]) for paper in sample_papers()]

    assert all(found)
    assert len({slug for topics in found for slug in topics}) >= 10


def test_the_shipped_topics_stand_in_eight_groups() -> None:
    sizes = Counter(topic["group"] for topic in shipped_topics())
    assert len(sizes) == 8
    assert all(3 <= size <= 8 for size in sizes.values()), sizes


@needs_recordings
def test_no_summary_of_the_sample_is_copied() -> None:
    recorded = json.loads((RECORDINGS / "seed" / "papers_page.json").read_text("utf-8"))["papers"]
    abstracts = {paper["title"]: paper["abstract"] for paper in recorded}

    for paper in sample_papers():
        assert not eight_word_runs(paper["summary"]) & eight_word_runs(abstracts[paper["title"]]), paper["id"]


def shipped(name: str) -> str:
    return resources.files("newsletter.papers").joinpath("data", name).read_text("utf-8")


def shipped_topics() -> list[dict[str, Any]]:
    topics: list[dict[str, Any]] = tomllib.loads(shipped("topics.toml"))["topic"]
    return topics


@cache
def shipped_matcher() -> Matcher:
    return compile_topics(rules_from_toml(shipped("topics.toml")), shipped_fields())


def sample() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(shipped("sample.json"))
    return whole


def sample_papers() -> list[dict[str, Any]]:
    papers: list[dict[str, Any]] = sample()["papers"]
    return papers


@cache
def arxiv_papers() -> list[Recorded]:
    with gzip.open(RECORDINGS / "arxiv" / "listings.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Recorded(row["id"], row["title"], row["abstract"], tuple(row["categories"])) for row in rows]


@cache
def hugging_face_papers() -> list[Recorded]:
    with (RECORDINGS / "hf_daily" / "arxiv_categories.csv").open(encoding="utf-8", newline="") as table:
        categories = {row["id"]: tuple(row["categories"].split()) for row in csv.DictReader(table)}
    days = sorted((RECORDINGS / "hf_daily").glob("20*.json"))
    items = [item["paper"] for day in days for item in json.loads(day.read_text("utf-8"))]
    papers = {item["id"]: item for item in items}
    return [
        Recorded(id_, item["title"], item.get("summary") or "", categories.get(id_, ()))
        for id_, item in papers.items()
    ]


def topic_counts(papers: Iterable[Recorded], with_categories: bool) -> list[int]:
    match = shipped_matcher().match
    return [len(match(paper.title, paper.abstract, paper.categories if with_categories else ())) for paper in papers]


def share_with_a_topic(counts: list[int]) -> float:
    return sum(count > 0 for count in counts) / len(counts)


def eight_word_runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}

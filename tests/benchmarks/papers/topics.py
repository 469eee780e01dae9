"""How fast and how well topics are found."""

import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from newsletter import clock
from newsletter.papers import bulk_rows, data
from newsletter.papers.models import Paper, Topic
from newsletter.papers.topic_fit import shipped_fields
from newsletter.papers.topics import rule_preview
from newsletter.papers.topics.phrase_matching import (
    Match,
    Matcher,
    TopicRule,
    compile_topics,
    split_words,
)
from newsletter.papers.topics.tagging import load_topics
from tests.benchmarks.papers.topic_evaluation import Judged, TopicScore, f1_by_topic, is_held_out, micro_score
from tests.benchmarks.recordings import Recorded, arxiv_papers, cleaned, hugging_face_papers
from tests.benchmarks.registry import Figure, bench, shown
from tests.newsletter.papers.topics.topic_rules import rules_from_toml

TIMED_PAPERS = 6_000
ROUNDS = 3
PREVIEWED_PAPERS = 10_000
AT_ONCE = 5_000
NOW = clock.moment("2026-05-04T05:00")
RECORDED_ARXIV = 24_132
# Words that a phrase may be made of: shorter ones are mostly in every sentence.
MEANINGFUL_LETTERS = 6

JUDGED = Path(__file__).parents[2] / "payloads" / "topics"

MatchPaper = Callable[..., dict[str, Match]]


@bench("tagging", unit="papers/s", target=5_000, needs_recordings=True)
def tagging(scale: float) -> Figure:
    papers, rules = timed_papers(scale), shipped_rules()
    seconds = seconds_to_match(compile_topics(rules, shipped_fields()).match, papers)
    return Figure(
        len(papers) / seconds,
        f"{len(papers):,} arXiv papers by {len(rules)} topics, with whole abstracts and categories; processor time of "
        f"one process, best of {ROUNDS}",
    )


@bench("tagging_x10", unit="times the time", target=3, higher_is_better=False, needs_recordings=True)
def tagging_x10(scale: float) -> Figure:
    papers, rules = timed_papers(scale), shipped_rules()
    many = [*rules, *made_up_rules(rules, papers)]
    once = seconds_to_match(compile_topics(rules, shipped_fields()).match, papers)
    ten_times = seconds_to_match(compile_topics(many, shipped_fields()).match, papers)
    return Figure(
        ten_times / once,
        f"{len(many)} topics: the shipped ones, and nine more of the same shape for each, with phrases drawn from "
        f"the papers’ own words; {len(papers) / ten_times:,.0f} papers/s",
    )


@bench("topics_f1", unit="micro-F1", target=0.75, needs_recordings=True)
def topics_f1(scale: float) -> Figure:
    held_out = (paper for paper in some_arxiv_papers(scale, "topics_f1") if is_held_out(paper.id))
    match = shipped_matcher().match
    scores = f1_by_topic(Judged(paper.categories, match(paper.title, paper.abstract)) for paper in held_out)
    best_first = sorted(scores.items(), key=lambda item: -item[1].f1)
    return Figure(
        micro_score(scores).f1,
        "text only, held-out half: " + ", ".join(f"{slug} {described(score)}" for slug, score in best_first),
    )


@bench("coverage_arxiv", unit="share with a topic", target=0.90, needs_recordings=True)
def coverage_arxiv(scale: float) -> Figure:
    return coverage(some_arxiv_papers(scale, "coverage_arxiv"))


@bench("coverage_hf", unit="share with a topic", target=0.97, needs_recordings=True)
def coverage_hf(scale: float) -> Figure:
    papers = {paper.id: paper for paper in hugging_face_papers()}
    return coverage(cleaned(paper) for paper in shown(list(papers.values()), "coverage_hf"))


@bench("topic_preview", unit="s", target=2, higher_is_better=False)
def topic_preview(scale: float) -> Figure:
    """Work out what an edit of a topic would win and lose among the papers of the last days, as its page does."""
    papers = max(1, round(PREVIEWED_PAPERS * scale))
    load_topics()
    for start in range(0, papers, AT_ONCE):
        bulk_rows.insert([paper_numbered(number) for number in range(start, min(start + AT_ONCE, papers))])
    topic = Topic.objects.get(slug="robotics")
    topic.phrases = ["meshes 3"]
    with clock.at(NOW):
        rounds = [seconds_to_preview(topic) for _ in shown(range(ROUNDS), "topic_preview")]
    return Figure(min(rounds), f"{papers:,} papers with long abstracts; best of {ROUNDS}, worst {max(rounds):.2f} s")


def seconds_to_preview(topic: Topic) -> float:
    started = time.perf_counter()
    change = rule_preview.preview_change(topic)
    seconds = time.perf_counter() - started
    assert change.won_count
    return seconds


def paper_numbered(number: int) -> Paper:
    """Return a paper of the day, one of seven of which the edited topic wins."""
    return Paper(
        key=f"arxiv:2605.{number:05}",
        title=f"On meshes {(number + 3) % 7}",
        abstract="We train a large language model with a diffusion policy on many graphs. " * 18,
        categories=["cs.LG"],
        url=f"https://arxiv.org/abs/2605.{number:05}",
        first_seen_at=NOW,
        listed_on=NOW.date(),
    )


@bench("phrase_precision", unit="share right", target=0.85, needs_recordings=True)
def phrase_precision(scale: float) -> Figure:
    """Measure the topics still given of those that one phrase alone gave, as a reader judged them.

    The value is that of papers drawn and judged after the rule was made; the rule was made with the others.
    """
    names = ("single_phrase", "single_phrase_later", "single_phrase_fresh", "single_phrase_unseen")
    judged = {name: judged_rows(name) for name in names}
    matches = matches_of({row["paper"] for rows in judged.values() for row in rows})
    given = {name: [row for row in rows if row["topic"] in matches[row["paper"]]] for name, rows in judged.items()}
    described = [
        f"{name}: {len(given[name])} of {len(rows)} still given, {share_right(given[name]):.2f} right "
        f"({share_right(rows):.2f} of all judged)"
        for name, rows in judged.items()
    ]
    return Figure(share_right(given["single_phrase_unseen"]), "; ".join(described))


@bench("topics_recall", unit="share found", target=0.86, needs_recordings=True)
def topics_recall(scale: float) -> Figure:
    """Measure how many of the topics that a reader would give to a paper are found."""
    judged = judged_rows("whole")
    matches = matches_of({row["paper"] for row in judged})
    wanted = {(row["paper"], topic) for row in judged for topic in row["topics"]}
    found = {(row["paper"], topic) for row in judged for topic in matches[row["paper"]]}
    right = len(wanted & found)
    return Figure(
        right / len(wanted),
        f"{right} of {len(wanted)} topics of {len(judged)} papers; {right / len(found):.2f} of those given are wanted",
    )


def judged_rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (JUDGED / f"{name}.jsonl").read_text("utf-8").splitlines()]


def share_right(rows: Collection[Mapping[str, Any]]) -> float:
    return sum(row["verdict"] == "right" for row in rows) / len(rows) if rows else 0.0


def matches_of(paper_ids: Collection[str]) -> dict[str, dict[str, Match]]:
    """Return the topics of recorded papers by their arXiv ids."""
    match = shipped_matcher().match
    recorded = {paper.id: paper for papers in (hugging_face_papers(), arxiv_papers()) for paper in papers}
    papers = (cleaned(recorded[paper_id]) for paper_id in paper_ids)
    return {paper.id: match(paper.title, paper.abstract, paper.categories) for paper in papers}


def coverage(papers: Iterable[Recorded]) -> Figure:
    """Return the share of `papers` with a topic, by categories and words, and the same by words alone."""
    match = shipped_matcher().match
    counts = [(len(match(p.title, p.abstract, p.categories)), len(match(p.title, p.abstract))) for p in papers]
    whole, by_words = zip(*counts, strict=True)
    return Figure(
        share_with_a_topic(whole),
        f"{len(counts):,} papers, median {median(whole):g} topics a paper; by words alone "
        f"{share_with_a_topic(by_words):.1%}, median {median(by_words):g}",
    )


def share_with_a_topic(counts: Sequence[int]) -> float:
    return sum(count > 0 for count in counts) / len(counts)


def described(score: TopicScore) -> str:
    few = ", too few" if score.has_too_few else ""
    return f"{score.f1:.2f} ({score.expected_count:,} papers{few})"


def shipped_matcher() -> Matcher:
    return compile_topics(shipped_rules(), shipped_fields())


def shipped_rules() -> tuple[TopicRule, ...]:
    return rules_from_toml(resources.files(data).joinpath("topics.toml").read_text("utf-8"))


def some_arxiv_papers(scale: float, title: str) -> Iterator[Recorded]:
    wanted = max(1, round(RECORDED_ARXIV * scale))
    return map(cleaned, shown(islice(arxiv_papers(), wanted), title, wanted))


def timed_papers(scale: float) -> list[Recorded]:
    """Return papers from all over the recorded days, cleaned as they are when the product tags them."""
    every = max(1, int(RECORDED_ARXIV / TIMED_PAPERS / min(scale, 1)))
    return [cleaned(paper) for paper in islice(arxiv_papers(), 0, None, every)]


def seconds_to_match(match: MatchPaper, papers: list[Recorded]) -> float:
    """Return the least processor time of ROUNDS: other work on the machine does not count."""
    rounds = shown(range(ROUNDS), "matching")
    return min(timed(match, papers) for _ in rounds)


def timed(match: MatchPaper, papers: list[Recorded]) -> float:
    start = time.process_time()
    for paper in papers:
        match(paper.title, paper.abstract, paper.categories)
    return time.process_time() - start


def made_up_rules(rules: Sequence[TopicRule], papers: Sequence[Recorded]) -> Iterator[TopicRule]:
    """Yield nine rules of the shape of each of `rules`; the same ones every time."""
    drawer = PhraseDrawer(papers)
    for number in range(1, 10):
        for rule in rules:
            yield TopicRule(
                f"{rule.slug}-{number}",
                phrases=tuple(map(drawer.like, rule.phrases)),
                weak_phrases=tuple(map(drawer.like, rule.weak_phrases)),
                exclusions=tuple(map(drawer.like, rule.exclusions)),
            )


class PhraseDrawer:
    """Draw phrases from the papers' own words: several words from a sentence, single ones from all that occur.

    A word is as likely as any other, however often it occurs: nobody makes a topic of “results”.
    """

    def __init__(self, papers: Sequence[Recorded]) -> None:
        self.draw = random.Random(20260504)
        self.texts = [words for paper in papers if (words := long_words(paper.abstract))]
        self.words = sorted({word for words in self.texts for word in words})

    def like(self, phrase: str) -> str:
        """Return a phrase of as many words as `phrase` has."""
        count = len(split_words(phrase))
        if count == 1:
            return self.draw.choice(self.words)
        words = self.draw.choice(self.texts)
        start = self.draw.randrange(max(1, len(words) - count + 1))
        return " ".join(words[start : start + count])


def long_words(text: str) -> list[str]:
    return [word for word in split_words(text) if len(word) >= MEANINGFUL_LETTERS]

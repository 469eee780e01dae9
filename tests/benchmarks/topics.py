"""How fast and how well topics are found."""

import time
from collections.abc import Collection, Iterator
from importlib import resources
from itertools import chain, islice
from statistics import median

from newsletter.papers.evaluation import ENOUGH_PAPERS, Judged, TopicScore, f1_by_topic, is_held_out, micro_score
from newsletter.papers.matching import Matcher, TopicRule, compile_topics, rules_from_toml
from tests.benchmarks.recordings import Recorded, arxiv_papers, cleaned, hugging_face_papers
from tests.benchmarks.registry import Figure, bench, shown

TIMED_PAPERS = 6_000
ROUNDS = 3
RSS = 24_132
HF = 2_008


@bench("tagging", unit="papers/s", target=5_000, needs_recordings=True)
def tagging(scale: float) -> Figure:
    papers = timed_papers(scale)
    rules = shipped_rules()
    seconds = seconds_to_match(compile_topics(rules), papers)
    return Figure(
        len(papers) / seconds,
        f"{len(papers):,} arXiv papers, {len(rules)} topics, title, abstract and categories, "
        f"processor time of one process, best of {ROUNDS}",
    )


@bench("tagging_x10", unit="times", target=3, higher_is_better=False, needs_recordings=True)
def tagging_x10(scale: float) -> Figure:
    papers = timed_papers(scale)
    rules = shipped_rules()
    once = seconds_to_match(compile_topics(rules), papers)
    many = [*rules, *chain.from_iterable(map(variation, rules, [number] * len(rules)) for number in range(1, 10))]
    ten_times = seconds_to_match(compile_topics(many), papers)
    return Figure(
        ten_times / once,
        f"{len(many)} topics: the shipped ones, and nine times as many with as many phrases of the papers' own words; "
        f"{len(papers) / ten_times:,.0f} papers/s",
    )

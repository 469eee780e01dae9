"""Measure how well the words of a paper alone find the topics its arXiv categories give."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

# The shipped topics that mean the same as one subject of arXiv: by these a match is right or wrong.
CATEGORIES_OF_TOPIC: Mapping[str, frozenset[str]] = {
    "language": frozenset({"cs.CL"}),
    "vision": frozenset({"cs.CV"}),
    "graphics": frozenset({"cs.GR"}),
    "robotics": frozenset({"cs.RO"}),
    "audio": frozenset({"cs.SD", "eess.AS"}),
    "distributed": frozenset({"cs.DC"}),
    "retrieval": frozenset({"cs.IR"}),
    "security": frozenset({"cs.CR"}),
    "software": frozenset({"cs.SE"}),
}

# A topic with fewer papers than this says nothing about its phrases.
ENOUGH_PAPERS = 30


class Judged(NamedTuple):
    """Hold what arXiv says of a paper and what the matcher made of its words."""

    categories: Collection[str]
    topics: Collection[str]


class TopicScore(NamedTuple):
    """Count a topic's papers: those that are of it, those said to be, and those rightly said to be."""

    expected_count: int
    found_count: int
    right_count: int

    @property
    def precision(self) -> float:
        return self.right_count / self.found_count if self.found_count else 0.0

    @property
    def recall(self) -> float:
        return self.right_count / self.expected_count if self.expected_count else 0.0

    @property
    def f1(self) -> float:
        both = self.expected_count + self.found_count
        return 2 * self.right_count / both if both else 0.0

    @property
    def has_too_few(self) -> bool:
        return self.expected_count < ENOUGH_PAPERS


def f1_by_topic(
    papers: Iterable[Judged], categories_of_topic: Mapping[str, Collection[str]] = CATEGORIES_OF_TOPIC
) -> dict[str, TopicScore]:
    """Score each topic of `categories_of_topic`; any of a paper's categories makes it a paper of the topic.

    >>> scores = f1_by_topic([Judged(["cs.LG", "cs.CL"], ["language"]), Judged(["cs.CV"], ["language"])])
    >>> scores["language"].precision, scores["language"].recall, scores["vision"].f1
    (0.5, 1.0, 0.0)
    """
    counts = {topic: [0, 0, 0] for topic in categories_of_topic}
    for paper in papers:
        for topic, categories in categories_of_topic.items():
            is_expected = any(category in categories for category in paper.categories)
            is_found = topic in paper.topics
            counts[topic][0] += is_expected
            counts[topic][1] += is_found
            counts[topic][2] += is_expected and is_found
    return {topic: TopicScore(*count) for topic, count in counts.items()}


def micro_score(scores: Mapping[str, TopicScore]) -> TopicScore:
    """Add the topics' counts up, so that its `f1` weighs every paper alike. Topics with too few count too."""
    return TopicScore(
        sum(score.expected_count for score in scores.values()),
        sum(score.found_count for score in scores.values()),
        sum(score.right_count for score in scores.values()),
    )


def is_held_out(paper_id: str) -> bool:
    """Say whether the paper is of the half of all papers that no list of phrases was tuned on."""
    return hashlib.sha256(paper_id.encode()).digest()[-1] % 2 == 1

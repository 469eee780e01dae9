"""Which papers would gain or lose a topic by an edit of its rule, before it is saved."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Topic
from newsletter.papers.topic_fit import shipped_fields
from newsletter.papers.topics import tagging
from newsletter.papers.topics.phrase_matching import (
    COUNTED_SIGHTINGS,
    MAX_TOPICS,
    PHRASE_POINTS,
    POINTS_NEEDED,
    TITLE_FACTOR,
    WEAK_POINTS,
    TopicRule,
    compile_topics,
    normalise,
    split_words,
)

SHOWN = 50  # papers listed of each kind

Texts = tuple[int, str, str, list[str], str]  # a paper's id, title, abstract, categories and primary category


class RuleChange(NamedTuple):
    """How many recent papers would gain and lose a topic, and the best of them by score."""

    before_count: int
    won_count: int
    lost_count: int
    won: list[Paper]
    lost: list[Paper]

    @property
    def after_count(self) -> int:
        return self.before_count + self.won_count - self.lost_count


def preview_change(topic: Topic) -> RuleChange:
    """Return which papers would change if `topic` were saved as edited. Editors' corrections of papers stay."""
    rows = PaperTopic.objects.filter(topic=topic.pk, paper__in=tagging.recent_papers())
    has = dict(rows.values_list("paper_id", "origin"))
    refused = set(RefusedTopic.objects.filter(topic=topic.pk).values_list("paper_id", flat=True))
    won, lost = set[int](), set[int]()
    for pk, gets_it in would_get_topic(topic):
        if gets_it and pk not in has and pk not in refused:
            won.add(pk)
        elif not gets_it and has.get(pk) == PaperTopic.Origin.RULE:
            lost.add(pk)
    return RuleChange(len(has), len(won), len(lost), best_by_score(won), best_by_score(lost))


def would_get_topic(topic: Topic) -> Iterator[tuple[int, bool]]:
    """Yield (paper id, whether it would get the topic) for each recent paper that the edit may affect."""
    stored = Topic.objects.current().filter(pk=topic.pk).first()
    before, after = tagging.rule_of(stored) if stored else TopicRule(""), tagging.rule_of(topic)
    others = [tagging.rule_of(other) for other in Topic.objects.current().exclude(pk=topic.pk)]
    matcher = compile_topics([*others, after], shipped_fields())
    papers = tagging.recent_papers().values_list("pk", "title", "abstract", "categories", "primary_category")
    for paper in papers_to_check(before, after, papers, papers_at_topic_limit()):
        yield paper[0], after.slug in matcher.match(*paper[1:])


def papers_at_topic_limit() -> set[int]:
    """Return the papers with MAX_TOPICS topics: only there can one topic displace another."""
    counts = Counter(PaperTopic.objects.filter(paper__in=tagging.recent_papers()).values_list("paper_id", flat=True))
    counts.update(RefusedTopic.objects.values_list("paper_id", flat=True))
    return {pk for pk, count in counts.items() if count >= MAX_TOPICS}


def papers_to_check(
    before: TopicRule, after: TopicRule, papers: Iterable[Texts], crowded: Collection[int]
) -> Iterator[Texts]:
    """Keep every paper that the change of the rule may affect, and a few more.

    They contain a phrase that is in only one of the two rules, and could reach the points needed by one of them.
    A paper that has the topic by category under both rules keeps it, unless it is in `crowded`.
    """
    edited = [marks_of(phrase) for _, phrase in phrases_of(before) ^ phrases_of(after)]
    telling = {max(marks, key=len, default="") for marks in edited}
    worth = [points_and_marks(rule) for rule in (before, after)]
    for paper in papers:
        had, has = (is_by_category(rule, paper[3]) for rule in (before, after))
        if had and has and paper[0] not in crowded:
            continue
        title, abstract = fold_case(paper[1]), fold_case(paper[2])
        is_touched = any(mark in abstract or mark in title for mark in telling)
        if had != has or (is_touched and (had or any(is_enough(rule, title, abstract) for rule in worth))):
            yield paper


def is_by_category(rule: TopicRule, categories: Iterable[str]) -> bool:
    return any(name in rule.categories or f"{name.partition('.')[0]}.*" in rule.categories for name in categories)


def phrases_of(rule: TopicRule) -> set[tuple[int, str]]:
    """Return the phrases of a rule with their points; an exclusion has 0."""
    lists = ((PHRASE_POINTS, rule.phrases), (WEAK_POINTS, rule.weak_phrases), (0, rule.exclusions))
    return {(points, phrase) for points, phrases in lists for phrase in phrases}


def points_and_marks(rule: TopicRule) -> list[tuple[int, list[str]]]:
    return [(points, marks_of(phrase)) for points, phrase in phrases_of(rule) if points]


def is_enough(worth: Iterable[tuple[int, list[str]]], title: str, abstract: str) -> bool:
    """Return whether the marks of phrases occur often enough in a paper to reach the points a topic needs."""
    needed = POINTS_NEEDED
    for points, marks in worth:
        sightings = COUNTED_SIGHTINGS
        for mark in marks:
            sightings = min(sightings, abstract.count(mark) + TITLE_FACTOR * title.count(mark))
        needed -= points * sightings
        if needed <= 0:
            return True
    return False


def fold_case(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def marks_of(phrase: str) -> list[str]:
    """Return strings that every text with the phrase contains, whatever its grammatical number and case.

    >>> marks_of("Diffusion policies, fast")
    ['diffusion', 'polic', 'fast']
    """
    words = [normalise(word) for word in split_words(phrase) if word.isascii() and word[0].isalnum()]
    return [word.removesuffix("y") for word in words]


def best_by_score(paper_ids: set[int]) -> list[Paper]:
    papers = Paper.objects.filter(pk__in=paper_ids).rising()
    return list(papers.only("title", "key", "listed_on", "score")[:SHOWN])

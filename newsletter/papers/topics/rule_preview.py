"""What an edit of a topic's rule would change, told before it is saved."""

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

SHOWN = 50  # papers named of those won, and of those lost

Texts = tuple[int, str, str, list[str]]  # a paper's id, title, abstract and categories


class Change(NamedTuple):
    """Which papers of the last days a topic would win and lose: how many, and the best of them by score."""

    before_count: int
    won_count: int
    lost_count: int
    won: list[Paper]
    lost: list[Paper]

    @property
    def after_count(self) -> int:
        return self.before_count + self.won_count - self.lost_count


def change_by(topic: Topic) -> Change:
    """Return what saving `topic` as it is edited would change. What an editor said of a single paper stays."""
    rows = PaperTopic.objects.filter(topic=topic.pk, paper__in=tagging.recent_papers())
    has = dict(rows.values_list("paper_id", "origin"))
    refused = set(RefusedTopic.objects.filter(topic=topic.pk).values_list("paper_id", flat=True))
    won, lost = set[int](), set[int]()
    for pk, gets_it in verdicts_on(topic):
        if gets_it and pk not in has and pk not in refused:
            won.add(pk)
        elif not gets_it and has.get(pk) == PaperTopic.Origin.RULE:
            lost.add(pk)
    return Change(len(has), len(won), len(lost), best_of(won), best_of(lost))


def verdicts_on(topic: Topic) -> Iterator[tuple[int, bool]]:
    """Yield each recent paper that the edit may concern, and whether it would be of the topic."""
    stored = Topic.objects.current().filter(pk=topic.pk).first()
    before, after = tagging.rule_of(stored) if stored else TopicRule(""), tagging.rule_of(topic)
    others = [tagging.rule_of(other) for other in Topic.objects.current().exclude(pk=topic.pk)]
    matcher = compile_topics([*others, after], shipped_fields())
    papers = tagging.recent_papers().values_list("pk", "title", "abstract", "categories")
    for paper in concerned_by(before, after, papers, crowded_papers()):
        yield paper[0], after.slug in matcher.match(*paper[1:])


def crowded_papers() -> set[int]:
    """Return the papers with as many topics as there can be: only there do topics compete."""
    counts = Counter(PaperTopic.objects.filter(paper__in=tagging.recent_papers()).values_list("paper_id", flat=True))
    counts.update(RefusedTopic.objects.values_list("paper_id", flat=True))
    return {pk for pk, count in counts.items() if count >= MAX_TOPICS}


def concerned_by(
    before: TopicRule, after: TopicRule, papers: Iterable[Texts], crowded: Collection[int]
) -> Iterator[Texts]:
    """Keep the papers whose topic may change with the rule: a few too many, and none too few.

    Those are the ones that hold what stands in one of the rules only, and could come to the points needed by one of
    them. But who has the topic by a category anyway keeps it, unless topics compete there.
    """
    edited = [marks_of(phrase) for _, phrase in phrases_of(before) ^ phrases_of(after)]
    telling = {max(marks, key=len, default="") for marks in edited}
    worth = [worth_of(rule) for rule in (before, after)]
    for paper in papers:
        had, has = (is_by_category(rule, paper[3]) for rule in (before, after))
        if had and has and paper[0] not in crowded:
            continue
        title, abstract = folded(paper[1]), folded(paper[2])
        is_touched = any(mark in abstract or mark in title for mark in telling)
        if had != has or (is_touched and (had or any(is_enough(rule, title, abstract) for rule in worth))):
            yield paper


def is_by_category(rule: TopicRule, categories: Iterable[str]) -> bool:
    return any(name in rule.categories or f"{name.partition('.')[0]}.*" in rule.categories for name in categories)


def phrases_of(rule: TopicRule) -> set[tuple[int, str]]:
    """Return the phrases of a rule, each with the points it is worth, none for an exclusion."""
    lists = ((PHRASE_POINTS, rule.phrases), (WEAK_POINTS, rule.weak_phrases), (0, rule.exclusions))
    return {(points, phrase) for points, phrases in lists for phrase in phrases}


def worth_of(rule: TopicRule) -> list[tuple[int, list[str]]]:
    return [(points, marks_of(phrase)) for points, phrase in phrases_of(rule) if points]


def is_enough(worth: Iterable[tuple[int, list[str]]], title: str, abstract: str) -> bool:
    """Say whether the marks of phrases stand in a paper often enough for the points that a topic needs."""
    needed = POINTS_NEEDED
    for points, marks in worth:
        sightings = COUNTED_SIGHTINGS
        for mark in marks:
            sightings = min(sightings, abstract.count(mark) + TITLE_FACTOR * title.count(mark))
        needed -= points * sightings
        if needed <= 0:
            return True
    return False


def folded(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def marks_of(phrase: str) -> list[str]:
    """Return letters that stand in every text that holds the phrase, in whichever number and case.

    >>> marks_of("Diffusion policies, fast")
    ['diffusion', 'polic', 'fast']
    """
    words = [normalise(word) for word in split_words(phrase) if word.isascii() and word[0].isalnum()]
    return [word.removesuffix("y") for word in words]


def best_of(paper_ids: set[int]) -> list[Paper]:
    papers = Paper.objects.filter(pk__in=paper_ids).rising()
    return list(papers.only("title", "key", "listed_on", "score")[:SHOWN])

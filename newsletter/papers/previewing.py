"""What an edit of a topic's rule would change, told before it is saved."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from newsletter.papers import topics
from newsletter.papers.matching import MAX_TOPICS, TopicRule, compile_topics, normalise, split_words
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Topic

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
    rows = PaperTopic.objects.filter(topic=topic.pk, paper__in=topics.recent_papers())
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
    before, after = topics.rule_of(stored) if stored else TopicRule(""), topics.rule_of(topic)
    others = [topics.rule_of(other) for other in Topic.objects.current().exclude(pk=topic.pk)]
    alone, among_others = compile_topics([after]), compile_topics([*others, after])
    papers = topics.recent_papers().values_list("pk", "title", "abstract", "categories")
    crowded = crowded_papers()
    for paper in concerned_by(before, after, papers, crowded):
        matcher = among_others if paper[0] in crowded else alone
        yield paper[0], after.slug in matcher.match(*paper[1:])


def crowded_papers() -> set[int]:
    """Return the papers with as many topics as there can be: only there do topics compete."""
    counts = Counter(PaperTopic.objects.filter(paper__in=topics.recent_papers()).values_list("paper_id", flat=True))
    counts.update(RefusedTopic.objects.values_list("paper_id", flat=True))
    return {pk for pk, count in counts.items() if count >= MAX_TOPICS}


def concerned_by(
    before: TopicRule, after: TopicRule, papers: Iterable[Texts], crowded: Collection[int]
) -> Iterator[Texts]:
    """Keep the papers whose topic may change with the rule: a few too many, and none too few.

    Those are the ones that hold what stands in one of the rules only. But who has the topic by a category anyway keeps
    it, unless topics compete there.
    """
    marks = [marks_of(phrase) for phrase in phrases_of(before) ^ phrases_of(after)]
    for paper in papers:
        had, has = (is_by_category(rule, paper[3]) for rule in (before, after))
        if had and has and paper[0] not in crowded:
            continue
        text = unicodedata.normalize("NFKC", f"{paper[1]} {paper[2]}").casefold()
        if had != has or any(all(mark in text for mark in phrase) for phrase in marks):
            yield paper


def is_by_category(rule: TopicRule, categories: Iterable[str]) -> bool:
    return any(name in rule.categories or f"{name.partition('.')[0]}.*" in rule.categories for name in categories)


def phrases_of(rule: TopicRule) -> set[tuple[str, str]]:
    """Return the phrases of a rule, each with the list it stands in."""
    lists = ("phrases", "weak_phrases", "exclusions")
    return {(name, phrase) for name in lists for phrase in getattr(rule, name)}


def marks_of(phrase: tuple[str, str]) -> list[str]:
    """Return letters that stand in every text that holds the phrase, in whichever number and case.

    >>> marks_of(("phrases", "Diffusion policies, fast"))
    ['diffusion', 'polic', 'fast']
    """
    words = [normalise(word) for word in split_words(phrase[1]) if word.isascii() and word[0].isalnum()]
    return [word.removesuffix("y") for word in words]


def best_of(paper_ids: set[int]) -> list[Paper]:
    papers = Paper.objects.filter(pk__in=paper_ids).rising()
    return list(papers.only("title", "key", "listed_on", "score")[:SHOWN])

"""The step that gives papers their topics, by the rules that editors keep."""

import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources

from django.db import transaction

from newsletter.papers import bulk, data
from newsletter.papers.matching import Matcher, TopicRule, compile_topics
from newsletter.papers.models import Paper, PaperTopic, Topic


def load_topics() -> int:
    """Add the shipped topics that are not there yet; an edited or retired one is left as it is. Return how many."""
    shipped = tomllib.loads(resources.files(data).joinpath("topics.toml").read_text("utf-8"))["topic"]
    before = Topic.objects.count()
    Topic.objects.bulk_create([Topic(**fields) for fields in shipped], ignore_conflicts=True)
    return Topic.objects.count() - before


def tag(papers: Iterable[Paper]) -> None:
    """Write the topics that the rules give `papers` now; what an editor set by hand stays."""
    papers = list(papers)
    if not papers:
        return
    topics = list(Topic.objects.current().order_by("slug"))
    ids = {topic.slug: topic.pk for topic in topics}
    match = matcher_of(topics).match
    rows = [
        PaperTopic(paper=paper, topic_id=ids[slug], evidence=list(evidence))
        for paper in papers
        for slug, evidence in match(paper.title, paper.abstract, paper.categories).items()
    ]
    with transaction.atomic():
        PaperTopic.objects.filter(paper__in=papers, origin=PaperTopic.Origin.RULE).delete()
        bulk.insert(rows, ignore_conflicts=True)


def retag(papers: Iterator[Paper], size: int = 1000) -> int:
    """Tag `papers` anew, `size` a transaction; return how many there were."""
    count, chunk = 0, list[Paper]()
    for paper in papers:
        chunk.append(paper)
        count += 1
        if len(chunk) == size:
            tag(chunk)
            chunk.clear()
    tag(chunk)
    return count


def matcher_of(topics: Iterable[Topic]) -> Matcher:
    """Return the matcher of `topics` as they stand; compiled once for as long as they stay so."""
    return compiled(tuple(map(rule_of, topics)))


@lru_cache(maxsize=2)
def compiled(rules: tuple[TopicRule, ...]) -> Matcher:
    return compile_topics(rules)


def rule_of(topic: Topic) -> TopicRule:
    return TopicRule(
        slug=topic.slug,
        categories=tuple(topic.categories),
        phrases=tuple(topic.phrases),
        weak_phrases=tuple(topic.weak_phrases),
        exclusions=tuple(topic.exclusions),
    )

"""The step that gives papers their topics, by the rules that editors keep."""

import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources

from django.db import transaction

from newsletter.papers import data
from newsletter.papers.matching import Matcher, TopicRule, compile_topics
from newsletter.papers.models import Paper, PaperTopic, Topic


def load_topics() -> int:
    """Add the shipped topics that are not there yet; an edited or retired one is left as it is. Return how many."""
    shipped = tomllib.loads(resources.files(data).joinpath("topics.toml").read_text("utf-8"))["topic"]
    made = Topic.objects.bulk_create([Topic(**fields) for fields in shipped], ignore_conflicts=True)
    return len(made)


def tag(papers: Iterable[Paper]) -> None:
    """Write the topics that the rules give `papers` now; what an editor set by hand stays."""
    papers = list(papers)
    slugs = dict(Topic.objects.current().values_list("slug", "pk"))
    match = current_matcher().match
    rows = [
        PaperTopic(paper=paper, topic_id=slugs[slug], evidence=list(evidence))
        for paper in papers
        for slug, evidence in match(paper.title, paper.abstract, paper.categories).items()
    ]
    with transaction.atomic():
        PaperTopic.objects.filter(paper__in=papers, origin=PaperTopic.Origin.RULE).delete()
        PaperTopic.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)


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


def current_matcher() -> Matcher:
    """Return the matcher of the topics as they stand; compiled once for as long as they stay so."""
    return compiled(tuple(rule_of(topic) for topic in Topic.objects.current().order_by("slug")))


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

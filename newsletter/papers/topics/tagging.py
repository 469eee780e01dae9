"""The step that gives papers their topics, by the rules that editors keep."""

import tomllib
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import lru_cache
from importlib import resources

from django.db import transaction
from django.db.models import QuerySet

from newsletter import clock
from newsletter.papers import bulk_rows, data
from newsletter.papers.models import Paper, PaperQuerySet, PaperTopic, RefusedTopic, Topic
from newsletter.papers.papers_lock import wait_for_papers_lock
from newsletter.papers.topic_fit import shipped_fields
from newsletter.papers.topics.phrase_matching import Match, Matcher, TopicRule, compile_topics

RECENT = timedelta(days=30)  # papers are tagged again when a rule is edited
RETAGGED_AT_ONCE = 1000  # papers a turn, so that ingesting does not wait long


def load_topics() -> int:
    """Add the shipped topics that are not there yet; an edited or retired one is left as it is. Return how many."""
    shipped = tomllib.loads(resources.files(data).joinpath("topics.toml").read_text("utf-8"))["topic"]
    before = Topic.objects.count()
    Topic.objects.bulk_create([Topic(**fields) for fields in shipped], ignore_conflicts=True)
    return Topic.objects.count() - before


def tag(papers: Iterable[Paper]) -> None:
    """Write the topics that the rules give `papers` now; what an editor said of a paper and a topic stays."""
    papers = list(papers)
    if not papers:
        return
    topics = list(Topic.objects.current().order_by("slug"))
    ids = {topic.slug: topic.pk for topic in topics}
    match = matcher_of(topics).match
    refused = set(RefusedTopic.objects.filter(paper__in=papers).values_list("paper_id", "topic_id"))
    wanted = {
        (paper.pk, ids[slug]): found
        for paper in papers
        for slug, found in match(paper.title, paper.abstract, paper.categories, paper.primary_category).items()
        if (paper.pk, ids[slug]) not in refused
    }
    write(wanted, PaperTopic.objects.filter(paper__in=papers))


@transaction.atomic
def write(wanted: dict[tuple[int, int], Match], stored: QuerySet[PaperTopic]) -> None:
    """Make the rules' rows among `stored` those of `wanted`: fit and evidence by paper and topic."""
    rows = {(row.paper_id, row.topic_id): row for row in stored.filter(origin=PaperTopic.Origin.RULE)}
    gone = [row.pk for pair, row in rows.items() if pair not in wanted]
    if gone:
        PaperTopic.objects.filter(pk__in=gone).delete()
    changed = [row for pair, row in rows.items() if pair in wanted and stored_match(row) != wanted[pair]]
    for row in changed:
        set_match(row, wanted[row.paper_id, row.topic_id])
    bulk_rows.update(changed, ["fit", "evidence"])
    new = [PaperTopic(paper_id=pair[0], topic_id=pair[1]) for pair in wanted.keys() - rows.keys()]
    for row in new:
        set_match(row, wanted[row.paper_id, row.topic_id])
    bulk_rows.insert(new, ignore_conflicts=True)


def stored_match(row: PaperTopic) -> Match:
    return Match(row.fit, tuple(row.evidence))


def set_match(row: PaperTopic, match: Match) -> None:
    row.fit, row.evidence = match.fit, list(match.evidence)


def ask_to_retag(topic: Topic) -> None:
    """Note that a topic's rule changed; `retag_recent` does the rest."""
    Topic.objects.filter(pk=topic.pk).update(retag_asked_at=clock.now())


def retag_recent() -> int:
    """Tag recent papers again if a topic's rule has changed since; return how many. Safe to repeat."""
    asked = dict(Topic.objects.exclude(retag_asked_at=None).values_list("pk", "retag_asked_at"))
    if not asked:
        return 0
    with transaction.atomic():
        wait_for_papers_lock()  # whoever still tags by the old rule is done then, and the next one reads the new rule
        paper_ids = list(recent_papers().values_list("pk", flat=True))
    for start in range(0, len(paper_ids), RETAGGED_AT_ONCE):
        retag(paper_ids[start : start + RETAGGED_AT_ONCE])
    for topic_id, asked_at in asked.items():
        Topic.objects.filter(pk=topic_id, retag_asked_at=asked_at).update(retag_asked_at=None)
    return len(paper_ids)


@transaction.atomic
def retag(paper_ids: Collection[int]) -> None:
    wait_for_papers_lock()
    tag(Paper.objects.present().filter(pk__in=paper_ids).only("title", "abstract", "categories", "primary_category"))


def recent_papers() -> PaperQuerySet:
    return Paper.objects.present().filter(listed_on__gt=clock.today() - RECENT)


def matcher_of(topics: Iterable[Topic]) -> Matcher:
    """Return the matcher of `topics` as they stand; compiled once for as long as they stay so."""
    return cached_matcher(tuple(map(rule_of, topics)))


@lru_cache(maxsize=2)
def cached_matcher(rules: tuple[TopicRule, ...]) -> Matcher:
    return compile_topics(rules, shipped_fields())


def rule_of(topic: Topic) -> TopicRule:
    return TopicRule(
        slug=topic.slug,
        categories=tuple(topic.categories),
        phrases=tuple(topic.phrases),
        weak_phrases=tuple(topic.weak_phrases),
        exclusions=tuple(topic.exclusions),
    )

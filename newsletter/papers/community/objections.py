"""Readers object to a paper's topic.

An objection holds for its reader at once, and for all readers when an editor accepts it: the topic is then refused, as
by an editor's correction. All objections to one topic of one paper are decided together. The reader is an opaque
number here, so that assembly can join objections in SQL.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from newsletter import audit, clock
from newsletter.papers.community.votes import wait_for_turn
from newsletter.papers.ingest import corrections, duplicates
from newsletter.papers.models import Objection, Paper, Topic

Status = Objection.Status


class ObjectionCount(NamedTuple):
    """How many readers object to one topic of a paper, and are not answered yet."""

    topic: str
    readers: int


def object_to(paper: Paper, topic: Topic, reader_id: int) -> None:
    """Record that a reader says that `paper` does not belong to `topic`. Safe to repeat."""
    Objection.objects.get_or_create(paper=paper.line()[-1], topic=topic, reader_id=reader_id)


def take_back(paper: Paper, topic: Topic, reader_id: int) -> None:
    """Delete a reader's objection. A topic that an editor took away because of it stays away."""
    family = duplicates.family_ids(paper.line()[-1])
    Objection.objects.filter(paper__in=family, topic=topic, reader_id=reader_id).delete()


def topics_objected_to(paper: Paper, reader_id: int) -> set[int]:
    """Return the ids of the topics that a reader said `paper` does not belong to."""
    family = duplicates.family_ids(paper.line()[-1])
    return set(Objection.objects.filter(paper__in=family, reader_id=reader_id).values_list("topic_id", flat=True))


def objections_of(reader_id: int, until: datetime | None = None) -> QuerySet[Objection]:
    """Return a reader's objections in their order, those made up to a moment if one is named."""
    made = Objection.objects.filter(reader_id=reader_id).select_related("paper", "topic").order_by("at", "pk")
    return made.filter(at__lte=until) if until else made


def pairs_of(reader_id: int | None, until: datetime) -> list[tuple[int, int]]:
    """Return the ids of the papers and topics that a reader had objected to by a moment."""
    return list(objections_of(reader_id, until).values_list("paper_id", "topic_id")) if reader_id else []


def erase(reader_id: int) -> None:
    Objection.objects.filter(reader_id=reader_id).delete()


@transaction.atomic
def accept(objection: Objection, by: AbstractBaseUser | None) -> bool:
    """Take the topic from the paper for good; return False where the objection is decided already."""
    if not record_decision(objection, Status.ACCEPTED, by):
        return False
    corrections.refuse_topic(objection.paper.line()[-1], objection.topic)
    return True


@transaction.atomic
def dismiss(objection: Objection, by: AbstractBaseUser | None) -> bool:
    """Leave the topic to the paper; return False where the objection is decided already."""
    return record_decision(objection, Status.DISMISSED, by)


def record_decision(objection: Objection, status: Status, by: AbstractBaseUser | None) -> bool:
    """Decide on all open objections to one topic of one paper; return False where this one is not open any more."""
    survivor = objection.paper.line()[-1]
    wait_for_turn(f"{survivor.pk} {objection.topic_id}")
    facts: dict[str, Any] = {"decided_at": clock.now(), "decided_by": by}
    if not objection.move_to(status, **facts):
        return False
    family = duplicates.family_ids(survivor)
    alike = Objection.objects.filter(paper__in=family, topic=objection.topic_id, status=Status.NEW)
    count = 1 + alike.update(status=status, **facts)
    before, after = {"topic": objection.topic.name}, {"topic": "", "readers": count}
    if status == Status.ACCEPTED:
        audit.record(by, objection.paper, "accepted that a topic is wrong", before, after)
    else:
        audit.record(by, objection.paper, "dismissed that a topic is wrong", {}, {**before, "readers": count})
    return True


def open_counts(paper_ids: Collection[int]) -> dict[int, list[ObjectionCount]]:
    """Return the open objections to each paper or its twins, most readers first; papers without any are absent."""
    survivors = duplicates.survivors_of_families(paper_ids)
    rows = Objection.objects.filter(paper__in=survivors, status=Status.NEW)
    readers: dict[int, dict[str, set[int]]] = {}
    for paper_id, topic, reader_id in rows.values_list("paper_id", "topic__name", "reader_id"):
        readers.setdefault(survivors[paper_id], {}).setdefault(topic, set()).add(reader_id)
    found = {survivor: counts_by_topic(by_topic) for survivor, by_topic in readers.items()}
    return {pk: found[survivors[pk]] for pk in paper_ids if survivors[pk] in found}


def counts_by_topic(readers: Mapping[str, Collection[int]]) -> list[ObjectionCount]:
    counts = [ObjectionCount(topic, len(reader_ids)) for topic, reader_ids in readers.items()]
    return sorted(counts, key=lambda count: (-count.readers, count.topic))


def accepted_topics(paper_ids: Collection[int], at: datetime) -> dict[int, set[str]]:
    """Return the slugs of the topics that editors took from each paper by a moment, because readers objected.

    An objection to one of a paper's twins counts for all of them. Papers without any are absent.
    """
    survivors = duplicates.survivors_of_families(paper_ids)
    rows = Objection.objects.filter(paper__in=survivors, status=Status.ACCEPTED, decided_at__lte=at)
    found: dict[int, set[str]] = {}
    for paper_id, slug in rows.order_by().values_list("paper_id", "topic__slug").distinct():
        found.setdefault(survivors[paper_id], set()).add(slug)
    return {pk: found[survivors[pk]] for pk in paper_ids if survivors[pk] in found}


def last_acceptance() -> tuple[int, datetime | None]:
    """Return how many objections were accepted and when the last one was: `accepted_topics` changes with it."""
    accepted = Objection.objects.filter(status=Status.ACCEPTED)
    found = accepted.aggregate(count=Count("pk"), last_at=Max("decided_at"))
    return found["count"], found["last_at"]

"""The step by which an editor corrects what sources and rules say of a paper: it stays so, whatever comes later."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from newsletter.papers.ingest import duplicates, field_priority
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Topic
from newsletter.papers.papers_lock import take_turn
from newsletter.papers.topic_fit import CERTAIN
from newsletter.papers.topics import tagging


@transaction.atomic
def correct(paper: Paper, values: Mapping[str, Any]) -> None:
    """Set columns of a paper by hand."""
    take_turn()
    paper.refresh_from_db()
    changed = duplicates.settle(paper, field_priority.corrected(duplicates.own_of(paper), values))
    tagging.tag(place for place in changed if place.merged_into_id is None)


@transaction.atomic
def give(paper: Paper, topic: Topic) -> None:
    """Say that a paper is of a topic."""
    take_turn()
    RefusedTopic.objects.filter(paper=paper, topic=topic).delete()
    PaperTopic.objects.update_or_create(
        paper=paper,
        topic=topic,
        defaults={"origin": PaperTopic.Origin.CURATOR, "fit": CERTAIN, "evidence": [], "came_as": None},
    )


@transaction.atomic
def refuse(paper: Paper, topic: Topic) -> None:
    """Say that a paper is not of a topic."""
    take_turn()
    PaperTopic.objects.filter(paper=paper, topic=topic).delete()
    RefusedTopic.objects.update_or_create(paper=paper, topic=topic, defaults={"came_as": None})


@transaction.atomic
def leave_to_rules(paper: Paper, topic: Topic) -> None:
    """Take back what an editor said of a paper and a topic."""
    take_turn()
    PaperTopic.objects.filter(paper=paper, topic=topic, origin=PaperTopic.Origin.CURATOR).delete()
    RefusedTopic.objects.filter(paper=paper, topic=topic).delete()
    tagging.tag([paper])

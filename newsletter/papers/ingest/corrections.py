"""An editor's corrections of a paper's fields and topics. They outrank everything that sources and rules say later."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from newsletter.papers.ingest import duplicates, field_priority
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Topic
from newsletter.papers.papers_lock import wait_for_papers_lock
from newsletter.papers.topic_fit import CERTAIN
from newsletter.papers.topics import tagging


@transaction.atomic
def correct(paper: Paper, values: Mapping[str, Any]) -> None:
    """Set columns of a paper to an editor's values."""
    wait_for_papers_lock()
    paper.refresh_from_db()
    changed = duplicates.store_own_fields(paper, field_priority.correct_fields(duplicates.own_fields(paper), values))
    tagging.tag(place for place in changed if place.merged_into_id is None)


@transaction.atomic
def add_topic(paper: Paper, topic: Topic) -> None:
    """Give a paper a topic by an editor's word."""
    wait_for_papers_lock()
    RefusedTopic.objects.filter(paper=paper, topic=topic).delete()
    PaperTopic.objects.update_or_create(
        paper=paper,
        topic=topic,
        defaults={"origin": PaperTopic.Origin.CURATOR, "fit": CERTAIN, "evidence": [], "came_as": None},
    )


@transaction.atomic
def refuse_topic(paper: Paper, topic: Topic) -> None:
    """Take a topic from a paper by an editor's word; the topic's rule does not give it back."""
    wait_for_papers_lock()
    PaperTopic.objects.filter(paper=paper, topic=topic).delete()
    RefusedTopic.objects.update_or_create(paper=paper, topic=topic, defaults={"came_as": None})


@transaction.atomic
def leave_to_rules(paper: Paper, topic: Topic) -> None:
    """Delete an editor's word on a paper and a topic, so that the topic's rule decides again."""
    wait_for_papers_lock()
    PaperTopic.objects.filter(paper=paper, topic=topic, origin=PaperTopic.Origin.CURATOR).delete()
    RefusedTopic.objects.filter(paper=paper, topic=topic).delete()
    tagging.tag([paper])

"""The topics of a paper that a reader may call wrong: those the reader chose, of a paper that the reader was sent."""

from typing import NamedTuple

from digests.models import Card, Delivery
from digests.models.delivery_state import never_arrived
from digests.selection import spans
from newsletter.issues.models import IssueEntry
from newsletter.number_text import parse_row_id
from newsletter.papers.community import objections
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, Topic
from subscribers.models import Subscriber

WRONG, RIGHT = "wrong_topic", "right_topic"  # what a form says of a topic


class OfferedTopics(NamedTuple):
    """Topics that a reader may call wrong, and those that the reader called so."""

    open: list[Topic]
    objected: list[Topic]


def offered_topics(entry: IssueEntry, reader: Subscriber) -> OfferedTopics:
    """Return the topics that `reader` chose among those of an entry's paper; none of a paper that was not sent."""
    assert entry.paper
    if not was_sent(entry.paper, reader):
        return OfferedTopics([], [])
    heirs = {slug: (heir.slug, heir.name) for slug, heir in spans.heirs_of_retired_topics().items()}
    chosen = spans.choices_of([reader.preferences_id])[reader.preferences_id].topics
    slugs = chosen & spans.snapshot_topics(entry.snapshot["topics"], heirs).names.keys()
    objected = objections.topics_objected_to(entry.paper, reader.pk)
    topics = Topic.objects.current().filter(slug__in=slugs)
    return OfferedTopics(
        [topic for topic in topics if topic.pk not in objected], [topic for topic in topics if topic.pk in objected]
    )


def was_sent(paper: Paper, reader: Subscriber) -> bool:
    """Return whether a digest with the paper, or one merged with it, may have left for the reader."""
    cards = Card.objects.filter(entry__paper__in=duplicates.family_ids(paper.line()[-1]))
    card_ids = list(cards.values_list("pk", flat=True))
    sent = Delivery.objects.filter(subscriber=reader, digest__card_ids__overlap=card_ids)
    return sent.exclude(never_arrived()).exists()


def record_objection(entry: IssueEntry, reader: Subscriber, act: str, topic_id: str) -> None:
    """Record or take back what a reader says of a topic; a topic that is not offered changes nothing."""
    assert entry.paper
    offered, wanted = offered_topics(entry, reader), parse_row_id(topic_id)
    if act == WRONG and (topic := find_topic(offered.open, wanted)):
        objections.object_to(entry.paper, topic, reader.pk)
    if act == RIGHT and (topic := find_topic(offered.objected, wanted)):
        objections.take_back(entry.paper, topic, reader.pk)


def find_topic(topics: list[Topic], wanted: int | None) -> Topic | None:
    return next((topic for topic in topics if topic.pk == wanted), None)

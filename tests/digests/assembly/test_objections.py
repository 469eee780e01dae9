"""A paper does not come again under a topic that its reader called wrong, nor to anybody once an editor agrees."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from digests.assembly import assemble
from digests.models import Delivery, Digest
from digests.previews import reader_day
from digests.selection import recent_issues
from digests.selection.choice_effect import effects
from digests.selection.entry_index import Choice
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import objections
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Objection, Paper, Topic
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
LATER = timedelta(days=70)  # beyond the digests that assembly looks back on


@pytest.fixture
def medicine() -> Topic:
    return TopicFactory(name="Medicine")


def papers_of(reader: Subscriber) -> list[str]:
    """Return the titles of a reader's last digest with their reasons."""
    delivery = reader.deliveries.order_by("slot").last()
    assert delivery is not None
    cards = delivery.digest.cards if delivery.digest else []
    return [f"{card.entry.snapshot['title']} | {card.reason}" for card in cards]


def bring_back(paper: Paper, *others: Paper, set_clock: SetClock) -> None:
    """Publish a paper again, weeks after it was sent, and serve all readers."""
    set_clock(MORNING + LATER)
    IssueEntry.objects.update(shelf=IssueEntry.Shelf.SHELF)
    published_issue(MONDAY + LATER, paper, *others)
    Subscriber.objects.update(next_digest_at=MORNING + LATER, covered_through=MORNING + timedelta(days=68))
    assemble.assemble_due_digests()


def test_for_the_reader_who_called_it_wrong_a_paper_never_comes_under_that_topic_again(
    medicine: Topic, set_clock: SetClock
) -> None:
    robot, drug = (PaperFactory(title=title, topics=[medicine]) for title in ("A robot", "A drug"))
    published_issue(MONDAY, robot)
    objector, other = (SubscriberFactory(topics=[medicine]) for _ in range(2))
    assemble.assemble_due_digests()
    objections.object_to(robot, medicine, objector.pk)
    bring_back(robot, drug, set_clock=set_clock)
    assert papers_of(objector) == ["A drug | Medicine: arXiv cs.CL"]
    assert papers_of(other) == ["A robot | Medicine: arXiv cs.CL", "A drug | Medicine: arXiv cs.CL"]
    delivery = objector.deliveries.order_by("slot").last()
    assert delivery is not None
    again = reader_day.preview_delivery(delivery)
    assert [item.entry.title for item in again.items] == ["A drug"]


def test_it_still_comes_under_another_topic_of_the_reader(medicine: Topic, set_clock: SetClock) -> None:
    robotics = TopicFactory(name="Robotics")
    robot = PaperFactory(title="A robot", topics=[medicine, robotics])
    published_issue(MONDAY, robot)
    reader = SubscriberFactory(topics=[medicine, robotics])
    assemble.assemble_due_digests()
    assert papers_of(reader) == ["A robot | Medicine: arXiv cs.CL"]
    objections.object_to(robot, medicine, reader.pk)
    bring_back(robot, set_clock=set_clock)
    assert papers_of(reader) == ["A robot | Robotics: arXiv cs.CL"]


def test_readers_with_the_same_objections_share_a_digest(medicine: Topic, set_clock: SetClock) -> None:
    robot, drug = (PaperFactory(topics=[medicine]) for _ in range(2))
    published_issue(MONDAY, robot)
    for reader in [SubscriberFactory(topics=[medicine]) for _ in range(3)]:
        objections.object_to(robot, medicine, reader.pk)
    bring_back(robot, drug, set_clock=set_clock)
    assert (Digest.objects.count(), Delivery.objects.exclude(digest=None).count()) == (1, 3)


def test_an_accepted_objection_holds_for_all_readers_of_issues_that_are_out(
    medicine: Topic, set_clock: SetClock
) -> None:
    robot, drug = (PaperFactory(title=title, topics=[medicine]) for title in ("A robot", "A drug"))
    published_issue(MONDAY, drug, shelf=(robot,))
    objections.object_to(robot, medicine, 99)
    set_clock(MORNING + timedelta(hours=1))
    objections.accept(Objection.objects.get(), None)
    reader = SubscriberFactory(topics=[medicine])
    assemble.assemble_due_digests()
    assert papers_of(reader) == ["A drug | Medicine: arXiv cs.CL"]
    assert Issue.objects.get().entries.get(paper=robot).snapshot["topics"]


@pytest.mark.parametrize("is_merged_after", [True, False])
@pytest.mark.parametrize("stands_as_heir", [True, False])
def test_an_accepted_objection_holds_for_a_paper_and_its_twin(
    is_merged_after: bool, stands_as_heir: bool, medicine: Topic
) -> None:
    robot, twin, drug = (PaperFactory(title=title, topics=[medicine]) for title in ("A robot", "Its twin", "A drug"))
    published_issue(MONDAY, drug, shelf=(twin if stands_as_heir else robot,))
    if not is_merged_after:
        duplicates.merge(robot, into=twin)
    objections.object_to(robot, medicine, 99)
    objections.accept(Objection.objects.get(), None)
    if is_merged_after:
        duplicates.merge(robot, into=twin)
    reader = SubscriberFactory(topics=[medicine])
    assemble.assemble_due_digests()
    assert papers_of(reader) == ["A drug | Medicine: arXiv cs.CL"]
    assert titles_shown(medicine) == ["A drug"]


@pytest.mark.parametrize("objects_to_heir", [True, False])
def test_an_accepted_objection_holds_for_a_retired_topic_and_its_heir(objects_to_heir: bool, medicine: Topic) -> None:
    health = TopicFactory(name="Health")
    robot, drug = (PaperFactory(title=title, topics=[medicine]) for title in ("A robot", "A drug"))
    published_issue(MONDAY, drug, shelf=(robot,))
    medicine.retire(into=health)
    objections.object_to(robot, health if objects_to_heir else medicine, 99)
    objections.accept(Objection.objects.get(), None)
    reader = SubscriberFactory(topics=[health])
    assemble.assemble_due_digests()
    assert papers_of(reader) == ["A drug | Health: arXiv cs.CL"]
    assert titles_shown(health) == ["A drug"]


def titles_shown(topic: Topic) -> list[str]:
    """Return the titles that the last days would have brought to a reader of a topic."""
    recent_issues.indexes_in_memory.clear()
    week = effects(recent_issues.last_days(), Choice(frozenset({topic.slug})))
    return [title for effect in week for title in effect.titles]

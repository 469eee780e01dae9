from collections import Counter, defaultdict
from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Model
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.previews import reach
from digests.previews.reach import Reach
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper, Sighting
from subscribers.models import Preferences, Subscriber
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SightingFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Reason = Delivery.Reason
WORDS = ["quantum", "speech"]

some_words = st.lists(st.sampled_from(WORDS), max_size=1)
some_topics = st.sets(st.integers(0, 2), max_size=2)
papers = st.fixed_dictionaries(
    {"topics": st.sets(st.integers(0, 2), min_size=1, max_size=2), "title": st.sampled_from(WORDS).map("On {}".format)}
)
free_items = st.fixed_dictionaries({"title": st.sampled_from(WORDS), "is_pick": st.booleans()})
issues = st.fixed_dictionaries(
    {
        "front": st.lists(papers, min_size=1, max_size=4),
        "shelf": st.lists(papers, max_size=6),
        "came_forward": st.integers(0, 2),
        "is_picked": st.booleans(),
        "is_dropped": st.booleans(),
        "free": st.lists(free_items, max_size=2),
        "ahead": st.integers(0, 2),
        "votes": st.lists(st.integers(1, 50), max_size=3),
    }
)
readers = st.fixed_dictionaries(
    {
        "topics": some_topics,
        "followed_phrases": some_words,
        "muted_phrases": some_words,
        "max_papers": st.sampled_from([1, 2, 10]),
        "minimum_score": st.sampled_from([0.0, 0.0, 20.0]),
        "slot_hours": st.sampled_from([-30, -1, 0, 3, 20, 40]),
        "is_there_from": st.integers(0, 2),
        "pause_days": st.sampled_from([None, None, -3, 0, 1, 9]),
        "zone": st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles"]),
        "came_back": st.booleans(),
    }
)


class World:
    """Two days that readers were served on, or not, the draft of a third or of a later day, and another prepared."""

    def __init__(self, days: list[dict[str, Any]], readers: list[dict[str, Any]]) -> None:
        self.topics = [TopicFactory() for _ in range(3)]
        self.readers = readers
        for number, made in enumerate(days):
            with clock.at(MORNING + number * DAY):
                is_last = number == len(days) - 1
                self.issue = self.draft(MONDAY + (number + made["ahead"] * is_last) * DAY, made)
                self.begin(number)
                if is_last:
                    self.prepare(MONDAY + (number + 3) * DAY)
                else:
                    assert publish(self.issue)
                    Subscriber.objects.update(next_digest_at=clock.now())
                    assemble.assemble_due_digests()
                    Batch.objects.update(status=Batch.Status.DONE, position=1000)
        self.now = MORNING + (len(days) - 1) * DAY + HOUR

    def draft(self, day: Any, made: dict[str, Any]) -> Issue:
        issue = IssueFactory(date=day, cutoff_at=clock.now())
        shelved = IssueEntry.objects.filter(shelf="shelf").order_by("pk").values_list("paper_id", flat=True)
        on_fronts = IssueEntry.objects.front().kept().values_list("paper_id", flat=True)
        old = list(Paper.objects.filter(pk__in=shelved).exclude(pk__in=on_fronts).order_by("pk"))
        front = [*old[: made["came_forward"]], *(self.paper(paper, day) for paper in made["front"])]
        for place, paper in enumerate(front, start=1):
            EntryFactory(issue=issue, paper=paper, position=place)
        for place, paper in enumerate((self.paper(paper, day) for paper in made["shelf"]), start=1):
            EntryFactory(issue=issue, paper=paper, position=place, shelf=IssueEntry.Shelf.SHELF)
        for paper, votes in zip(front, made["votes"], strict=False):
            SightingFactory(paper=paper, seen_at=clock.now() - HOUR, votes=votes)
        for place, item in enumerate(made["free"], start=len(front) + 1):
            issue.entries.create(free_title=f"On {item['title']}", is_pick=item["is_pick"], position=place)
        issue.entries.filter(paper=front[-1]).update(is_pick=made["is_picked"])
        if made["is_dropped"] and len(front) > 1:
            issue.entries.filter(paper=front[0]).update(dropped_at=clock.now())
        return issue

    def prepare(self, day: Any) -> None:
        """Have a later issue prepared, which is nobody's yet."""
        topics = list(self.topics)
        later = IssueFactory(date=day, prepared_at=clock.now())
        EntryFactory(issue=later, paper=PaperFactory(topics=topics), is_pick=True)
        later.entries.create(free_title="Later", position=2)

    def paper(self, made: dict[str, Any], day: Any) -> Paper:
        return PaperFactory(
            title=made["title"], topics=[self.topics[number] for number in made["topics"]], listed_on=day
        )

    def begin(self, day: int) -> None:
        """Add the readers who are there from this day on."""
        for made in self.readers:
            if made["is_there_from"] == day:
                names = ("followed_phrases", "muted_phrases", "max_papers", "minimum_score")
                choice = {name: made[name] for name in names}
                topics = [self.topics[number] for number in sorted(made["topics"])]
                SubscriberFactory(
                    preferences=Preferences.objects.for_choice(topics, **choice), next_digest_at=clock.now()
                )

    def settle(self) -> None:
        """Give each reader the slot, the pause and the past of the third day."""
        for reader, made in zip(Subscriber.objects.order_by("pk"), sorted_by_start(self.readers), strict=True):
            if made["came_back"]:
                reader.covered_through = None
            reader.next_digest_at = max(self.now + made["slot_hours"] * HOUR, (reader.last_slot_at or MORNING) + HOUR)
            if made["pause_days"] is not None:
                reader.paused_until = (self.now + made["pause_days"] * DAY).date()
            reader.timezone, reader.send_time = ZoneInfo(made["zone"]), time(7)
            reader.save()


def sorted_by_start(readers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(readers, key=lambda made: made["is_there_from"])


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(issues, min_size=3, max_size=3), readers=st.lists(readers, min_size=1, max_size=6))
def test_the_reach_of_a_draft_is_what_assembly_then_does(
    days: list[dict[str, Any]], readers: list[dict[str, Any]]
) -> None:
    with transaction.atomic():
        world = World(days, readers)
        world.settle()
        past, kept = set(Delivery.objects.values_list("pk", flat=True)), stored()
        with clock.at(world.now):
            foreseen = reach.compute_reach(world.issue)
            assert stored() == kept
            assert publish(world.issue)
        found, zones = served(world, past)
        assert replace(foreseen, first_zone="") == found
        assert foreseen.first_zone in zones
        transaction.set_rollback(True)


def stored() -> list[list[dict[str, Any]]]:
    """Return all that a look at an issue could leave behind."""
    models: tuple[type[Model], ...] = (Issue, IssueEntry, Paper, Sighting, Subscriber, Batch, Delivery)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def served(world: World, past: set[int]) -> tuple[Reach, set[str]]:
    """Let every reader come due, and return what then came of the issue, in the words of a reach.

    Beside it stand the zones of the readers whose slot is that of the first mail, if there is any: it is told in one
    of them.
    """
    until, active = world.now + reach.AHEAD, Subscriber.objects.active()
    zones = defaultdict(set)
    for slot, zone in active.values_list("next_digest_at", "timezone"):
        zones[slot].add(str(zone))
    later = active.filter(next_digest_at__gt=until).count()
    slots = active.filter(next_digest_at__lte=until).values_list("next_digest_at", flat=True)
    for slot in sorted({max(slot, world.now) for slot in slots if slot}):
        with clock.at(slot):
            assemble.assemble_due_digests()
    first: dict[int | None, Delivery] = {}
    for delivery in Delivery.objects.exclude(pk__in=past).select_related("digest").order_by("slot"):
        first.setdefault(delivery.subscriber_id, delivery)
    full = [delivery for delivery in first.values() if delivery.digest]
    free = set(IssueEntry.objects.filter(paper=None).values_list("pk", flat=True))
    orders = [[card.entry_id for card in delivery.digest.cards] for delivery in full if delivery.digest]
    reached = Counter(pk for order in orders for pk in order)
    entries = {entry.pk: reached[entry.pk] for entry in world.issue.entries.kept()}
    sent = [max(delivery.slot, world.now) for delivery in full]
    earliest = min((delivery.slot for delivery in full), default=None)
    found = Reach(
        sizes=dict(Counter(len({*order} - free) for order in orders)),
        nothing=dict(Counter(delivery.reason for delivery in first.values() if not delivery.digest)),
        entries=entries,
        later=later,
        papers=sum(count > 0 for pk, count in entries.items() if pk not in free),
        first_at=min(sent, default=None),
        last_at=max(sent, default=None),
    )
    return found, zones[earliest] if earliest else {""}


def test_a_draft_says_how_many_readers_each_paper_reaches_and_who_gets_nothing() -> None:
    vision, audio = TopicFactory(), TopicFactory()
    seen, heard = PaperFactory(topics=[vision]), PaperFactory(topics=[audio])
    issue = IssueFactory()
    one, other = EntryFactory(issue=issue, paper=seen), EntryFactory(issue=issue, paper=heard)
    served_before: dict[str, Any] = {"covered_through": MORNING - DAY, "next_digest_at": MORNING + 2 * HOUR}
    SubscriberFactory(topics=[vision], **served_before)
    SubscriberFactory(topics=[vision, audio], **served_before)
    SubscriberFactory(topics=[TopicFactory()], **served_before)
    SubscriberFactory(topics=[vision], next_digest_at=MORNING + 30 * HOUR)
    SubscriberFactory(topics=[vision], status=Subscriber.Status.PENDING, next_digest_at=None)

    found = reach.compute_reach(issue)

    assert (found.readers, found.empty, found.later, found.papers) == (2, 1, 1, 2)
    assert found.sizes == {1: 1, 2: 1}
    assert found.nothing == {Reason.NOTHING_MATCHED: 1}
    assert found.entries == {one.pk: 2, other.pk: 1}
    assert found.first_at == found.last_at == MORNING + 2 * HOUR


def test_free_items_reach_readers_and_are_counted_as_no_papers() -> None:
    topic = TopicFactory()
    issue = IssueFactory()
    paper = EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]))
    notice = issue.entries.create(free_title="A notice", position=2)
    pick = issue.entries.create(free_title="A talk", position=3, is_pick=True)
    SubscriberFactory(topics=[topic])
    SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - DAY)
    found = reach.compute_reach(issue)
    assert (found.papers, found.sizes) == (1, {0: 1, 1: 1})
    assert found.entries == {paper.pk: 1, notice.pk: 2, pick.pk: 2}


def test_a_published_issue_reaches_only_those_who_have_not_got_it() -> None:
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    Subscriber.objects.update(next_digest_at=MORNING + HOUR)
    SubscriberFactory(topics=[topic], next_digest_at=MORNING + HOUR)
    found = reach.compute_reach(issue)
    assert (found.readers, found.nothing) == (1, {Reason.NO_ISSUE: 1})


def test_looking_keeps_nothing() -> None:
    issue = IssueFactory()
    EntryFactory(issue=issue, is_pick=True, position=7)
    kept = stored()
    reach.compute_reach(issue)
    assert stored() == kept


def test_the_first_mail_is_shown_with_its_zone(set_clock: Any) -> None:
    topic, auckland = TopicFactory(), ZoneInfo("Pacific/Auckland")
    issue = IssueFactory()
    EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]))
    SubscriberFactory(topics=[topic], timezone=auckland, next_digest_at=MORNING + HOUR)
    SubscriberFactory(topics=[topic], next_digest_at=MORNING + 2 * HOUR)
    found = reach.compute_reach(issue)
    assert (found.first_at, found.last_at, found.first_zone) == (
        MORNING + HOUR, MORNING + 2 * HOUR, "Pacific/Auckland",
    )  # fmt: skip

"""Whatever editors, readers and the clock do in whatever order, each reader gets what was promised."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import F, Model, QuerySet, Sum
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from digests.assembly import assemble
from digests.models import Assembly, Batch, Delivery
from digests.selection import entry_index, rules, spans
from digests.sending import send_batch
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper
from subscribers import digest_schedule
from subscribers.models import Preferences, Subscriber
from tests.factories import MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.flow]
Row = TypeVar("Row", bound=Model)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPAN, LATEST, WEEK = 14 * DAY, 12 * HOUR, 7 * DAY
WORDS = ["quantum", "speech"]
AUTHORS = ["Ada Example", "Bo Sample"]
ZONES = ["UTC", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Auckland"]
Status = Delivery.Status
Reason = Delivery.Reason
NOT_HAD = (Status.SKIPPED, Status.REJECTED)
LEFT_OUT = ("muted", "sent before", "none of the reader", "below the reader", "beyond the reader", "it fits")

some_words = st.lists(st.sampled_from(WORDS), max_size=1)
some_authors = st.lists(st.sampled_from(AUTHORS), max_size=1)
choices = st.fixed_dictionaries(
    {
        "topics": st.sets(st.integers(0, 2), min_size=1, max_size=2),
        "followed_phrases": some_words,
        "followed_authors": some_authors,
        "muted_phrases": some_words,
        "muted_authors": some_authors,
        "max_papers": st.sampled_from([10, 3, 1]),
        "minimum_score": st.sampled_from([0.0, 0.0, 2.0]),
        "detail": st.sampled_from(Preferences.Detail.values),
    }
)
schedules = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from(Subscriber.Frequency.values),
        "weekday": st.integers(0, 6),
        "send_time": st.builds(time, st.sampled_from([4, 7, 0, 18])),
        "timezone": st.sampled_from(ZONES).map(ZoneInfo),
    }
)
papers = st.fixed_dictionaries(
    {
        "topics": st.sets(st.integers(0, 2), min_size=1, max_size=2),
        "title": st.sampled_from(WORDS).map("On {}".format),
        "authors": st.lists(st.sampled_from(AUTHORS), min_size=1, max_size=2, unique=True),
        "score": st.sampled_from([0.0, 1.0, 3.0]),
    }
)
contents = st.fixed_dictionaries(
    {
        "front": st.lists(papers, min_size=1, max_size=4),
        "shelf": st.lists(papers, max_size=4),
        "came_forward": st.sampled_from([0, 2, 9]),
        "has_pick": st.booleans(),
    }
)
numbers = st.integers(0, 9)
days = st.sampled_from([DAY, DAY, 5 * HOUR, 2 * DAY])


class Days(RuleBasedStateMachine):
    """Days of service in an order that nobody foresaw, undone at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        self.stack.callback(transaction.set_rollback, True)
        self.clock = self.stack.enter_context(ExitStack())
        self.now = self.assembled_at = MORNING
        self.clock.enter_context(clock.at(self.now))
        self.topics = [TopicFactory() for _ in range(3)]

    def teardown(self) -> None:
        self.stack.close()

    # Editors

    @rule(content=contents)
    def draft_issue(self, content: dict[str, Any]) -> None:
        """Make today's issue, which is waited for until its cutoff."""
        today = clock.today()
        if Issue.objects.filter(date=today).exists():
            return
        issue = IssueFactory(date=today, cutoff_at=self.now + HOUR)
        front = [*self.from_shelves()[: content["came_forward"]], *map(self.paper, content["front"])]
        for paper in front:
            EntryFactory(issue=issue, paper=paper)
        for paper in map(self.paper, content["shelf"]):
            EntryFactory(issue=issue, paper=paper, shelf=IssueEntry.Shelf.SHELF)
        if content["has_pick"]:
            issue.entries.filter(paper=front[-1]).update(is_pick=True)

    def paper(self, made: dict[str, Any]) -> Paper:
        return PaperFactory(**made | {"topics": [self.topics[number] for number in made["topics"]]})

    def from_shelves(self) -> list[Paper]:
        """Papers of the last week that stood on no front, or were dropped from it."""
        recent = IssueEntry.objects.filter(issue__published_at__gt=self.now - 7 * DAY)
        front = IssueEntry.objects.front().kept().values("paper_id")
        return list(Paper.objects.filter(pk__in=recent.values("paper_id")).exclude(pk__in=front).order_by("pk"))

    @rule()
    def publish_issue(self) -> None:
        for issue in Issue.objects.open():
            assert publish(issue)

    @rule(content=contents, day=days)
    def serve_day(self, content: dict[str, Any], day: timedelta) -> None:
        self.advance(day)
        self.draft_issue(content)
        self.publish_issue()
        self.assemble()
        self.send()

    @rule(number=numbers)
    def drop_entry(self, number: int) -> None:
        if entry := pick(IssueEntry.objects.kept().exclude(issue__published_at=None).order_by("-pk"), number):
            IssueEntry.objects.filter(pk=entry.pk).update(dropped_at=self.now)

    @rule(number=numbers)
    def withdraw_issue(self, number: int) -> None:
        if issue := pick(Issue.objects.published().order_by("-pk"), number):
            assert issue.move_to(Issue.Status.WITHDRAWN)

    # Readers

    @initialize(readers=st.lists(st.tuples(choices, schedules), min_size=1, max_size=3))
    def begin(self, readers: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for choice, schedule in readers:
            self.subscribe(choice, schedule)

    @rule(choice=choices, schedule=schedules)
    def subscribe(self, choice: dict[str, Any], schedule: dict[str, Any]) -> None:
        pending = {"status": Subscriber.Status.PENDING, "next_digest_at": None}
        reader = SubscriberFactory(preferences=self.preferences(choice), **pending, **schedule)
        assert reader.confirm()

    def preferences(self, choice: dict[str, Any]) -> Preferences:
        return Preferences.objects.for_choice(
            [self.topics[number] for number in choice["topics"]],
            **{name: value for name, value in choice.items() if name != "topics"},
        )

    @rule(number=numbers)
    def unsubscribe(self, number: int) -> None:
        if reader := self.reader(number):
            assert reader.unsubscribe()

    @rule(number=numbers)
    def come_back(self, number: int) -> None:
        gone = Subscriber.objects.filter(status=Subscriber.Status.UNSUBSCRIBED).order_by("pk")
        if reader := pick(gone, number):
            assert reader.move_to(Subscriber.Status.PENDING)
            assert reader.confirm()

    @rule(number=numbers, choice=choices)
    def choose_anew(self, number: int, choice: dict[str, Any]) -> None:
        if reader := self.reader(number):
            Subscriber.objects.filter(pk=reader.pk).update(preferences=self.preferences(choice))

    @rule(number=numbers, schedule=schedules)
    def reschedule(self, number: int, schedule: dict[str, Any]) -> None:
        if reader := self.reader(number):
            for name, value in schedule.items():
                setattr(reader, name, value)
            reader.reschedule()

    @rule(number=numbers, days=st.integers(1, 9))
    def pause(self, number: int, days: int) -> None:
        if reader := self.reader(number):
            reader.pause(reader.local_today + days * DAY)

    def reader(self, number: int) -> Subscriber | None:
        return pick(Subscriber.objects.active().order_by("pk"), number)

    # The clock, and what comes of it

    @rule(by=st.sampled_from([timedelta(minutes=1), HOUR, 5 * HOUR, 13 * HOUR, DAY, 3 * DAY]))
    def advance(self, by: timedelta) -> None:
        # A first digest is remembered that was made within a span of its slot.
        if self.now + by < self.assembled_at + 10 * DAY:
            self.now += by
            self.clock.close()
            self.clock.enter_context(clock.at(self.now))

    @rule()
    def send(self) -> None:
        for batch in Batch.objects.ready():
            send_batch.send_batch(batch)

    @rule(number=numbers, status=st.sampled_from([Status.UNCERTAIN, Status.ABANDONED, Status.REJECTED]))
    def hear_otherwise(self, number: int, status: Status) -> None:
        """Let a delivery that was sent turn out not to be, or not for sure."""
        sent = Delivery.objects.filter(status=None, batch__position__gt=F("call_no")).order_by("pk")
        if delivery := pick(sent, number):
            Delivery.objects.filter(pk=delivery.pk).update(status=status)

    @rule()
    def assemble(self) -> None:
        readers = {reader.pk: reader for reader in Subscriber.objects.all()}
        known = set(Delivery.objects.values_list("pk", flat=True))
        had = {pk: papers_had(pk) for pk in readers}
        due = {pk for pk, reader in readers.items() if is_due(reader, self.now) and not self.is_waiting(reader)}
        self.assembled_at = self.now

        assemble.assemble_due_digests()

        new = Delivery.objects.exclude(pk__in=known).order_by("slot")
        served: dict[int, list[Delivery]] = {}
        for delivery in new.select_related("digest__issue", "preferences"):
            served.setdefault(delivery.subscriber_id or 0, []).append(delivery)
        assert served.keys() == due
        for pk, deliveries in served.items():
            self.check_reader(readers[pk], deliveries, had[pk])
        assert Assembly.objects.aggregate(due=Sum("due", default=0))["due"] == Delivery.objects.count()

    def is_waiting(self, reader: Subscriber) -> bool:
        """Say whether a reader got all there is, and today's issue is on its way."""
        drafts = Issue.objects.filter(status=Issue.Status.DRAFT, date=self.now.date())
        newest = max((issue.published_at for issue in Issue.objects.published() if issue.published_at), default=None)
        is_on_its_way = drafts.filter(cutoff_at__gt=self.now - assemble.PUBLISHING_TIME).exists()
        return bool(is_on_its_way and newest and reader.covered_through and reader.covered_through >= newest)

    def check_reader(self, reader: Subscriber, deliveries: list[Delivery], had: set[int]) -> None:
        assert deliveries[0].slot == reader.next_digest_at
        covered = reader.covered_through
        for delivery in deliveries:
            assert delivery.slot <= self.now
            assert delivery.covered_from == covered
            self.check_delivery(delivery, reader, had)
            had |= set(delivery.digest.paper_ids) if delivery.digest else set()
            covered = delivery.covered_to or covered
        after = Subscriber.objects.get(pk=reader.pk)
        assert (after.covered_through, after.last_slot_at) == (covered, deliveries[-1].slot)
        assert after.next_digest_at is not None
        assert after.next_digest_at > self.now or self.is_waiting(after)

    def check_delivery(self, delivery: Delivery, reader: Subscriber, had: set[int]) -> None:
        choice = spans.choices_of([delivery.preferences_id])[delivery.preferences_id]
        issues = self.issues_since(delivery.covered_from)
        entries = one_a_paper(IssueEntry.objects.kept().filter(issue__in=issues))
        older = self.older_than(issues)
        wanted = [entry for entry in entries if matches(entry, choice)]
        new = {entry.paper_id for entry in [*wanted, *(entry for entry in older if fits(entry, choice))]} - had
        if delivery.digest:
            self.check_digest(delivery, choice, entries, older, had)
            return
        assert delivery.status == Status.SKIPPED
        match delivery.reason:
            case Reason.PAUSED:
                day = digest_schedule.day_of(reader.rhythm, delivery.slot)
                assert reader.paused_until
                assert day < reader.paused_until
            case Reason.EXPIRED:
                assert delivery.covered_from
                assert delivery.slot < self.now - LATEST
            case Reason.NO_ISSUE:
                assert not issues
            case Reason.NOTHING_MATCHED:
                assert not wanted
                assert not new
                assert delivery.covered_from or not unmuted(front_of(entries), choice)
            case Reason.ALL_HAD:
                assert wanted
                assert not new
            case _:
                raise AssertionError(delivery.reason)

    def issues_since(self, covered_from: datetime | None) -> list[Issue]:
        recent = Issue.objects.published().filter(published_at__gt=self.now - SPAN, published_at__lte=self.now)
        if covered_from is None:
            return list(recent.order_by("-published_at")[:1])
        return list(recent.filter(published_at__gt=covered_from).order_by("-published_at"))

    def older_than(self, issues: list[Issue]) -> list[IssueEntry]:
        """What may fill up a digest: papers that first stood in an issue of the last week, and in none of `issues`."""
        week = Issue.objects.published().filter(published_at__gt=self.now - WEEK, published_at__lte=self.now)
        stood = IssueEntry.objects.exclude(issue__published_at=None)
        too_old = stood.filter(issue__published_at__lte=self.now - WEEK).values_list("paper_id", flat=True)
        in_span = IssueEntry.objects.kept().filter(issue__in=issues).values_list("paper_id", flat=True)
        closed = {*too_old, *in_span}
        rows = IssueEntry.objects.kept().filter(issue__in=week.exclude(pk__in=[issue.pk for issue in issues]))
        return [entry for entry in one_a_paper(rows, newest_first=True) if entry.paper_id not in closed]

    def check_digest(
        self,
        delivery: Delivery,
        choice: entry_index.Choice,
        entries: list[IssueEntry],
        older: list[IssueEntry],
        had: set[int],
    ) -> None:
        assert delivery.digest is not None
        assert (delivery.status, delivery.reason) == (None, "")
        assert delivery.batch_id is not None
        chosen = [card.entry for card in delivery.digest.cards]
        papers = [entry.paper_id for entry in chosen]
        assert len(set(papers)) == len(papers) <= choice.max_papers
        assert not set(papers) & had, "a paper came twice"
        assert {card.detail for card in delivery.digest.cards} == {choice.detail}
        assert set(chosen) <= set(unmuted([*entries, *older], choice))
        if delivery.digest.is_fallback:
            assert delivery.covered_from is None
            assert not {entry.paper_id for entry in front_of(entries) if matches(entry, choice)} - had
            return
        assert all(matches(entry, choice) for entry in chosen)
        is_own = [entry in entries for entry in chosen]
        assert is_own == sorted(is_own, reverse=True), "an older issue's paper stands before the span's own"
        wanted = [entry for entry in entries if matches(entry, choice)]
        wanted += [entry for entry in older if fits(entry, choice)]
        self.check_nothing_is_lost(delivery, choice, {entry.paper_id for entry in wanted} - had, had)

    def check_nothing_is_lost(
        self, delivery: Delivery, choice: entry_index.Choice, wanted: set[int | None], had: set[int]
    ) -> None:
        """What matches is in the digest, unless it is full; all else of the span has its reason."""
        assert delivery.digest is not None
        papers = set(delivery.digest.paper_ids)
        assert wanted <= papers or len(papers) == choice.max_papers
        index = spans.Spans(self.now).span_of(self.issues_since(delivery.covered_from), [choice]).index
        chosen = [entry_index.Item(entry, "") for entry in index.entries if entry.paper_id in papers]
        left = rules.reasons_left_out(index, choice, chosen, had)
        assert left.keys() == {entry.id for entry in index.entries if entry.paper_id not in papers}
        assert all(reason.startswith(LEFT_OUT) for reason in left.values())


def pick(rows: QuerySet[Row], number: int) -> Row | None:
    """Return one of the rows; None where there are none."""
    count = rows.count()
    return rows[number % count] if count else None


def is_due(reader: Subscriber, now: datetime) -> bool:
    is_active = reader.status == Subscriber.Status.ACTIVE
    return is_active and reader.next_digest_at is not None and reader.next_digest_at <= now


def papers_had(reader_id: int) -> set[int]:
    got = Delivery.objects.filter(subscriber=reader_id).exclude(digest=None).exclude(status__in=NOT_HAD)
    return {
        paper for delivery in got.select_related("digest") if delivery.digest for paper in delivery.digest.paper_ids
    }


def one_a_paper(entries: QuerySet[IssueEntry], *, newest_first: bool = False) -> list[IssueEntry]:
    """Return each paper where it counts: on a front before a shelf, or in the newest issue."""
    rows = sorted(
        entries.select_related("issue"), key=lambda entry: (entry.shelf, entry.issue.date), reverse=newest_first
    )
    if newest_first:
        rows.sort(key=lambda entry: entry.issue.date, reverse=True)
    found: dict[int | None, IssueEntry] = {}
    for entry in rows:
        found.setdefault(entry.paper_id, entry)
    return list(found.values())


def front_of(entries: Iterable[IssueEntry]) -> list[IssueEntry]:
    return [entry for entry in entries if entry.shelf == IssueEntry.Shelf.FRONT]


def unmuted(entries: Iterable[IssueEntry], choice: entry_index.Choice) -> list[IssueEntry]:
    return [
        entry
        for entry in entries
        if not says(entry, choice.muted_phrases) and not set(choice.muted_authors) & set(entry.snapshot["authors"])
    ]


def matches(entry: IssueEntry, choice: entry_index.Choice) -> bool:
    """Say whether a reader is sent a paper of the span, the limit and what was sent before aside."""
    return fits(entry, choice) or bool(entry.is_pick and unmuted([entry], choice))


def fits(entry: IssueEntry, choice: entry_index.Choice) -> bool:
    """Say whether a reader asked for a paper: so it comes from an older issue too, whose picks come to no one else."""
    topics = {topic["slug"] for topic in entry.snapshot["topics"]}
    is_followed = says(entry, choice.followed_phrases) or set(choice.followed_authors) & set(entry.snapshot["authors"])
    is_of_topic = topics & choice.topics and entry.snapshot["score"] >= choice.minimum_score
    return bool(unmuted([entry], choice)) and bool(is_followed or is_of_topic)


def says(entry: IssueEntry, words: Iterable[str]) -> bool:
    return any(word in entry.snapshot["title"] for word in words)


@pytest.mark.nightly
def test_each_reader_gets_what_was_promised_whatever_happens() -> None:
    limits = hypothesis_settings(
        max_examples=hypothesis_settings().max_examples // (1 if os.environ.get("NIGHTLY") else 10),
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Days, settings=limits)

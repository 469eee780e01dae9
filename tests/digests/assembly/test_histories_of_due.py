"""No paper reaches a reader twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from digests.assembly import assemble
from digests.models import Batch, Delivery
from newsletter.issues.publish import publish
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, Topic
from subscribers.models import Subscriber
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.rivals import between

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
Status = Delivery.Status
DAY = timedelta(days=1)


@pytest.fixture
def vision() -> Topic:
    return TopicFactory()


def papers_on(slot: datetime) -> list[int]:
    """Return the papers of the one delivery that was due then; none where it was skipped."""
    delivery = Delivery.objects.select_related("digest").get(slot=slot)
    return delivery.digest.paper_ids if delivery.digest else []


def make_due(at: datetime) -> None:
    Subscriber.objects.update(next_digest_at=at)


def send_all() -> None:
    Batch.objects.update(status=Batch.Status.DONE, position=1000)


def shown_twice(vision: Topic, set_clock: SetClock) -> tuple[Paper, Paper]:
    """Show a paper on Monday's shelf and Tuesday's front, which has another one too; serve Monday's digest."""
    paper, other = (PaperFactory(topics=[vision]) for _ in range(2))
    first = PaperFactory(topics=[TopicFactory()])
    published_issue(MONDAY, first, shelf=(paper,))
    assemble.assemble_due_digests()
    send_all()
    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, paper, other)
    make_due(MORNING + DAY)
    return paper, other


@pytest.mark.parametrize("status", [None, Status.SENT, Status.UNCERTAIN])
def test_what_was_sent_or_may_have_been_does_not_come_again(
    vision: Topic, set_clock: SetClock, status: Status | None
) -> None:
    SubscriberFactory(topics=[vision])
    _, other = shown_twice(vision, set_clock)
    Delivery.objects.update(status=status)
    assemble.assemble_due_digests()
    assert papers_on(MORNING + DAY) == [other.pk]


@pytest.mark.parametrize(("status", "settled_by"), [(Status.SKIPPED, None), (Status.REJECTED, None),
                                                     (Status.ABANDONED, None), (Status.ABANDONED, "ada")])  # fmt: skip
def test_what_never_left_or_was_abandoned_may_come_again(
    vision: Topic, set_clock: SetClock, status: Status, settled_by: str | None
) -> None:
    SubscriberFactory(topics=[vision])
    paper, other = shown_twice(vision, set_clock)
    Delivery.objects.update(status=status, settled_by=settled_by)
    assemble.assemble_due_digests()
    assert papers_on(MORNING + DAY) == [paper.pk, other.pk]


@pytest.mark.parametrize("is_delivered", [False, True])
def test_what_was_refused_for_our_fault_may_come_again_unless_it_arrived(
    vision: Topic, set_clock: SetClock, is_delivered: bool
) -> None:
    SubscriberFactory(topics=[vision])
    paper, other = shown_twice(vision, set_clock)
    Delivery.objects.update(refused_at=MORNING, delivered_at=MORNING if is_delivered else None)
    assemble.assemble_due_digests()
    assert papers_on(MORNING + DAY) == ([other.pk] if is_delivered else [paper.pk, other.pk])


@pytest.mark.parametrize("is_merged_away", [True, False])
def test_a_paper_that_was_sent_as_its_twin_does_not_come_again(
    vision: Topic, set_clock: SetClock, is_merged_away: bool
) -> None:
    first, sent, arranged = (PaperFactory(topics=[vision]) for _ in range(3))
    SubscriberFactory(topics=[vision])
    published_issue(MONDAY, first, shelf=(sent,))
    assemble.assemble_due_digests()
    set_clock(MORNING + DAY)
    if is_merged_away:
        duplicates.merge(sent, into=arranged)
    tuesday, other = IssueFactory(date=MONDAY + DAY), PaperFactory(topics=[vision])
    EntryFactory(issue=tuesday, paper=arranged, is_pick=True)
    EntryFactory(issue=tuesday, paper=other)
    publish(tuesday)
    if not is_merged_away:
        duplicates.merge(arranged, into=sent)
    make_due(MORNING + DAY)

    assemble.assemble_due_digests()

    assert papers_on(MORNING + DAY) == [other.pk]


def test_twins_of_one_paper_are_known_as_one(vision: Topic, set_clock: SetClock) -> None:
    sent, arranged, heir = (PaperFactory(topics=[vision]) for _ in range(3))
    SubscriberFactory(topics=[vision])
    published_issue(MONDAY, sent)
    assemble.assemble_due_digests()
    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, arranged)
    duplicates.merge(sent, into=arranged)
    duplicates.merge(arranged, into=heir)
    make_due(MORNING + DAY)
    assemble.assemble_due_digests()
    assert Delivery.objects.get(slot=MORNING + DAY).reason == Delivery.Reason.ALL_HAD


def test_a_first_digest_that_came_days_late_is_remembered(vision: Topic, set_clock: SetClock) -> None:
    first, paper, other = (PaperFactory(topics=[vision]) for _ in range(3))
    reader = SubscriberFactory(topics=[vision], confirmed_at=MORNING)
    set_clock(MORNING + 5 * DAY)
    published_issue(MONDAY + 5 * DAY, first, shelf=(paper,))
    assemble.assemble_due_digests()
    reader.refresh_from_db()
    assert reader.covered_through == MORNING + 5 * DAY

    set_clock(MORNING + 6 * DAY)
    published_issue(MONDAY + 6 * DAY, paper, other)
    make_due(MORNING + 6 * DAY)
    assemble.assemble_due_digests()

    assert papers_on(MORNING + 6 * DAY) == [other.pk]


def test_who_comes_back_to_the_same_issue_does_not_get_its_papers_again(vision: Topic, set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    assemble.assemble_due_digests()
    reader.refresh_from_db()
    reader.unsubscribe()
    set_clock(MORNING + timedelta(hours=2))
    reader.move_to(Subscriber.Status.PENDING)
    reader.confirm()
    assemble.assemble_due_digests()
    assert Delivery.objects.get(slot=MORNING + timedelta(hours=2)).reason == Delivery.Reason.ALL_HAD


@pytest.mark.parametrize("has_match", [True, False])
def test_who_comes_back_on_the_same_day_gets_no_second_digest_of_the_fronts_best(
    has_match: bool, vision: Topic, set_clock: SetClock
) -> None:
    matching = PaperFactory(topics=[vision if has_match else TopicFactory()])
    published_issue(MONDAY, matching, *PaperFactory.create_batch(20, topics=[TopicFactory()]))
    reader = SubscriberFactory(topics=[vision])
    assemble.assemble_due_digests()
    reader.refresh_from_db()
    reader.unsubscribe()
    set_clock(MORNING + timedelta(hours=2))
    reader.move_to(Subscriber.Status.PENDING)
    reader.confirm()
    assemble.assemble_due_digests()
    assert Delivery.objects.get(slot=MORNING + timedelta(hours=2)).reason == Delivery.Reason.ALL_HAD


def test_of_a_reader_without_a_new_issue_only_the_last_digest_is_read(vision: Topic, set_clock: SetClock) -> None:
    SubscriberFactory(topics=[vision])
    for days in range(5):
        set_clock(MORNING + days * DAY)
        published_issue(MONDAY + days * DAY, PaperFactory(topics=[vision]))
        make_due(MORNING + days * DAY)
        assemble.assemble_due_digests()
    make_due(MORNING + 4 * DAY + timedelta(hours=1))
    set_clock(MORNING + 4 * DAY + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    before = deliveries_read()
    assemble.assemble_due_digests()
    assert deliveries_read() - before <= 2  # the last one, to find where to begin, and from there on
    assert Delivery.objects.latest("slot").reason == Delivery.Reason.NO_ISSUE


def deliveries_read() -> int:
    """Return how many rows of deliveries this transaction has fetched through an index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'digests_delivery'")
        return int(cursor.fetchone()[0])


def test_the_look_back_costs_the_same_for_any_number_of_readers(vision: Topic, set_clock: SetClock) -> None:
    few = queries_of_a_second_day(2, vision, set_clock)
    assert few == queries_of_a_second_day(30, TopicFactory(), set_clock, after=30 * DAY)


def queries_of_a_second_day(readers: int, topic: Topic, set_clock: SetClock, after: timedelta = timedelta()) -> int:
    Subscriber.objects.all().update(status=Subscriber.Status.UNSUBSCRIBED)
    set_clock(MORNING + after)
    SubscriberFactory.create_batch(readers, topics=[topic], next_digest_at=MORNING + after)
    first, paper = PaperFactory(topics=[topic]), PaperFactory(topics=[topic])
    published_issue(MONDAY + after, first, shelf=(paper,))
    assemble.assemble_due_digests()
    set_clock(MORNING + after + DAY)
    published_issue(MONDAY + after + DAY, paper, PaperFactory(topics=[topic]))
    Subscriber.objects.active().update(next_digest_at=MORNING + after + DAY)
    with counting() as statements:
        assemble.assemble_due_digests()
    assert Delivery.objects.filter(slot=MORNING + after + DAY, covered_to=MORNING + after + DAY).count() == readers
    return len(statements)


@contextmanager
def counting() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield statements


@pytest.mark.django_db(transaction=True)
def test_an_issue_whose_publication_is_stored_while_an_assembly_runs_waits_for_the_next(set_clock: SetClock) -> None:
    vision = TopicFactory()
    paper, other = PaperFactory(topics=[vision]), PaperFactory(topics=[vision])
    SubscriberFactory(topics=[vision])
    published_issue(MONDAY, PaperFactory(topics=[vision]), shelf=(paper,))
    assemble.assemble_due_digests()
    set_clock(MORNING + DAY)
    tuesday = IssueFactory(date=MONDAY + DAY, cutoff_at=MORNING)
    for each in (paper, other):
        EntryFactory(issue=tuesday, paper=each)
    make_due(MORNING + DAY)

    with between("CREATE TEMP TABLE assembly_due", lambda: publish(tuesday)):
        assemble.assemble_due_digests()
    make_due(MORNING + DAY + timedelta(seconds=2))
    set_clock(MORNING + DAY + timedelta(seconds=2))
    assemble.assemble_due_digests()

    assert papers_on(MORNING + DAY) == []
    assert papers_on(MORNING + DAY + timedelta(seconds=2)) == [other.pk]

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Count

from digests.assembly import assemble
from digests.models import Batch, Card, Delivery, Digest
from newsletter.issues.draft import draft_issue
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish import publish, publish_past_cutoff
from newsletter.papers.models import Source, Topic
from subscribers.models import Preferences, Subscriber
from tests.factories import (
    MONDAY,
    MORNING,
    PaperFactory,
    SightingFactory,
    SourceFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.queries import query_count
from tests.rivals import between, in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


def only_delivery() -> Delivery:
    return Delivery.objects.select_related("digest").get()


def test_readers_who_chose_the_same_share_one_digest() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory.create_batch(3, topics=[vision])

    assemble.assemble_due_digests()

    assert (Digest.objects.count(), Delivery.objects.count(), Batch.objects.count()) == (1, 3, 1)


def test_readers_share_a_digest_with_those_of_their_detail_and_a_card_with_all_of_it() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, *[PaperFactory(topics=[vision]) for _ in range(3)])
    for detail in Preferences.Detail:
        SubscriberFactory.create_batch(2, topics=[vision], detail=detail)
    SubscriberFactory(topics=[vision], detail=Preferences.Detail.ABSTRACT, max_papers=2)

    assemble.assemble_due_digests()

    assert (Digest.objects.count(), Delivery.objects.count()) == (4, 7)
    assert Card.objects.count() == 3 * len(Preferences.Detail)
    readers = Delivery.objects.values(
        "digest", "subscriber__preferences__detail", "subscriber__preferences__max_papers"
    )
    assert sorted(readers.annotate(count=Count("pk")).values_list("count", flat=True)) == [1, 2, 2, 2]


def test_a_served_reader_is_covered_through_the_issue_and_due_again_at_the_next_slot() -> None:
    vision = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision], send_time=time(5, 30), confirmed_at=MORNING)

    assemble.assemble_due_digests()

    reader.refresh_from_db()
    assert reader.covered_through == issue.published_at
    assert reader.next_digest_at == MORNING + timedelta(minutes=30)


def test_a_second_run_changes_nothing() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], send_time=time(5, 30))
    assemble.assemble_due_digests()

    assert assemble.assemble_due_digests() == assemble.AssemblyReport(0, [])
    assert Delivery.objects.count() == 1


def test_a_reader_gets_everything_published_since_the_last_digest(set_clock: SetClock) -> None:
    vision = TopicFactory()
    old = published_issue(MONDAY, PaperFactory())
    papers = []
    for days in (1, 2):
        set_clock(MORNING + days * DAY)
        papers.append(PaperFactory(topics=[vision], score=days))
        published_issue(MONDAY + days * DAY, papers[-1])
    SubscriberFactory(topics=[vision], covered_through=old.published_at, next_digest_at=MORNING + 2 * DAY)

    assemble.assemble_due_digests()

    digest = only_delivery().digest
    assert digest is not None
    assert set(digest.paper_ids) == {paper.pk for paper in papers}


def test_several_issues_are_one_list_in_the_order_of_the_newest_day(set_clock: SetClock) -> None:
    vision, source = TopicFactory(), SourceFactory(kind=Source.Kind.HF_DAILY)
    first, second = (PaperFactory(topics=[vision], listed_on=MONDAY) for _ in range(2))
    SightingFactory(paper=second, source=source, votes=50, seen_at=MORNING)
    SightingFactory(paper=first, source=source, votes=5, seen_at=MORNING)
    old = published_issue(MONDAY - DAY, PaperFactory())
    set_clock(MORNING + timedelta(minutes=1))
    published_issue(MONDAY, second)
    set_clock(MORNING + DAY)
    SightingFactory(paper=first, source=source, votes=500, seen_at=MORNING + DAY)
    published_issue(MONDAY + DAY, first)
    SubscriberFactory(topics=[vision], covered_through=old.published_at, next_digest_at=MORNING + DAY)

    assemble.assemble_due_digests()

    digest = only_delivery().digest
    assert digest is not None
    assert digest.paper_ids == [first.pk, second.pk]


def test_a_first_digest_begins_with_the_newest_issue(set_clock: SetClock) -> None:
    vision = TopicFactory()
    older = PaperFactory(topics=[vision])
    published_issue(MONDAY, older)
    set_clock(MORNING + DAY)
    newest = PaperFactory(topics=[vision])
    published_issue(MONDAY + DAY, newest)
    SubscriberFactory(topics=[vision])

    assemble.assemble_due_digests()

    digest = only_delivery().digest
    assert digest is not None
    assert digest.paper_ids == [newest.pk, older.pk]


def test_a_first_digest_without_a_match_brings_the_fronts_best() -> None:
    published_issue(MONDAY, PaperFactory(topics=[TopicFactory()]))
    SubscriberFactory(topics=[TopicFactory()])

    assemble.assemble_due_digests()

    digest = only_delivery().digest
    assert digest is not None
    assert digest.is_fallback


def test_a_later_digest_without_a_match_is_skipped_with_the_number_looked_at() -> None:
    published_issue(MONDAY, PaperFactory(topics=[TopicFactory()]))
    SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - DAY)

    assemble.assemble_due_digests()

    delivery = only_delivery()
    assert (delivery.status, delivery.reason) == (Delivery.Status.SKIPPED, Delivery.Reason.NOTHING_MATCHED)
    assert delivery.note == "1 paper considered"


def test_a_span_without_an_issue_is_skipped_with_that_reason() -> None:
    issue = published_issue(MONDAY, PaperFactory())
    SubscriberFactory(covered_through=issue.published_at)

    assemble.assemble_due_digests()

    assert only_delivery().reason == Delivery.Reason.NO_ISSUE


def test_a_paper_that_came_from_a_shelf_to_a_front_reaches_a_reader_once(set_clock: SetClock) -> None:
    vision = TopicFactory()
    paper, other = PaperFactory(topics=[vision]), PaperFactory()
    published_issue(MONDAY, other, shelf=(paper,))
    reader = SubscriberFactory(topics=[vision])
    newcomer = SubscriberFactory(topics=[vision], covered_through=MORNING)
    Subscriber.objects.filter(pk=newcomer.pk).update(next_digest_at=MORNING + DAY)
    assemble.assemble_due_digests()

    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, paper)
    Subscriber.objects.filter(pk=reader.pk).update(next_digest_at=MORNING + DAY)
    assemble.assemble_due_digests()

    tuesday = Delivery.objects.filter(slot=MORNING + DAY)
    assert tuesday.get(subscriber=reader).reason == Delivery.Reason.ALL_HAD
    digest = tuesday.get(subscriber=newcomer).digest
    assert digest is not None
    assert digest.paper_ids == [paper.pk]


def test_what_comes_too_late_for_its_hour_is_not_mailed_and_stays_in_the_next_span(set_clock: SetClock) -> None:
    vision = TopicFactory()
    paper = PaperFactory(topics=[vision])
    published_issue(MONDAY, paper)
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)

    set_clock(MORNING + timedelta(hours=13))
    assemble.assemble_due_digests()
    assert only_delivery().reason == Delivery.Reason.EXPIRED

    reader.refresh_from_db()
    assert reader.covered_through == MORNING - DAY
    assert reader.next_digest_at is not None
    set_clock(reader.next_digest_at)
    assemble.assemble_due_digests()
    digest = Delivery.objects.select_related("digest").latest("pk").digest
    assert digest is not None
    assert digest.paper_ids == [paper.pk]


def test_a_paper_an_editor_dropped_after_publication_is_left_out() -> None:
    vision = TopicFactory()
    dropped, kept = PaperFactory(topics=[vision]), PaperFactory(topics=[vision])
    published_issue(MONDAY, dropped, kept)
    IssueEntry.objects.filter(paper=dropped).update(dropped_at=MORNING)
    SubscriberFactory(topics=[vision])

    assemble.assemble_due_digests()

    digest = only_delivery().digest
    assert digest is not None
    assert digest.paper_ids == [kept.pk]


def test_a_reader_of_a_retired_topic_gets_the_papers_of_its_heir() -> None:
    old, heir = TopicFactory(), TopicFactory()
    paper = PaperFactory(topics=[heir])
    reader = SubscriberFactory(topics=[old])
    old.retire(into=heir)
    published_issue(MONDAY, paper)

    assemble.assemble_due_digests()

    delivery = only_delivery()
    assert delivery.subscriber_id == reader.pk
    assert delivery.digest is not None
    assert (delivery.digest.paper_ids, delivery.digest.is_fallback) == ([paper.pk], False)


def drafted_issue(vision: Topic) -> Issue:
    """Return Tuesday's draft, which a reader waits for who got Monday's issue."""
    issue = published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], covered_through=issue.published_at, next_digest_at=MORNING + DAY * 0.9)
    PaperFactory(topics=[vision], listed_on=MONDAY + DAY, first_seen_at=MORNING + DAY * 0.5)
    return draft_issue(MONDAY + DAY)


def test_readers_with_nothing_new_wait_for_todays_draft_until_its_cutoff(set_clock: SetClock) -> None:
    drafted_issue(TopicFactory())
    set_clock(MORNING + DAY - timedelta(minutes=1))
    assemble.assemble_due_digests()
    assert not Delivery.objects.exists()

    set_clock(MORNING + DAY)
    publish_past_cutoff()
    assemble.assemble_due_digests()
    assert only_delivery().covered_to == MORNING + DAY


def test_a_draft_past_its_cutoff_is_waited_for_while_its_publication_is_on_the_way(set_clock: SetClock) -> None:
    drafted_issue(TopicFactory())
    set_clock(MORNING + DAY + timedelta(seconds=1))
    assemble.assemble_due_digests()
    assert not Delivery.objects.exists()

    set_clock(MORNING + DAY + assemble.PUBLISHING_TIME)
    assemble.assemble_due_digests()
    assert only_delivery().reason == Delivery.Reason.NO_ISSUE


def test_an_issue_published_after_an_assembly_began_is_still_awaited_by_it(set_clock: SetClock) -> None:
    draft = drafted_issue(TopicFactory())
    run_began = MORNING + DAY - timedelta(seconds=1)
    set_clock(MORNING + DAY - timedelta(milliseconds=500))
    publish(draft)
    set_clock(run_began)
    assemble.assemble_due_digests()
    assert not Delivery.objects.exists()


def test_who_gets_no_digest_is_in_no_batch() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision])
    nobody = SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - DAY)
    assemble.assemble_due_digests()
    assert nobody.deliveries.get().batch_id is None


def test_the_subject_is_the_first_title_and_how_many_more() -> None:
    vision = TopicFactory()
    first, second = PaperFactory(topics=[vision], title="Seeing"), PaperFactory(topics=[vision])
    published_issue(MONDAY, first, second)
    SubscriberFactory(topics=[vision])

    assemble.assemble_due_digests()

    assert Digest.objects.get().subject == "Seeing, and 1 more paper"


def queries_for(readers: int) -> int:
    due = []
    count = query_count(lambda: due.append(assemble.assemble_due_digests().due))
    assert due == [readers]
    return count


def test_the_number_of_queries_does_not_grow_with_the_readers() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory.create_batch(2, topics=[vision])
    for_two = queries_for(2)
    SubscriberFactory.create_batch(60, topics=[vision])
    assert queries_for(60) <= for_two


def test_a_reader_of_a_zone_that_nobody_knows_any_more_keeps_nobody_waiting() -> None:
    lost, found = SubscriberFactory(), SubscriberFactory()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscribers_subscriber SET timezone = 'Mars/Olympus' WHERE id = %s", [lost.pk])
    assemble.assemble_due_digests()
    assert list(Delivery.objects.values_list("subscriber_id", flat=True)) == [found.pk]


# When


def due_again(reader: Subscriber) -> datetime | None:
    reader.refresh_from_db()
    return reader.next_digest_at


def test_a_welcome_at_noon_is_followed_by_the_next_days_digest(set_clock: SetClock) -> None:
    noon = MORNING.replace(hour=12)
    set_clock(noon)
    reader = SubscriberFactory(send_time=time(7), confirmed_at=noon, next_digest_at=noon)
    assemble.assemble_due_digests()
    assert due_again(reader) == MORNING.replace(hour=7) + DAY


def test_a_digest_that_was_due_when_the_hour_changed_is_the_only_one_of_its_day() -> None:
    reader = SubscriberFactory(send_time=time(5), covered_through=MORNING - DAY)
    reader.send_time = time(18)
    reader.reschedule()
    assemble.assemble_due_digests()
    assert due_again(reader) == MORNING.replace(hour=18) + DAY
    assert reader.last_slot_at == MORNING


def test_after_an_outage_over_night_the_day_that_is_not_too_late_is_served_at_once(set_clock: SetClock) -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision], send_time=time(5), covered_through=MORNING - DAY)
    set_clock(MORNING + DAY + timedelta(hours=3))

    assert assemble.assemble_due_digests().due == 2

    monday, tuesday = Delivery.objects.order_by("slot")
    assert (monday.slot, monday.reason, monday.covered_to) == (MORNING, Delivery.Reason.EXPIRED, None)
    assert (tuesday.slot, tuesday.covered_from) == (MORNING + DAY, MORNING - DAY)
    assert tuesday.digest_id is not None
    assert due_again(reader) == MORNING + 2 * DAY


def test_a_digest_at_most_twelve_hours_late_is_mailed(set_clock: SetClock) -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    set_clock(MORNING + timedelta(hours=12))
    assemble.assemble_due_digests()
    assert only_delivery().digest_id is not None
    assert only_delivery().expires_at == MORNING + timedelta(hours=12)


def test_a_welcome_is_never_too_late_and_has_twelve_hours_to_leave(set_clock: SetClock) -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], send_time=time(18), confirmed_at=MORNING)
    set_clock(MORNING + DAY)
    assemble.assemble_due_digests()
    welcome = Delivery.objects.earliest("slot")
    assert welcome.digest_id is not None
    assert welcome.expires_at == MORNING + DAY + timedelta(hours=12)


def test_who_is_paused_is_skipped_for_that_reason_however_late_it_is(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    SubscriberFactory(paused_until=MONDAY + 2 * DAY, covered_through=MORNING - DAY)
    set_clock(MORNING + timedelta(hours=13))
    assemble.assemble_due_digests()
    assert only_delivery().reason == Delivery.Reason.PAUSED


def test_who_is_paused_when_it_is_due_gets_nothing_and_loses_nothing(set_clock: SetClock) -> None:
    vision = TopicFactory()
    paper = PaperFactory(topics=[vision])
    published_issue(MONDAY, paper)
    until = MONDAY + 2 * DAY
    reader = SubscriberFactory(topics=[vision], send_time=time(5), paused_until=until, covered_through=MORNING - DAY)

    assemble.assemble_due_digests()

    skipped = only_delivery()
    assert (skipped.status, skipped.reason, skipped.covered_to) == ("skipped", Delivery.Reason.PAUSED, None)
    assert due_again(reader) == MORNING + 2 * DAY
    set_clock(MORNING + 2 * DAY)
    assemble.assemble_due_digests()
    digest = Delivery.objects.select_related("digest").latest("slot").digest
    assert digest is not None
    assert digest.paper_ids == [paper.pk]


def test_a_pause_that_ended_hinders_nothing() -> None:
    vision = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], paused_until=MONDAY, covered_through=MORNING - DAY)
    assemble.assemble_due_digests()
    assert only_delivery().digest_id is not None


def test_who_waits_for_todays_draft_gets_it_as_soon_as_it_is_published(set_clock: SetClock) -> None:
    vision = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[vision]))
    slot = MORNING + DAY - timedelta(hours=3)
    SubscriberFactory(topics=[vision], send_time=slot.time(), covered_through=issue.published_at, next_digest_at=slot)
    PaperFactory(topics=[vision], listed_on=MONDAY + DAY, votes=1)
    today = draft_issue(MONDAY + DAY)
    set_clock(MORNING + DAY - timedelta(hours=1))
    assert assemble.assemble_due_digests().due == 0

    publish(today)
    assemble.assemble_due_digests()

    delivery = only_delivery()
    assert delivery.digest is not None
    assert (delivery.digest.issue_id, delivery.slot) == (today.pk, slot)


def test_who_has_something_to_get_does_not_wait_for_todays_draft(set_clock: SetClock) -> None:
    vision = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[vision]))
    SubscriberFactory(topics=[vision], covered_through=MORNING - DAY, next_digest_at=MORNING + DAY * 0.9)
    PaperFactory(topics=[vision], listed_on=MONDAY + DAY)
    draft_issue(MONDAY + DAY)
    set_clock(MORNING + DAY - timedelta(hours=1))
    assemble.assemble_due_digests()
    digest = only_delivery().digest
    assert digest is not None
    assert digest.issue_id == issue.pk


@pytest.mark.django_db(transaction=True)
def test_a_change_of_when_waits_for_the_assembly_that_serves_the_reader() -> None:
    reader = SubscriberFactory(send_time=time(5), covered_through=MORNING - DAY)
    reader.send_time = time(18)
    with transaction.atomic():
        assemble.assemble_due_digests()
        refused = in_another_connection(reader.reschedule)
    assert "lock timeout" in str(refused)

    assert in_another_connection(reader.reschedule) is None
    assert due_again(reader) == MORNING.replace(hour=18) + DAY


@pytest.mark.django_db(transaction=True)
def test_an_assembly_passes_over_a_reader_who_changes_when() -> None:
    reader = SubscriberFactory(send_time=time(5), covered_through=MORNING - DAY)
    reader.send_time = time(18)
    with transaction.atomic():
        reader.reschedule()
        assert in_another_connection(assemble.assemble_due_digests) is None
        assert not Delivery.objects.exists()
    assemble.assemble_due_digests()
    assert due_again(reader) == MORNING.replace(hour=18) + DAY


@pytest.mark.django_db(transaction=True)
def test_a_reader_whose_span_is_given_back_while_an_assembly_runs_waits_for_the_next() -> None:
    SubscriberFactory(send_time=time(5), covered_through=MORNING - DAY)
    with between(
        "INSERT INTO digests_delivery", lambda: Subscriber.objects.update(covered_through=MORNING - 2 * DAY)
    ) as raised:
        assemble.assemble_due_digests()
    assert raised == [None]
    assert not Delivery.objects.exists()

    assemble.assemble_due_digests()

    assert Delivery.objects.get().covered_from == MORNING - 2 * DAY

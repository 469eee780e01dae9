"""What a reader was not shown stays eligible for a week, and is judged as of the slot."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Delivery, Digest
from digests.previews import reader_day
from newsletter.issues.models import IssueEntry
from newsletter.papers.models import Paper, Topic
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.fixture
def vision() -> Topic:
    return TopicFactory(name="Vision")


def serve(days: int, set_clock: SetClock) -> None:
    set_clock(MORNING + days * DAY)
    Subscriber.objects.update(next_digest_at=MORNING + days * DAY)
    assemble.assemble_due_digests()


def shelve(days: int, set_clock: SetClock, *papers: Paper) -> None:
    """Publish an issue with one foreign paper on its front and `papers` on its shelf."""
    set_clock(MORNING + days * DAY)
    published_issue(MONDAY + days * DAY, PaperFactory(topics=[TopicFactory()]), shelf=papers)


def papers_of(reader: Subscriber, days: int) -> list[int]:
    delivery = Delivery.objects.select_related("digest").get(subscriber=reader, slot=MORNING + days * DAY)
    return delivery.digest.paper_ids if delivery.digest else []


def test_what_found_no_room_comes_on_the_next_days_after_their_own(vision: Topic, set_clock: SetClock) -> None:
    first, second, third, own = (PaperFactory(topics=[vision]) for _ in range(4))
    reader = SubscriberFactory(topics=[vision], max_papers=1)
    shelve(0, set_clock, first, second, third)
    serve(0, set_clock)
    shelve(1, set_clock, own)
    serve(1, set_clock)
    shelve(2, set_clock)
    serve(2, set_clock)
    assert [papers_of(reader, days) for days in range(3)] == [[first.pk], [own.pk], [second.pk]]
    assert not IssueEntry.objects.filter(issue__date=MONDAY + 2 * DAY, paper=second).exists()


def test_it_says_its_day(vision: Topic, set_clock: SetClock) -> None:
    SubscriberFactory(topics=[vision], max_papers=1)
    shelve(0, set_clock, *(PaperFactory(topics=[vision]) for _ in range(2)))
    serve(0, set_clock)
    shelve(1, set_clock)
    serve(1, set_clock)
    reasons = [card.reason for digest in Digest.objects.order_by("pk") for card in digest.cards]
    assert [reason.endswith(" · from 4 May") for reason in reasons] == [False, True]


def test_older_papers_alone_make_no_digest_on_a_day_without_an_issue(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision], max_papers=1)
    shelve(0, set_clock, *(PaperFactory(topics=[vision]) for _ in range(2)))
    serve(0, set_clock)
    serve(1, set_clock)
    assert Delivery.objects.get(subscriber=reader, slot=MORNING + DAY).reason == Delivery.Reason.NO_ISSUE


@pytest.mark.parametrize(("kept_days", "comes"), [(7, True), (3, False)])
def test_after_some_days_it_does_not_come_any_more(
    vision: Topic, set_clock: SetClock, settings: LazySettings, kept_days: int, comes: bool
) -> None:
    settings.DIGEST_SHELF_AGE = kept_days * DAY
    first, second = (PaperFactory(topics=[vision]) for _ in range(2))
    reader = SubscriberFactory(topics=[vision], max_papers=1)
    shelve(0, set_clock, first, second)
    serve(0, set_clock)
    shelve(4, set_clock)
    serve(4, set_clock)
    assert papers_of(reader, 4) == [second.pk] * comes


def test_a_paper_counts_from_the_first_issue_it_stood_in(vision: Topic, set_clock: SetClock) -> None:
    risen = PaperFactory(topics=[vision])
    shelve(0, set_clock, risen)
    set_clock(MORNING + 5 * DAY)
    published_issue(MONDAY + 5 * DAY, risen)
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING + 5 * DAY)
    shelve(8, set_clock)
    serve(8, set_clock)
    assert papers_of(reader, 8) == []


def test_a_past_day_is_previewed_by_what_was_eligible_then(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision], max_papers=1)
    shelve(0, set_clock, *(PaperFactory(topics=[vision]) for _ in range(3)))
    for days in range(3):
        if days:
            shelve(days, set_clock)
        serve(days, set_clock)
    set_clock(MORNING + 20 * DAY)
    for days in range(3):
        (preview,) = reader_day.preview_day(reader, MONDAY + days * DAY)
        assert [item.entry.paper_id for item in preview.items] == papers_of(reader, days) != []


def test_readers_with_the_same_choice_and_history_share_a_digest(vision: Topic, set_clock: SetClock) -> None:
    old = SubscriberFactory.create_batch(3, topics=[vision], max_papers=2)
    shelve(0, set_clock, *(PaperFactory(topics=[vision]) for _ in range(5)))
    serve(0, set_clock)
    new = SubscriberFactory.create_batch(2, topics=[vision], max_papers=2, covered_through=MORNING)
    shelve(1, set_clock)
    serve(1, set_clock)
    tuesday = Delivery.objects.filter(slot=MORNING + DAY)
    assert len({row.digest_id for row in tuesday.filter(subscriber__in=old)}) == 1
    assert len({row.digest_id for row in tuesday.filter(subscriber__in=new)}) == 1
    assert len({row.digest_id for row in tuesday}) == 2

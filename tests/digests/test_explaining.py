from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from digests import assembly, explaining, sending
from digests.models import Batch, Card
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers import signup
from subscribers.models import Subscriber, Suppression
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.fixture
def vision() -> Topic:
    topic: Topic = TopicFactory(name="Seeing")
    return topic


def serve() -> None:
    assembly.assemble_due_digests()
    for batch in Batch.objects.ready():
        sending.send_batch(batch)


def said(reader: Subscriber, days: int = 0) -> str:
    return "\n".join(explaining.explain(Subscriber.objects.get(pk=reader.pk), MONDAY + days * DAY))


def test_each_paper_has_its_reason_in_the_order_it_was_sent(vision: Topic) -> None:
    first, second = (PaperFactory(title=title, votes=41, topics=[vision]) for title in ("First", "Second"))
    published_issue(MONDAY, first, second)
    reader = SubscriberFactory(topics=[vision])
    serve()
    text = said(reader)
    assert text.index("1. First") < text.index("2. Second")
    assert "Seeing · 41 votes" in text


def test_a_digest_whose_cards_are_gone_is_named_and_said_to_be_too_old(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(title="First", topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    serve()
    Card.objects.all().delete()
    assert "“First”: too old" in said(reader)


def test_what_was_left_out_has_its_reason(vision: Topic) -> None:
    published_issue(
        MONDAY, *[PaperFactory(title=f"No. {n}", topics=[vision]) for n in range(4)], PaperFactory(title="X")
    )
    reader = SubscriberFactory(topics=[vision], max_papers=3)
    serve()
    text = said(reader)
    assert "No. 3: beyond the reader’s limit of 3" in text
    assert "X: none of the reader’s topics" in text


def test_a_paper_that_was_sent_before_is_left_out_for_that_reason(vision: Topic, set_clock: SetClock) -> None:
    shelved, lead = (PaperFactory(title=title, topics=[vision]) for title in ("Risen", "Lead"))
    published_issue(MONDAY, lead, shelf=(shelved,))
    reader = SubscriberFactory(topics=[vision])
    serve()
    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, shelved, PaperFactory(title="New", topics=[vision]))
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    serve()
    text = said(reader, days=1)
    assert "1. New" in text
    assert "Risen: sent before" in text


def test_what_waits_to_be_sent_is_planned(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    assembly.assemble_due_digests()
    assert ": planned, not sent yet" in said(reader)


def test_who_left_before_it_was_sent_is_told_so(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    assembly.assemble_due_digests()
    signup.unsubscribe(reader, ip=None)
    serve()
    assert "no digest: the reader left before it was sent" in said(reader)


def test_a_suppressed_address_is_told_so(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.BOUNCE)
    serve()
    assert "no digest: the address is suppressed" in said(reader)


def test_a_day_without_an_issue_is_told_so(vision: Topic) -> None:
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    serve()
    assert "no digest: no issue was published since the last digest" in said(reader)


def test_a_pause_is_told_on_the_day_it_began_and_on_those_after(vision: Topic) -> None:
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY, paused_until=MONDAY + 3 * DAY)
    serve()
    assert "no digest: paused when it was due" in said(reader)
    assert said(reader, days=2) == "No digest: paused until 2026-05-07."


def test_a_digest_of_an_issue_that_was_withdrawn_later_is_still_explained(vision: Topic) -> None:
    issue = published_issue(MONDAY, PaperFactory(title="Seen", topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    serve()
    issue.move_to(Issue.Status.WITHDRAWN)
    assert "1. Seen" in said(reader)


def test_a_reader_who_is_not_confirmed_has_no_digest() -> None:
    assert said(SubscriberFactory(status=Subscriber.Status.PENDING)) == "No digest: the subscription is pending."


def test_a_day_on_which_nothing_was_due_says_what_is_next() -> None:
    reader = SubscriberFactory(next_digest_at=MORNING + 2 * DAY)
    assert said(reader) == "No digest was due on 2026-05-04. The next one is due 2026-05-06 05:00 (UTC)."

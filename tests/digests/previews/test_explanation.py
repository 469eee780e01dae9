from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from digests.assembly import assemble
from digests.models import Batch, Card
from digests.previews import explanation
from digests.sending import send_batch
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers.models import Preferences, Subscriber, Suppression
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.fixture
def vision() -> Topic:
    topic: Topic = TopicFactory(name="Seeing")
    return topic


def serve() -> None:
    assemble.assemble_due_digests()
    for batch in Batch.objects.ready():
        send_batch.send_batch(batch)


def said(reader: Subscriber, days: int = 0) -> str:
    return "\n".join(explanation.explain(Subscriber.objects.get(pk=reader.pk), MONDAY + days * DAY))


def test_each_paper_has_its_reason_in_the_order_it_was_sent(vision: Topic) -> None:
    first, second = (PaperFactory(title=title, votes=41, topics=[vision]) for title in ("First", "Second"))
    published_issue(MONDAY, first, second)
    reader = SubscriberFactory(topics=[vision])
    serve()
    text = said(reader)
    assert text.index("1. First") < text.index("2. Second")
    assert "Seeing: arXiv cs.CL · 41 votes" in text


def test_a_digest_whose_cards_are_gone_is_explained_as_too_old(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(title="First", topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    serve()
    Card.objects.all().delete()
    text = said(reader)
    assert "“First”" in text
    assert "It is too old" in text


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
    assemble.assemble_due_digests()
    assert ": planned\n" in said(reader)


def test_leaving_before_sending_is_the_explanation(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    assemble.assemble_due_digests()
    opt_in.unsubscribe(reader, ip=None)
    serve()
    assert "no digest: the reader left before it was sent" in said(reader)


def test_a_suppressed_address_is_the_explanation(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.BOUNCE)
    serve()
    assert "no digest: the address is suppressed" in said(reader)


def test_a_day_without_an_issue_is_the_explanation(vision: Topic) -> None:
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    serve()
    assert "no digest: no issue was published since the last digest" in said(reader)


def test_a_pause_is_the_explanation_from_its_first_day_on(vision: Topic) -> None:
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


def test_a_shelf_paper_of_the_readers_topics_or_words_has_its_reason_too(vision: Topic) -> None:
    shelf = [PaperFactory(title=f"Shelf {n}", topics=[vision], score=50.0 - n) for n in range(7)]
    followed = [PaperFactory(title=f"A survey, part {n}", score=40.0 - n) for n in range(2)]
    foreign = PaperFactory(title="Foreign", topics=[TopicFactory()])
    published_issue(MONDAY, PaperFactory(topics=[vision]), shelf=(*shelf, *followed, foreign))
    reader = SubscriberFactory()
    reader.preferences = Preferences.objects.for_choice([vision], followed_phrases=["survey"], max_papers=1)
    reader.save()
    serve()
    text = said(reader)
    assert "1. A survey, part 0" in text
    assert "A survey, part 1 (shelf): beyond the reader’s limit of 1" in text
    assert "Shelf 4 (shelf): beyond the reader’s limit of 1" in text
    assert "Shelf 6 (shelf): beyond the reader’s limit of 1" in text
    assert "Foreign" not in text
    assert "Left out: 10, of which 9 concern this reader" in text


def test_a_day_on_which_nothing_matched_says_of_how_many_and_why_each_did_not(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(title="X"))
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    serve()
    text = said(reader)
    assert "no digest: none of the papers matched (1 paper considered)" in text
    assert "X: none of the reader’s topics" in text


def test_papers_all_sent_before_are_the_explanation(vision: Topic, set_clock: SetClock) -> None:
    risen = PaperFactory(title="Risen", topics=[vision])
    published_issue(MONDAY, PaperFactory(), shelf=(risen,))
    reader = SubscriberFactory(topics=[vision])
    serve()
    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, risen)
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    serve()
    text = said(reader, days=1)
    assert "no digest: every matching paper had been sent before" in text
    assert "Risen: sent before" in text


def test_a_fallback_says_what_kept_each_matching_paper_out(vision: Topic) -> None:
    published_issue(
        MONDAY, PaperFactory(title="A survey", topics=[vision]), PaperFactory(title="Lead", topics=[TopicFactory()])
    )
    reader = SubscriberFactory()
    reader.preferences = Preferences.objects.for_choice([vision], muted_phrases=["survey"])
    reader.save()
    serve()
    assert "It has the best papers of the front, because every matching paper was muted." in said(reader)


def test_an_expired_digest_is_the_explanation(vision: Topic, set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    set_clock(MORNING + timedelta(hours=13))
    serve()
    assert "no digest: too late for its hour; its papers come with the next digest" in said(reader)


def test_an_issue_that_was_withdrawn_before_is_named(vision: Topic, set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision])).move_to(Issue.Status.WITHDRAWN)
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    serve()
    text = said(reader)
    assert "no digest: no issue was published since the last digest" in text
    assert "The issue of 2026-05-04 was withdrawn before, at 2026-05-04 05:00 (UTC)." in text


def test_an_issue_that_was_withdrawn_before_the_sending_is_the_reason(vision: Topic) -> None:
    issue = published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision])
    assemble.assemble_due_digests()
    issue.move_to(Issue.Status.WITHDRAWN)
    serve()
    assert "no digest: the issue was withdrawn" in said(reader)


def test_a_weekly_digest_names_its_span_and_other_days_name_that_digest(vision: Topic, set_clock: SetClock) -> None:
    for days in range(3):
        set_clock(MORNING + days * DAY)
        published_issue(MONDAY + days * DAY, PaperFactory(topics=[vision]))
    slot = MORNING + 2 * DAY
    reader = SubscriberFactory(
        topics=[vision], frequency="weekly", weekday=2, covered_through=MORNING - DAY, next_digest_at=slot
    )
    serve()
    assert "Span: 3 issues, 2026-05-04 to 2026-05-06, 3 papers" in said(reader, days=2)
    text = said(reader, days=1)
    assert "No digest was due on 2026-05-05: this reader gets one a week, on Wednesdays." in text
    assert "The issue of 2026-05-05 is in the span of the digest of 2026-05-06." in text


def test_a_pause_explains_the_days_it_held_and_none_before(vision: Topic, set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    reader = SubscriberFactory(topics=[vision], paused_until=MONDAY + 5 * DAY)
    serve()
    set_clock(MORNING + 6 * DAY)
    assert said(reader, days=3) == "No digest: paused until 2026-05-09."
    assert said(reader, days=-1).startswith("No digest was due on 2026-05-03.")


def test_days_before_confirmation_or_after_leaving_are_explained(set_clock: SetClock) -> None:
    reader = SubscriberFactory(confirmed_at=MORNING)
    set_clock(MORNING + 3 * DAY)
    opt_in.unsubscribe(reader, ip=None)
    assert said(reader, days=-1) == "No digest: the subscription was confirmed on 2026-05-04."
    assert said(reader, days=2) == "No digest was due on 2026-05-06. The reader unsubscribed on 2026-05-07."
    assert said(reader, days=4) == "No digest: the subscription is unsubscribed, since 2026-05-07."

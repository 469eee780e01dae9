from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from digests.assembly import assemble
from digests.mail import compose
from digests.models import Batch, Card, Delivery
from digests.previews import reader_day
from digests.previews.reader_day import Preview
from digests.sending import send_batch
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, Topic
from subscribers.models import Preferences, Subscriber
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def vision() -> Topic:
    return TopicFactory(name="Seeing")


def papers_on(topic: Topic, *titles: str) -> list[Paper]:
    return [PaperFactory(title=title, topics=[topic], votes=41, score=100.0 - n) for n, title in enumerate(titles)]


def serve(days: int, set_clock: SetClock) -> None:
    """Serve all who are due an hour after the issue of a day."""
    set_clock(MORNING + days * DAY + HOUR)
    Subscriber.objects.filter(frequency="daily").update(next_digest_at=MORNING + days * DAY + HOUR)
    assemble.assemble_due_digests()
    for batch in Batch.objects.ready():
        send_batch.send_batch(batch)


def publish(days: int, set_clock: SetClock, *front: Paper, shelf: tuple[Paper, ...] = ()) -> Issue:
    set_clock(MORNING + days * DAY)
    return published_issue(MONDAY + days * DAY, *front, shelf=shelf)


def drop(paper: Paper) -> None:
    """Drop a paper now, as an editor does."""
    IssueEntry.objects.filter(paper=paper).update(dropped_at=clock.now())


def only(reader: Subscriber, days: int = 0) -> Preview:
    (preview,) = reader_day.preview_day(Subscriber.objects.get(pk=reader.pk), MONDAY + days * DAY)
    return preview


def titles(preview: Preview) -> list[str]:
    return [item.entry.title for item in preview.items]


def check_equals_stored(preview: Preview) -> None:
    """What was worked out anew is what was stored: the cards and their order, the subject, the mail."""
    assert preview.delivery is not None
    digest = preview.delivery.digest
    assert digest is not None
    chosen = [(item.entry.id, item.reason) for item in preview.items]
    assert chosen == [(card.entry_id, card.reason) for card in digest.cards]
    assert preview.subject == digest.subject
    assert preview.compose() == compose.compose(digest)


def test_the_digests_of_several_days_are_worked_out_as_they_were_sent(vision: Topic, set_clock: SetClock) -> None:
    daily, weekly = (
        SubscriberFactory(topics=[vision], frequency=frequency, next_digest_at=MORNING + days * DAY)
        for frequency, days in (("daily", 0), ("weekly", 3))
    )
    risen, *others = papers_on(vision, "Risen", "One", "Two", "Three", "Four", "Five")
    publish(0, set_clock, others[0], shelf=(risen,))
    serve(0, set_clock)
    publish(1, set_clock, risen, others[1])
    serve(1, set_clock)
    publish(2, set_clock, others[2], shelf=(others[3],))
    serve(2, set_clock)
    publish(3, set_clock, others[4])
    serve(3, set_clock)
    assert titles(only(daily, days=1)) == ["Two"]

    for days in range(4):
        check_equals_stored(only(daily, days))
    check_equals_stored(only(weekly, days=3))


def test_a_weekly_digest_is_worked_out_from_its_whole_week(vision: Topic, set_clock: SetClock) -> None:
    before = publish(-1, set_clock, *papers_on(TopicFactory(), "Old"))
    for days, title in enumerate(("One", "Two", "Three")):
        publish(days, set_clock, *papers_on(vision, title))
    reader = SubscriberFactory(
        topics=[vision],
        frequency="weekly",
        weekday=2,
        covered_through=before.published_at,
        next_digest_at=MORNING + 2 * DAY,
    )
    serve(2, set_clock)

    preview = only(reader, days=2)

    assert sorted(titles(preview)) == ["One", "Three", "Two"]
    check_equals_stored(preview)


def test_what_was_dropped_later_stood_in_the_digest(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    first, second = papers_on(vision, "First", "Second")
    publish(0, set_clock, first, second)
    serve(0, set_clock)
    set_clock(MORNING + 2 * HOUR)
    drop(first)

    assert titles(only(reader)) == ["First", "Second"]
    check_equals_stored(only(reader))


def test_what_was_dropped_before_did_not(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    first, second = papers_on(vision, "First", "Second")
    publish(0, set_clock, first, second)
    drop(first)
    serve(0, set_clock)

    assert titles(only(reader)) == ["Second"]
    check_equals_stored(only(reader))


def test_an_issue_that_was_withdrawn_later_was_served(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    issue = publish(0, set_clock, *papers_on(vision, "First"))
    serve(0, set_clock)
    set_clock(MORNING + 2 * HOUR)
    issue.move_to(Issue.Status.WITHDRAWN)

    check_equals_stored(only(reader))


def test_an_issue_that_was_withdrawn_before_was_not(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision], covered_through=MORNING - DAY)
    publish(0, set_clock, *papers_on(vision, "First")).move_to(Issue.Status.WITHDRAWN)
    serve(0, set_clock)

    assert (only(reader).items, only(reader).reason) == ([], Delivery.Reason.NO_ISSUE.label)


def test_a_topic_that_was_retired_later_was_itself(vision: Topic, set_clock: SetClock) -> None:
    reader, middle, last = SubscriberFactory(topics=[vision]), TopicFactory(name="Middle"), TopicFactory(name="Last")
    publish(0, set_clock, *papers_on(vision, "Of old"), *papers_on(middle, "Of the middle"))
    serve(0, set_clock)
    set_clock(MORNING + 2 * HOUR)
    vision.retire(into=middle)
    publish(1, set_clock, *papers_on(middle, "Of the middle too"), *papers_on(last, "Of the last"))
    serve(1, set_clock)
    set_clock(MORNING + DAY + 2 * HOUR)
    middle.retire(into=last)
    publish(2, set_clock, *papers_on(last, "Of the last too"))
    serve(2, set_clock)

    assert [titles(only(reader, days)) for days in range(3)] == [
        ["Of old"],
        ["Of the middle too", "Of the middle"],
        ["Of the last too", "Of the last"],
    ]
    for days in range(3):
        check_equals_stored(only(reader, days))


def test_the_choice_is_the_one_of_that_day(vision: Topic, set_clock: SetClock) -> None:
    reader, sound = SubscriberFactory(topics=[vision]), TopicFactory(name="Hearing")
    publish(0, set_clock, *papers_on(vision, "Seen"), *papers_on(sound, "Heard"))
    serve(0, set_clock)
    Subscriber.objects.update(preferences=Preferences.objects.for_choice([sound]))

    assert titles(only(reader)) == ["Seen"]


def test_a_first_digest_without_a_match_is_worked_out_as_the_fronts_best(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()])
    publish(0, set_clock, *papers_on(vision, "First"))
    serve(0, set_clock)

    check_equals_stored(only(reader))


@pytest.mark.parametrize(
    ("covered", "wait", "reason"),
    [
        (MORNING, HOUR, Delivery.Reason.NO_ISSUE),
        (MORNING - DAY, HOUR, Delivery.Reason.NOTHING_MATCHED),
        (MORNING - DAY, 13 * HOUR, Delivery.Reason.EXPIRED),
    ],
)
def test_a_skipped_slot_has_the_reason_it_was_skipped_for(
    covered: datetime, wait: timedelta, reason: Delivery.Reason, vision: Topic, set_clock: SetClock
) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], covered_through=covered)
    publish(0, set_clock, *papers_on(vision, "First"))
    set_clock(MORNING + wait)
    assemble.assemble_due_digests()

    assert Delivery.objects.get().reason == reason
    assert only(reader).result.reason == reason


def test_before_a_reader_joined_the_present_choice_meets_the_issue_of_that_day(
    vision: Topic, set_clock: SetClock
) -> None:
    publish(0, set_clock, *papers_on(vision, "Early"))
    publish(1, set_clock, *papers_on(vision, "Late"))
    reader = SubscriberFactory(topics=[vision])

    preview = only(reader)

    assert (titles(preview), preview.delivery) == (["Early"], None)
    parts = preview.compose()
    assert parts is not None
    assert "Early" in parts.text


def test_a_day_between_two_digests_leaves_out_what_was_sent_before(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    risen, new = papers_on(vision, "Risen", "New")
    publish(0, set_clock, PaperFactory(), shelf=(risen,))
    serve(0, set_clock)
    publish(1, set_clock, risen, new)

    assert titles(only(reader, days=1)) == ["New"]


def test_a_twin_of_what_was_sent_before_is_left_out_as_it_was(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    sent_before, twin, new = papers_on(vision, "Sent", "Twin", "New")
    publish(0, set_clock, sent_before)
    serve(0, set_clock)
    publish(1, set_clock, twin, new)
    duplicates.merge(sent_before, into=twin)
    assert titles(only(reader, days=1)) == ["New"]
    serve(1, set_clock)
    check_equals_stored(only(reader, days=1))
    assert titles(only(reader, days=1)) == ["New"]


def test_a_day_without_an_issue_brings_nothing(vision: Topic) -> None:
    preview = only(SubscriberFactory(topics=[vision]))
    assert (preview.items, preview.subject, preview.compose()) == ([], "", None)
    assert preview.reason == Delivery.Reason.NO_ISSUE.label


def test_a_day_is_one_of_the_readers_zone(vision: Topic, set_clock: SetClock) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    reader = SubscriberFactory(topics=[vision], timezone=zone, send_time=time(17, 30))
    publish(0, set_clock, *papers_on(vision, "First"))
    slot = datetime(2026, 5, 4, 23, 30, tzinfo=zone)
    Subscriber.objects.update(next_digest_at=slot)
    set_clock(slot.astimezone(UTC))
    assemble.assemble_due_digests()

    assert only(reader).delivery is not None
    assert only(reader, days=1).delivery is None


def test_a_preview_of_a_day_without_a_delivery_writes_none(vision: Topic, set_clock: SetClock) -> None:
    publish(0, set_clock, *papers_on(vision, "First"))
    reader = SubscriberFactory(topics=[vision])
    only(reader).compose()
    assert (Delivery.objects.count(), Card.objects.count()) == (0, 1)


def printed(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("preview_digest", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_sent_mail(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    publish(0, set_clock, *papers_on(vision, "First"))
    serve(0, set_clock)
    (mail,) = sent()

    text, _ = printed(reader.email, "2026-05-04")
    html, head = printed(reader.email, "2026-05-04", "--html")

    assert text.startswith("2026-05-04 06:00 (UTC), sent: “First”\n")
    assert mail.body in text
    assert html.rstrip("\n") == mail.alternatives[0][0].rstrip("\n")
    assert "sent: “First”" in head


def test_the_command_says_why_there_is_nothing(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    publish(0, set_clock, *papers_on(TopicFactory(), "First"))

    text, _ = printed(reader.email, "2026-05-04")

    assert "nothing was due; by today's choice: no digest, none of the papers matched (1 paper considered)" in text


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nobody@example.org", "2026-05-04"), "Nobody is subscribed as nobody@example.org."),
        (("reader@example.org", "2026-05-09"), "2026-05-09 lies ahead of this reader, for whom it is 2026-05-04"),
        (("reader@example.org", "soon"), "“soon” is not a day. Write it as 2026-05-04."),
    ],
)
def test_the_command_says_what_it_cannot_read(words: tuple[str, str], error: str) -> None:
    SubscriberFactory(email="reader@example.org")
    with pytest.raises(CommandError, match=error):
        printed(*words)


def test_a_reader_who_left_before_the_sending_is_shown_what_was_assembled(vision: Topic, set_clock: SetClock) -> None:
    reader = SubscriberFactory(topics=[vision])
    publish(0, set_clock, *papers_on(vision, "First"))
    assemble.assemble_due_digests()
    opt_in.unsubscribe(reader, ip=None)
    serve(0, set_clock)

    check_equals_stored(only(reader))

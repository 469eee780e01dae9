"""Whole days of service, hour by hour: what the schedule does, done at once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from digests.assembly import assemble
from digests.models import Batch, Card, Delivery
from digests.sending import recovery, send_batch
from newsletter import clock
from newsletter.issues import draft, publish
from newsletter.issues.models import Issue
from newsletter.papers.ingest import fetch
from newsletter.papers.models import Source, Topic
from newsletter.papers.trending import ranking
from subscribers import digest_schedule
from subscribers.models import Preferences, Subscriber
from tests.factories import SubscriberFactory
from tests.provider import sent

HOUR = timedelta(hours=1)
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "UTC", "America/Sao_Paulo")
FREQUENCIES = list(Subscriber.Frequency)


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start <= end:
        yield start
        start += HOUR


def serve_hour(before_publishing: Callable[[Issue], None] = lambda issue: None) -> None:
    """Do what the schedule does in an hour."""
    for source in Source.objects.due():
        fetch.fetch_source(source)
    ranking.score_papers()
    before_publishing(draft.draft_next_issue())
    publish.publish_past_cutoff()
    assemble.assemble_due_digests()
    recovery.sweep()
    for batch in Batch.objects.ready():
        send_batch.send_batch(batch)


def make_readers(count: int) -> list[Subscriber]:
    """Make readers over zones, hours, frequencies and topics; each due at the first slot from now."""
    topics = list(Topic.objects.current().order_by("slug"))
    readers = []
    for number in range(count):
        reader = SubscriberFactory.build(
            preferences=None,
            timezone=ZoneInfo(ZONES[number % len(ZONES)]),
            send_time=time(number * 7 % 24, 0),
            frequency=FREQUENCIES[number % len(FREQUENCIES)],
            weekday=number % 7,
        )
        chosen = [topics[number * 3 % len(topics)], topics[(number * 5 + 1) % len(topics)]][: 1 + number % 2]
        reader.preferences = Preferences.objects.for_choice(chosen, max_papers=(5, 10, 30)[number % 3])
        reader.next_digest_at = digest_schedule.next_slot(reader.rhythm, after=clock.now())
        reader.save()
        readers.append(reader)
    return readers


def check_hours(readers: list[Subscriber]) -> None:
    """Everyone is mailed at the hour asked for, or as soon as the issue waited for was there."""
    for delivery in Delivery.objects.select_related("subscriber", "digest__issue"):
        reader = delivery.subscriber
        assert reader is not None
        local = delivery.slot.astimezone(reader.timezone)
        assert local.time() == reader.send_time, f"{reader} was due at {local}"
        assert digest_schedule.is_day_of(reader.rhythm, local.date())
        late = delivery.made_at - delivery.slot
        was_awaited = delivery.digest and delivery.digest.issue.published_at == delivery.made_at
        was_open = delivery.digest is None and delivery.made_at.time() == settings.ISSUE_CUTOFF
        assert late < HOUR or ((was_awaited or was_open) and late <= 5 * HOUR), f"{reader} waited {late}"


def check_slots(readers: list[Subscriber], start: datetime, end: datetime) -> None:
    """Each slot of each reader has one delivery: sent, or skipped for one reason."""
    slots = defaultdict[int, list[datetime]](list)
    for subscriber_id, slot in Delivery.objects.values_list("subscriber_id", "slot"):
        slots[subscriber_id].append(slot)
    for reader in readers:
        expected, slot = [], digest_schedule.next_slot(reader.rhythm, after=start)
        while slot <= end:
            expected.append(slot)
            slot = digest_schedule.next_slot(reader.rhythm, after=slot)
        assert sorted(slots[reader.pk]) == expected, f"{reader}"
    for delivery in Delivery.objects.select_related("batch"):
        assert delivery.is_sent or (delivery.status == Delivery.Status.SKIPPED and delivery.reason)


def check_papers() -> None:
    """A digest holds papers of the reader's topics and picks only, and no reader gets a paper twice."""
    cards = {card.pk: card for card in Card.objects.select_related("entry")}
    seen = Counter[tuple[int, int]]()
    for delivery in Delivery.objects.exclude(digest=None).select_related("digest", "preferences"):
        chosen = set(delivery.preferences.topics.values_list("slug", flat=True))
        assert delivery.digest is not None
        for card_id in delivery.digest.card_ids:
            entry = cards[card_id].entry
            topics = {topic["slug"] for topic in entry.snapshot["topics"]}
            assert delivery.digest.is_fallback or entry.is_pick or topics & chosen
            assert delivery.subscriber_id is not None
            seen[delivery.subscriber_id, entry.paper_id or -entry.pk] += 1
    assert [pair for pair, count in seen.items() if count > 1] == []


def check_mails() -> None:
    """Each sent delivery left as one mail, to its reader and nobody else."""
    accepted = {str(row.pk): row for row in Delivery.objects.select_related("batch", "subscriber") if row.is_sent}
    mails = Counter(message.metadata["delivery"] for message in sent())
    assert mails == Counter(accepted.keys())
    for message in sent():
        reader = accepted[message.metadata["delivery"]].subscriber
        assert reader is not None
        assert message.to == [reader.canonical]


def at(day: int, hour: int, month: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)

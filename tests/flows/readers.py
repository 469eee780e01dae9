"""A small world in which every kind of reader is due, and what an assembly made of it."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Sum

from digests.assembly import assemble
from digests.models import Assembly, Batch, Card, Delivery, Digest
from newsletter import clock
from newsletter.papers.models import Topic
from subscribers.models import Preferences, Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

DAY = timedelta(days=1)
NOW = MORNING + 2 * DAY
MADE = (Delivery, Digest, Card, Batch, Assembly)


class World:
    """Readers due at NOW, three issues, and two readers who had a paper before that came to a front since."""

    def __init__(self) -> None:
        self.topics = [TopicFactory() for _ in range(3)]
        with clock.at(MORNING):
            self.publish_monday()
        with clock.at(MORNING + DAY):
            published_issue(MONDAY + DAY, *(PaperFactory(topics=[topic], score=3) for topic in self.topics))
        with clock.at(NOW):
            published_issue(MONDAY + 2 * DAY, self.shelved, PaperFactory(topics=self.topics[:1], title="On quanta"))
            self.make_readers()
        self.before = list(Subscriber.objects.order_by("pk"))
        self.last = {model: model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0 for model in MADE}

    def publish_monday(self) -> None:
        """Publish a paper on the shelf that comes to Wednesday's front, and send it to two readers."""
        vision, speech, _ = self.topics
        self.shelved = PaperFactory(topics=[vision, speech])
        published_issue(MONDAY, PaperFactory(topics=[vision]), PaperFactory(topics=[speech]), shelf=(self.shelved,))
        SubscriberFactory(topics=[vision], confirmed_at=MORNING)
        SubscriberFactory(topics=[vision, speech], confirmed_at=MORNING)
        assemble.assemble_due_digests()
        Batch.objects.update(status=Batch.Status.DONE, position=1000)
        Subscriber.objects.update(next_digest_at=NOW)

    def make_readers(self) -> None:
        vision, speech, robots = self.topics
        due: dict[str, Any] = {"next_digest_at": NOW, "covered_through": MORNING}
        SubscriberFactory.create_batch(3, topics=[vision], **due)
        SubscriberFactory(topics=[speech], **due | {"covered_through": MORNING + DAY})
        SubscriberFactory(topics=[robots], frequency="weekly", weekday=2, **due)
        SubscriberFactory(preferences=words_of([speech], followed_phrases=["quanta"]), **due)
        SubscriberFactory(preferences=words_of([vision], muted_phrases=["quanta"], max_papers=1), **due)
        SubscriberFactory(topics=[robots], **due | {"next_digest_at": NOW - 2 * DAY}, send_time=time(4))  # late
        SubscriberFactory(topics=[vision], paused_until=(NOW + 3 * DAY).date(), **due)
        SubscriberFactory(topics=[], **due | {"covered_through": NOW})  # nothing is new
        SubscriberFactory(topics=[robots], confirmed_at=NOW, next_digest_at=NOW, timezone=ZoneInfo("Asia/Kolkata"))

    def add_reader(self, **fields: Any) -> None:
        """Add one more who is due and reads of everything."""
        self.before.append(SubscriberFactory(topics=self.topics, next_digest_at=NOW, **fields))

    def reset(self) -> None:
        """Put everything back as it was before anybody assembled."""
        for model, last in self.last.items():
            model.objects.filter(pk__gt=last).delete()
        Subscriber.objects.bulk_update(self.before, ["status", "next_digest_at", "last_slot_at", "covered_through"])

    def outcome(self) -> tuple[Any, ...]:
        """Return the rows that matter, as they do not depend on who wrote them and in how many steps."""
        check_books()
        readers = Subscriber.objects.order_by("pk")
        when = readers.values_list("pk", "status", "next_digest_at", "last_slot_at", "covered_through")
        return sorted(deliveries_of(self.last[Delivery])), list(when)


def words_of(topics: list[Topic], **words: Any) -> Preferences:
    return Preferences.objects.for_choice(topics, **words)


def deliveries_of(last: int) -> Iterator[tuple[Any, ...]]:
    for row in Delivery.objects.filter(pk__gt=last).select_related("digest"):
        cards = row.digest.cards if row.digest else []
        papers = [(card.entry.paper_id, card.reason) for card in cards]
        why = (row.status or "", row.reason, row.note)
        when = [str(at) for at in (row.covered_from, row.covered_to, row.made_at, row.expires_at)]
        yield row.subscriber_id, row.slot, papers, row.digest and row.digest.subject, why, when


def check_books() -> None:
    """Who was due adds up to deliveries, and each call of each batch is one mail."""
    assert Assembly.objects.aggregate(due=Sum("due"))["due"] == Delivery.objects.count()
    digests = Delivery.objects.exclude(digest=None)
    calls = list(digests.values_list("batch_id", "call_no"))
    assert len(set(calls)) == len(calls)
    assert {batch for batch, _ in calls} <= set(Batch.objects.values_list("pk", flat=True))
    assert not Delivery.objects.filter(digest=None).exclude(batch=None).exists()


def end_other_sessions() -> None:
    """Wait until the server has noticed that whoever else was connected is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

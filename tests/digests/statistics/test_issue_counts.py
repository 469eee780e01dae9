import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from digests.assembly import assemble
from digests.models import Batch, Delivery, Digest
from digests.statistics import issue_counts
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers.models import Preferences
from tests.factories import (
    MONDAY,
    MORNING,
    IssueFactory,
    PaperFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.factories.returns import digest_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
Status, Reason = Delivery.Status, Delivery.Reason


def deliver(batch: Batch | None, digest: Digest | None, preferences: Preferences, **fields: object) -> Delivery:
    values: dict[str, object] = {"slot": MORNING, "made_at": MORNING, "expires_at": MORNING + 12 * HOUR} | fields
    return Delivery.objects.create(batch=batch, digest=digest, preferences=preferences, **values)


def choosing(*topics: Topic) -> Preferences:
    return Preferences.objects.for_choice(list(topics), max_papers=10)


def test_a_delivery_counts_by_its_own_status_or_by_where_its_call_lies() -> None:
    digest, preferences = digest_of(), choosing()
    batch = Batch.objects.create(position=2)
    for call_no, status in enumerate([None, Status.REJECTED, None, Status.SKIPPED, Status.SENT]):
        deliver(batch, digest, preferences, call_no=call_no, status=status)
    counts = issue_counts.statistics_of(digest.issue).all
    assert counts == issue_counts.Counts(eligible=5, sent=2, rejected=1, skipped=1, planned=1)
    assert counts.is_closed


def test_an_issue_counts_its_own_digests_and_who_got_none_while_it_was_the_newest() -> None:
    monday = digest_of()
    tuesday = digest_of(IssueFactory(date=MONDAY + DAY, status="published", published_at=MORNING + DAY))
    Digest.objects.filter(pk=tuesday.pk).update(made_at=MORNING + DAY + SECOND)
    batch, preferences = Batch.objects.create(position=1), choosing()
    deliver(batch, monday, preferences, call_no=0)
    # Assembled with what was read just before the next issue was published.
    deliver(batch, monday, preferences, call_no=0, made_at=MORNING + DAY + SECOND)
    deliver(batch, tuesday, preferences, call_no=0, made_at=MORNING + DAY + SECOND)
    skipped = {"status": Status.SKIPPED, "covered_to": MORNING}
    deliver(None, None, preferences, **skipped, reason=Reason.NOTHING_MATCHED)
    deliver(None, None, preferences, status=Status.SKIPPED, reason=Reason.PAUSED, made_at=MORNING + HOUR)
    deliver(None, None, preferences, status=Status.SKIPPED, reason=Reason.PAUSED, made_at=MORNING + DAY)
    deliver(None, None, preferences, status=Status.SKIPPED, reason=Reason.NO_ISSUE, made_at=MORNING + HOUR)
    found = issue_counts.statistics_of(monday.issue)
    assert found.all == issue_counts.Counts(eligible=4, sent=2, skipped=2)
    assert found.skipped == [(Reason.NOTHING_MATCHED.label, 1), (Reason.PAUSED.label, 1)]
    assert issue_counts.statistics_of(tuesday.issue).all == issue_counts.Counts(eligible=2, sent=1, skipped=1)


def test_readers_served_by_assembly_are_counted() -> None:
    topic, other = TopicFactory(name="Language"), TopicFactory(name="Robots")
    issue = published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(2, topics=[topic])
    SubscriberFactory(topics=[topic, other])
    SubscriberFactory()
    assemble.assemble_due_digests()
    Batch.objects.update(position=99, provider="postmark", finished_at=MORNING + 90 * SECOND)
    found = issue_counts.statistics_of(issue)
    assert found.all == issue_counts.Counts(eligible=4, sent=4)
    assert [(topic, counts.sent) for topic, counts in found.topics] == [
        ("Language", 3),
        ("Robots", 1),
        ("no topic chosen", 1),
    ]
    assert found.providers == [("postmark", found.all)]
    assert found.handed_over == (4, 90 * SECOND, 90 * SECOND)


def test_facts_are_counted_beside_the_state() -> None:
    digest, preferences = digest_of(), choosing()
    batch = Batch.objects.create(position=1)
    facts = [
        {"delivered_at": MORNING},
        {"delivered_at": MORNING, "complained_at": MORNING},
        {"bounced_at": MORNING},
        {},
    ]
    for fact in facts:
        deliver(batch, digest, preferences, call_no=0, **fact)
    counts = issue_counts.statistics_of(digest.issue).all
    assert (counts.delivered, counts.complained, counts.bounced) == (2, 1, 1)


def test_of_a_hundred_delays_the_p50_is_the_fiftieth_and_the_p99_the_last_but_one() -> None:
    digest, preferences = digest_of(), choosing()
    batch = Batch.objects.create(position=1)
    for number in range(1, 101):
        deliver(batch, digest, preferences, call_no=0, delivered_at=MORNING + number * SECOND)
    found = issue_counts.statistics_of(digest.issue)
    assert found.arrived == (100, 50 * SECOND, 99 * SECOND)
    assert found.handed_over is None


def test_an_issue_that_is_not_published_has_no_counts() -> None:
    found = issue_counts.statistics_of(IssueFactory())
    assert found.all == issue_counts.Counts()
    assert (found.skipped, found.providers, found.topics, found.arrived) == ([], [], [], None)


@given(st.randoms(use_true_random=False))
@examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_any_rows_are_counted_as_one_would_by_hand_and_close(chance: random.Random) -> None:
    Delivery.objects.all().delete()
    issue, _ = Issue.objects.get_or_create(
        date=MONDAY, defaults={"status": "published", "published_at": MORNING, "cutoff_at": MORNING}
    )
    digest = digest_of(issue)
    topics = [Topic.objects.get_or_create(slug=slug, name=slug)[0] for slug in ("a", "b", "c")]
    choices = [choosing(*chance.sample(topics, chance.randint(0, 3))) for _ in range(3)]
    batches = [
        Batch.objects.create(position=chance.randint(0, 4), provider=chance.choice(["", "mailgun", "smtp"]))
        for _ in range(4)
    ]
    rows = [any_delivery(chance, digest, chance.choice(choices), chance.choice(batches)) for _ in range(30)]
    Delivery.objects.bulk_create(rows)

    found = issue_counts.statistics_of(issue)
    assert found.all.is_closed
    assert by_hand(found.all) == Counter(map(state_of, rows))
    assert found.all.delivered == sum(row.delivered_at is not None for row in rows)
    assert dict(found.skipped) == Counter(row.get_reason_display() for row in rows if row.status == Status.SKIPPED)
    assert all(counts.is_closed for _, counts in found.providers + found.topics)
    for provider in ("mailgun", "smtp"):
        mine = [row for row in rows if row.batch and row.batch.provider == provider]
        assert by_hand(dict(found.providers).get(provider, issue_counts.Counts())) == Counter(map(state_of, mine))
    for topic in topics:
        mine = [row for row in rows if topic in row.preferences.topics.all()]
        assert by_hand(dict(found.topics).get(topic.name, issue_counts.Counts())) == Counter(map(state_of, mine))
    delays = sorted(row.delivered_at - row.slot for row in rows if row.delivered_at)
    assert (found.arrived and found.arrived.p50) == (delays[(len(delays) - 1) // 2] if delays else None)


def any_delivery(chance: random.Random, digest: Digest, preferences: Preferences, batch: Batch) -> Delivery:
    at = MORNING + chance.randrange(86_400) * SECOND
    values: dict[str, object] = {"slot": at, "made_at": at, "expires_at": at, "preferences": preferences}
    if chance.random() < 0.2:
        reason = chance.choice([Reason.NOTHING_MATCHED, Reason.ALL_HAD, Reason.PAUSED, Reason.EXPIRED])
        covered_to = MORNING if reason in (Reason.NOTHING_MATCHED, Reason.ALL_HAD) else None
        return Delivery(**values, status=Status.SKIPPED, reason=reason, covered_to=covered_to)
    status = chance.choice([None, None, None, *Status])
    why = chance.choice([Reason.EXPIRED, Reason.SUPPRESSED]) if status == Status.SKIPPED else ""
    delivered_at: datetime | None = at + chance.randrange(9000) * SECOND if chance.random() < 0.4 else None
    place = {"digest": digest, "batch": batch, "call_no": chance.randint(0, 4)}
    return Delivery(**values, **place, status=status, reason=why, delivered_at=delivered_at)


def state_of(row: Delivery) -> str:
    return row.status or ("sent" if row.is_sent else "planned")


def by_hand(counts: issue_counts.Counts) -> Counter[str]:
    return Counter({state: getattr(counts, state) for state in issue_counts.STATES if getattr(counts, state)})

"""The step that finds who is due, chooses what is new to them, and writes digests, deliveries and batches."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from digests import selection, spans
from digests.models import Batch, Delivery, Digest
from digests.selection import Choice, IssueIndex, Selection
from newsletter import clock
from newsletter.issues.models import Issue
from subscribers import rhythm
from subscribers.models import Subscriber

CHUNK = 5_000  # readers a transaction


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one run came to: readers who were due, and the batches that wait to be sent."""

    due: int
    batch_ids: list[int]


@dataclass(frozen=True, slots=True)
class Group:
    """What decides a selection; its readers get the same digest."""

    covered_through: datetime | None
    preferences_id: int
    had: frozenset[int]  # papers of the span's front that its readers were sent before


@dataclass(frozen=True, slots=True)
class Choosing:
    """A span, ready to be chosen from."""

    issues: list[Issue]
    index: IssueIndex
    choices: dict[int, Choice]


def assemble_due_digests() -> Assembled:
    """Serve every reader who is due now. Safe to repeat and to run twice at once."""
    due, batch_ids = 0, list[int]()
    while chunk := assemble_chunk():
        due += chunk.due
        batch_ids += chunk.batch_ids
    return Assembled(due, batch_ids)


@transaction.atomic
def assemble_chunk() -> Assembled | None:
    """Serve up to CHUNK due readers in one transaction; None when nobody is due."""
    readers = list(due_readers()[:CHUNK])
    if not readers:
        return None
    late = [reader for reader in readers if is_too_late(reader)]
    served = [reader for reader in readers if not is_too_late(reader)]
    deliveries = [skip(reader, Delivery.Reason.EXPIRED) for reader in late]
    for covered_through, groups in by_span(served).items():
        choosing = choosing_of(covered_through, {group.preferences_id for group in groups})
        for group, members in groups.items():
            deliveries += serve(choosing, group, members)
    batches = make_batches([delivery for delivery in deliveries if delivery.digest_id])
    Delivery.objects.bulk_create(deliveries, batch_size=1000)
    move_on(readers, deliveries)
    return Assembled(len(readers), [batch.pk for batch in batches])


def due_readers() -> QuerySet[Subscriber]:
    """Return who is due, less those for whom today's issue is still being edited and nothing else is new."""
    readers = Subscriber.objects.due().order_by("next_digest_at").select_for_update(skip_locked=True)
    awaited = Issue.objects.filter(status=Issue.Status.DRAFT, date=clock.today(), cutoff_at__gt=clock.now())
    if not awaited.exists():
        return readers
    newest = Issue.objects.published().order_by("-published_at").values_list("published_at", flat=True).first()
    return readers.exclude(covered_through__gte=newest) if newest else readers


def is_too_late(reader: Subscriber) -> bool:
    """Say whether a digest would come too late for its hour; a first digest never does."""
    return reader.covered_through is not None and slot_of(reader) < clock.now() - settings.DIGEST_LATEST


def by_span(readers: Sequence[Subscriber]) -> dict[datetime | None, dict[Group, list[Subscriber]]]:
    """Return the groups of `readers`, those of one span together."""
    had = papers_had(readers)
    result: dict[datetime | None, dict[Group, list[Subscriber]]] = defaultdict(lambda: defaultdict(list))
    for reader in readers:
        group = Group(reader.covered_through, reader.preferences_id, had.get(reader.pk, frozenset()))
        result[reader.covered_through][group].append(reader)
    return result


HAD = """
SELECT delivery.subscriber_id, array_agg(DISTINCT paper_id)
FROM digests_delivery delivery
JOIN digests_digest digest ON digest.id = delivery.digest_id, unnest(digest.paper_ids) AS paper_id
WHERE delivery.subscriber_id = ANY(%(readers)s) AND delivery.slot > %(since)s
  AND coalesce(delivery.status, 'sent') NOT IN ('skipped', 'rejected', 'abandoned')
  AND paper_id IN (
    SELECT front.paper_id FROM issues_issueentry front JOIN issues_issue issue ON issue.id = front.issue_id
    WHERE issue.published_at > %(since)s AND front.dropped_at IS NULL
      AND EXISTS (SELECT FROM issues_issueentry other
                  WHERE other.paper_id = front.paper_id AND other.issue_id <> front.issue_id))
GROUP BY delivery.subscriber_id
"""


def papers_had(readers: Sequence[Subscriber]) -> dict[int, frozenset[int]]:
    """Return, for those who had any, the papers in several recent issues that a reader was sent before."""
    since = clock.now() - 2 * settings.DIGEST_SPAN
    with connection.cursor() as cursor:
        cursor.execute(HAD, {"readers": [reader.pk for reader in readers], "since": since})
        return {reader_id: frozenset(papers) for reader_id, papers in cursor.fetchall()}


def serve(choosing: Choosing, group: Group, readers: Sequence[Subscriber]) -> list[Delivery]:
    """Return the deliveries of one group: a digest for all of them, or the one reason why there is none."""
    if not choosing.issues:
        return [skip(reader, Delivery.Reason.NO_ISSUE) for reader in readers]
    chosen = choose(choosing, group)
    newest = choosing.issues[0]
    if not chosen.items:
        reason, note = why_empty(choosing, group)
        return [skip(reader, reason, note, covered_to=newest.published_at) for reader in readers]
    digest = digest_of(newest, chosen)
    return [
        Delivery(
            subscriber=reader,
            slot=slot_of(reader),
            digest=digest,
            preferences_id=reader.preferences_id,
            covered_from=reader.covered_through,
            covered_to=newest.published_at,
            expires_at=expiry(reader),
        )
        for reader in readers
    ]


def choosing_of(covered_through: datetime | None, preference_ids: Collection[int]) -> Choosing:
    issues = spans.issues_since(covered_through)
    rows = spans.choices_of(preference_ids)
    index = spans.index_of(issues, [row for row, _ in rows.values()])
    return Choosing(issues, index, {pk: choice for pk, (_, choice) in rows.items()})


def choose(choosing: Choosing, group: Group) -> Selection:
    choice = choosing.choices[group.preferences_id]
    chosen = selection.select(choosing.index, choice, had_mask(choosing.index, group.had))
    if not chosen.items and group.covered_through is None:
        return selection.fallback(choosing.index, choice)
    return chosen


def had_mask(index: IssueIndex, paper_ids: Iterable[int]) -> int:
    return selection.union(index.by_paper, paper_ids)  # type: ignore[arg-type]


def why_empty(choosing: Choosing, group: Group) -> tuple[Delivery.Reason, str]:
    choice = choosing.choices[group.preferences_id]
    if group.had and selection.select(choosing.index, choice).items:
        return Delivery.Reason.ALL_HAD, ""
    return Delivery.Reason.NOTHING_MATCHED, f"{len(choosing.index.entries)} papers looked at"


def skip(reader: Subscriber, reason: Delivery.Reason, note: str = "", covered_to: datetime | None = None) -> Delivery:
    return Delivery(
        subscriber=reader,
        slot=slot_of(reader),
        preferences_id=reader.preferences_id,
        status=Delivery.Status.SKIPPED,
        reason=reason,
        note=note,
        covered_from=reader.covered_through,
        covered_to=covered_to,
        expires_at=expiry(reader),
    )


def expiry(reader: Subscriber) -> datetime:
    return max(slot_of(reader), clock.now()) + settings.DIGEST_LATEST


def slot_of(reader: Subscriber) -> datetime:
    assert reader.next_digest_at is not None
    return reader.next_digest_at


def digest_of(newest: Issue, chosen: Selection) -> Digest:
    """Return the digest of this content, made where it is the first of its kind."""
    pairs = [(item.entry.id, item.reason) for item in chosen.items]
    content = json.dumps([newest.pk, chosen.is_fallback, pairs])
    digest, _ = Digest.objects.get_or_create(
        content_key=hashlib.sha256(content.encode()).hexdigest(),
        defaults={
            "issue": newest,
            "entry_ids": [entry_id for entry_id, _ in pairs],
            "paper_ids": [item.entry.paper_id for item in chosen.items],
            "reasons": [reason for _, reason in pairs],
            "is_fallback": chosen.is_fallback,
            "subject": subject_of(newest, chosen),
        },
    )
    return digest


def subject_of(issue: Issue, chosen: Selection) -> str:
    """Return the subject: the editor's, or the first title and how many papers stand below it."""
    if issue.subject:
        return issue.subject
    title, more = chosen.items[0].entry.title, len(chosen.items) - 1
    title = title if len(title) <= 110 else title[:109].rsplit(" ", 1)[0] + "…"
    return title if not more else f"{title}, and {more} more {'paper' if more == 1 else 'papers'}"


def make_batches(deliveries: list[Delivery]) -> list[Batch]:
    """Put `deliveries` into batches of BATCH_SIZE calls, those of one digest together."""
    deliveries.sort(key=lambda delivery: delivery.digest_id or 0)
    size = settings.BATCH_SIZE
    batches = Batch.objects.bulk_create(Batch() for _ in range(0, len(deliveries), size))
    for number, delivery in enumerate(deliveries):
        delivery.batch, delivery.call_no = batches[number // size], number % size
    return batches


MOVE_ON = """
UPDATE subscribers_subscriber reader
SET next_digest_at = moved.next_digest_at, covered_through = coalesce(moved.covered_to, reader.covered_through)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS moved(id, next_digest_at, covered_to)
WHERE reader.id = moved.id
"""


def move_on(readers: Sequence[Subscriber], deliveries: Sequence[Delivery]) -> None:
    """Give each reader the next slot, and move what the reader is covered through."""
    now = clock.now()
    slots = {beat: rhythm.next_slot(beat, after=now) for beat in {reader.rhythm for reader in readers}}
    covered = {delivery.subscriber_id: delivery.covered_to for delivery in deliveries}
    columns = (
        [reader.pk for reader in readers],
        [slots[reader.rhythm] for reader in readers],
        [covered[reader.pk] for reader in readers],
    )
    with connection.cursor() as cursor:
        cursor.execute(MOVE_ON, columns)

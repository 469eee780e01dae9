"""The step that finds who is due, chooses what is new to them, and writes digests, deliveries and batches.

Readers are taken in chunks, one transaction each, and only as bare rows. What must be the same for several readers is
chosen once, and equal choices share one digest, so cost grows with distinct digests.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests import selection, spans, writing
from digests.models import Delivery
from digests.selection import Choice, Selection
from digests.spans import Span
from digests.writing import Content, Row
from newsletter import clock
from newsletter.issues.models import Issue
from subscribers.rhythm import Rhythm, day_of, is_paused, slot_after

CHUNK = 20_000  # readers a transaction


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one run came to: readers who were due, and the batches that wait to be sent."""

    due: int
    batch_ids: list[int]


class Reader(NamedTuple):
    """What assembly knows of a reader who is due."""

    id: int
    slot: datetime
    covered_through: datetime | None
    preferences_id: int
    is_welcome: bool
    rhythm: Rhythm


class Group(NamedTuple):
    """What decides a digest; its readers get the same."""

    covered_through: datetime | None
    preferences_id: int
    had: tuple[int, ...]  # papers of the span that its readers were sent before
    hindrance: str  # the one reason why its readers get nothing now; empty where there is none


class Answer(NamedTuple):
    """What the readers of a group get: a digest, or the one reason why there is none."""

    content: Content | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


def assemble_due_digests() -> Assembled:
    """Serve every reader who is due now. Safe to repeat, to run twice at once, and to be killed anywhere."""
    run, due, batch_ids = Run(), 0, list[int]()
    while chunk := run.serve_chunk():
        due += chunk.due
        batch_ids += chunk.batch_ids
    return Assembled(due, batch_ids)


class Run:
    """One assembly at one moment; it remembers what it worked out for the readers before."""

    def __init__(self) -> None:
        self.now = clock.now()
        self.spans = spans.Spans(self.now)
        self.digests = writing.Digests(self.now)
        self.slots: dict[tuple[Rhythm, datetime, bool], datetime] = {}

    @transaction.atomic
    def serve_chunk(self) -> Assembled | None:
        """Serve up to CHUNK due readers in one transaction; None when nobody is due."""
        readers = claim(self.now)
        if not readers:
            return None
        groups = grouped(readers, self.now)
        answers = dict(self.answers(groups))
        digest_ids = self.digests.write(answer.content for answer in answers.values() if answer.content)
        rows = [
            self.row(reader, answers[group], digest_ids) for group, members in groups.items() for reader in members
        ]
        batch_ids = writing.write_deliveries(rows, self.now)
        self.move_on(readers, rows)
        return Assembled(len(readers), batch_ids)

    def answers(self, groups: Collection[Group]) -> Iterator[tuple[Group, Answer]]:
        """Yield what each group gets; those of one span are chosen from one index."""
        choices = spans.choices_of({group.preferences_id for group in groups})
        for group in groups:
            if group.hindrance:
                yield group, Answer(None, reason=group.hindrance)
            else:
                choice = choices[group.preferences_id]
                yield group, answer(self.spans.of(group.covered_through, choice), group, choice)

    def row(self, reader: Reader, answer: Answer, digest_ids: Mapping[Content, int]) -> Row:
        return Row(
            subscriber_id=reader.id,
            slot=reader.slot,
            digest_id=digest_ids[answer.content] if answer.content else None,
            preferences_id=reader.preferences_id,
            status=None if answer.content else Delivery.Status.SKIPPED,
            reason=answer.reason,
            note=answer.note,
            covered_from=reader.covered_through,
            covered_to=answer.covered_to,
            expires_at=max(reader.slot, self.now) + settings.DIGEST_LATEST,
        )

    def move_on(self, readers: Sequence[Reader], rows: Sequence[Row]) -> None:
        """Give each reader the next slot, and move what the reader is covered through."""
        slots = [self.slot_after(reader) for reader in readers]
        covered = {row.subscriber_id: row.covered_to for row in rows}
        columns = (
            [reader.id for reader in readers],
            slots,
            [covered[reader.id] for reader in readers],
        )
        with connection.cursor() as cursor:
            cursor.execute(MOVE_ON, columns)

    def slot_after(self, reader: Reader) -> datetime:
        """Return the next slot of `reader`: due again at once where that came meanwhile and is not too late."""
        key = (reader.rhythm, reader.slot, reader.is_welcome)
        if key not in self.slots:
            floor = self.now - settings.DIGEST_LATEST
            self.slots[key] = slot_after(reader.rhythm, reader.slot, floor, is_welcome=reader.is_welcome)
        return self.slots[key]


MOVE_ON = """
UPDATE subscribers_subscriber reader
SET next_digest_at = moved.next_digest_at, last_slot_at = reader.next_digest_at,
    covered_through = coalesce(moved.covered_to, reader.covered_through)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS moved(id, next_digest_at, covered_to)
WHERE reader.id = moved.id
"""

# Who has got everything there is waits for today's draft until its cutoff, not longer: %(newest)s is null otherwise.
CLAIM = """
SELECT id, next_digest_at, covered_through, preferences_id, confirmed_at IS NOT DISTINCT FROM next_digest_at,
    frequency, weekday, send_time, timezone, paused_until
FROM subscribers_subscriber
WHERE status = 'active' AND next_digest_at <= %(now)s
  AND (%(newest)s::timestamptz IS NULL OR covered_through IS NULL OR covered_through < %(newest)s)
ORDER BY next_digest_at, preferences_id
LIMIT %(most)s
FOR UPDATE SKIP LOCKED
"""


def claim(now: datetime) -> list[Reader]:
    """Lock up to CHUNK readers who are due, as they stand."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "newest": newest_before_draft(now), "most": CHUNK})
        return [
            Reader(pk, slot, covered_through, preferences_id, is_welcome, Rhythm(*when))
            for pk, slot, covered_through, preferences_id, is_welcome, *when in cursor.fetchall()
        ]


def newest_before_draft(now: datetime) -> datetime | None:
    """Return when the newest issue was published, while today's is a draft before its cutoff; else None."""
    awaited = Issue.objects.filter(status=Issue.Status.DRAFT, date=now.date(), cutoff_at__gt=now)
    if not awaited.exists():
        return None
    return Issue.objects.published().order_by("-published_at").values_list("published_at", flat=True).first()


def grouped(readers: Sequence[Reader], now: datetime) -> dict[Group, list[Reader]]:
    groups = defaultdict[Group, list[Reader]](list)
    had = papers_had(readers, now)
    latest = now - settings.DIGEST_LATEST
    for reader in readers:
        hindrance = hindrance_of(reader, latest)
        group = Group(reader.covered_through, reader.preferences_id, had.get(reader.id, ()), hindrance)
        groups[group].append(reader)
    return groups


def hindrance_of(reader: Reader, latest: datetime) -> str:
    """Return the one reason why a reader who is due gets nothing now; what was to come stays in the next span."""
    if reader.rhythm.paused_until and is_paused(reader.rhythm, day_of(reader.rhythm, reader.slot)):
        return Delivery.Reason.PAUSED
    # A first digest is never too late.
    is_late = reader.covered_through is not None and reader.slot < latest
    return Delivery.Reason.EXPIRED if is_late else ""


# Papers that stand in two recent issues, on an earlier shelf and on a later front, are the only ones that can come
# twice: few, so the look at what readers had is short.
TWICE = """
SELECT array_agg(DISTINCT front.paper_id)
FROM issues_issueentry front JOIN issues_issue issue ON issue.id = front.issue_id
WHERE issue.published_at > %(since)s AND front.shelf = 'front' AND front.dropped_at IS NULL
  AND EXISTS (SELECT FROM issues_issueentry other WHERE other.paper_id = front.paper_id AND other.id <> front.id)
"""
HAD = """
SELECT delivery.subscriber_id, array_agg(DISTINCT entry.paper_id ORDER BY entry.paper_id)
FROM digests_delivery delivery
JOIN digests_digest digest ON digest.id = delivery.digest_id
JOIN digests_card card ON card.id = ANY(digest.card_ids)
JOIN issues_issueentry entry ON entry.id = card.entry_id
WHERE delivery.subscriber_id = ANY(%(readers)s) AND delivery.slot > %(since)s
  AND coalesce(delivery.status, 'sent') NOT IN ('skipped', 'rejected', 'abandoned')
  AND entry.paper_id = ANY(%(papers)s)
GROUP BY delivery.subscriber_id
"""


def papers_had(readers: Sequence[Reader], now: datetime) -> dict[int, tuple[int, ...]]:
    """Return, for those who had any, the papers of recent fronts that a reader was sent before."""
    since = now - 2 * settings.DIGEST_SPAN
    ids = [reader.id for reader in readers if reader.covered_through is not None]
    with connection.cursor() as cursor:
        cursor.execute(TWICE, {"since": since})
        (papers,) = cursor.fetchone() or (None,)
        if not papers or not ids:
            return {}
        cursor.execute(HAD, {"readers": ids, "since": since, "papers": papers})
        return {reader_id: tuple(had) for reader_id, had in cursor.fetchall()}


def answer(span: Span, group: Group, choice: Choice) -> Answer:
    """Choose for one group from its span."""
    if not span.issues:
        return Answer(None, reason=Delivery.Reason.NO_ISSUE)
    newest = span.issues[0]
    assert newest.published_at is not None
    had = selection.union(span.index.by_paper, group.had)
    chosen = selection.select(span.index, choice, had)
    if not chosen.items and group.covered_through is None:
        chosen = selection.fallback(span.index, choice)
    if chosen.items:
        return Answer(content_of(span, chosen), newest.published_at)
    if had and selection.select(span.index, choice).items:
        return Answer(None, newest.published_at, Delivery.Reason.ALL_HAD)
    note = f"{len(span.index.entries)} papers looked at"
    return Answer(None, newest.published_at, Delivery.Reason.NOTHING_MATCHED, note)


def content_of(span: Span, chosen: Selection) -> Content:
    return Content(span, tuple(item.number for item in chosen.items), chosen.is_fallback)

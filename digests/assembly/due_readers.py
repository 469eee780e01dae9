"""The SQL of assembly: due readers, their groups, and what they get, in temporary tables of one session.

`assembly_due` holds the readers of a shard as they were when it was loaded, without a lock. Their deliveries are
planned in `assembly_plan` and written in short transactions, which skip readers who have changed since.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.assembly import histories_of_due
from digests.models import Assembly, Batch
from digests.selection.digest_choice import DigestChoice
from digests.selection.spans import Spans
from subscribers.digest_schedule import Rhythm

CHUNK = 10_000  # readers in a transaction, rounded down to whole batches
TABLES = ("assembly_due", "assembly_next", "assembly_answer", "assembly_plan")


class DueShard(NamedTuple):
    """Due readers in shard `part` of `parts`."""

    now: datetime
    newest: datetime | None  # readers who have this issue wait for the one that is being published
    part: int = 0
    parts: int = 1


class Group(NamedTuple):
    """Readers who get the same digest, since all that selection reads is the same for them."""

    preferences_id: int
    covered_through: datetime | None
    history: tuple[int, ...]  # ids of their digests that may hold papers of their span
    is_weekly: bool = False  # a weekly reader's digest says that it covers a week
    objections: tuple[tuple[int, int], ...] = ()  # ids of papers, and of topics that its readers call wrong for them


class CallShape(NamedTuple):
    """How deliveries are grouped into calls for a provider's lane."""

    name: str  # of the lane
    most: int  # readers in a call
    shares_content: bool  # whether a call holds one digest only


class GroupAnswer(NamedTuple):
    """What the readers of a group get: a digest, or the one reason why there is none."""

    group: Group
    digest_id: int | None
    choice: DigestChoice


class DueSlot(NamedTuple):
    """A slot that is due, and the rhythm of its readers. A welcome is due on confirmation, outside the rhythm."""

    rhythm: Rhythm
    slot: datetime
    is_welcome: bool


class NextSlot(NamedTuple):
    due_slot: DueSlot
    next_at: datetime
    is_paused: bool  # whether a pause covers the due slot


IS_DUE = """
status = 'active' AND next_digest_at <= %(now)s
AND (%(newest)s::timestamptz IS NULL OR covered_through IS NULL OR covered_through < %(newest)s)
"""


def count_due(everybody: DueShard) -> int:
    """Return how many readers are due in all shards."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM subscribers_subscriber WHERE {IS_DUE}", everybody._asdict())
        return int(cursor.fetchone()[0])


# A first digest is never too late.
IS_LATE = "(covered_through IS NOT NULL AND next_digest_at < %(latest_slot)s)"
LOAD_DUE_READERS = f"""
CREATE TEMP TABLE assembly_due AS
WITH due AS MATERIALIZED (
  SELECT id AS reader_id, next_digest_at AS slot, covered_through, {histories_of_due.COVERED} AS covered,
         preferences_id, frequency, weekday, send_time, timezone, paused_until,
         confirmed_at IS NOT DISTINCT FROM next_digest_at AS is_welcome, {IS_LATE} AS is_late,
         frequency = 'weekly' AS is_weekly
  FROM subscribers_subscriber
  WHERE {IS_DUE} AND preferences_id %% %(parts)s = %(part)s
), since AS MATERIALIZED ({histories_of_due.SINCE.format(readers="due")}
), objected AS MATERIALIZED (
  SELECT reader_id, array_agg(ARRAY[paper_id, topic_id] ORDER BY paper_id, topic_id) AS objections
  FROM due JOIN papers_objection USING (reader_id) WHERE paper_id = ANY(%(standing)s::bigint[]) GROUP BY reader_id
)
SELECT due.*, coalesce(objected.objections, '{{}}') AS objections,
       ARRAY({histories_of_due.RECENT_DIGESTS.format(reader_id="due.reader_id", since="since.since")}) AS history
FROM due JOIN since USING (covered) LEFT JOIN objected USING (reader_id)
"""


def load_due_readers(shard: DueShard, spans: Spans) -> int:
    """Fill `assembly_due` with the readers of a shard; return how many there are."""
    drop_tables()
    values = shard._asdict() | histories_of_due.history_parameters(spans) | {"standing": spans.standings.paper_ids()}
    with connection.cursor() as cursor:
        cursor.execute(LOAD_DUE_READERS, values | {"latest_slot": shard.now - settings.DIGEST_LATEST})
        loaded = int(cursor.rowcount)
        if loaded:
            cursor.execute("ANALYZE assembly_due")
        return loaded


def drop_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")


GROUPS = """
SELECT DISTINCT preferences_id, covered_through, history, is_weekly, objections FROM assembly_due WHERE NOT is_late
"""


def load_groups() -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(GROUPS)
        return [
            Group(
                preferences_id, covered, tuple(history), is_weekly, tuple((paper, topic) for paper, topic in objected)
            )
            for preferences_id, covered, history, is_weekly, objected in cursor.fetchall()
        ]


def load_due_slots() -> list[DueSlot]:
    """Return the distinct slots and rhythms of the due readers."""
    columns = "frequency, weekday, send_time, timezone, paused_until, slot, is_welcome"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT {columns} FROM assembly_due")
        return [DueSlot(Rhythm(*when), slot, is_welcome) for *when, slot, is_welcome in cursor.fetchall()]


NEXT_TABLE = """
CREATE TEMP TABLE assembly_next (frequency text, weekday int, send_time time, timezone text, paused_until date,
                                 slot timestamptz, is_welcome bool, next_at timestamptz, is_paused bool)
"""
ANSWER_TABLE = """
CREATE TEMP TABLE assembly_answer (preferences_id bigint, covered_through timestamptz, history bigint[],
                                   is_weekly bool, objections bigint[], digest_id bigint, covered_to timestamptz,
                                   reason text, note text)
"""


def store_answers(next_slots: Iterable[NextSlot], answers: Iterable[GroupAnswer]) -> None:
    """Fill `assembly_next` with the slots that follow, and `assembly_answer` with what each group gets."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_TABLE)
        with cursor.copy("COPY assembly_next FROM STDIN") as copy:
            for (rhythm, slot, is_welcome), next_at, is_paused in next_slots:
                copy.write_row((*rhythm, slot, is_welcome, next_at, is_paused))
        cursor.execute(ANSWER_TABLE)
        with cursor.copy("COPY assembly_answer FROM STDIN") as copy:
            for group, digest_id, (_, *outcome) in answers:
                history = "{" + ",".join(map(str, group.history)) + "}"
                objected = "{" + ",".join(f"{{{paper},{topic}}}" for paper, topic in group.objections) + "}"
                key = group.preferences_id, group.covered_through, history, group.is_weekly, objected
                copy.write_row((*key, digest_id, *outcome))
        cursor.execute("ANALYZE assembly_next")
        cursor.execute("ANALYZE assembly_answer")


# Sorted by digest, so that a batch holds few digests; readers without one come last. Where a call's mails share a
# body, each call holds one digest.
PLAN_DELIVERIES = """
CREATE TEMP TABLE assembly_plan AS
WITH answered AS (
  SELECT due.*, next.next_at,
         CASE WHEN next.is_paused THEN 'paused' WHEN due.is_late THEN 'expired' ELSE answer.reason END AS reason,
         CASE WHEN NOT (next.is_paused OR due.is_late) THEN answer.digest_id END AS digest_id,
         CASE WHEN NOT (next.is_paused OR due.is_late) THEN answer.covered_to END AS covered_to,
         CASE WHEN NOT (next.is_paused OR due.is_late) THEN answer.note END AS note
  FROM assembly_due due
  JOIN assembly_next next
    ON next.frequency = due.frequency AND next.weekday = due.weekday AND next.send_time = due.send_time
   AND next.timezone = due.timezone AND next.slot = due.slot AND next.is_welcome = due.is_welcome
   AND next.paused_until IS NOT DISTINCT FROM due.paused_until
  LEFT JOIN assembly_answer answer
    ON answer.preferences_id = due.preferences_id AND answer.history = due.history
   AND answer.is_weekly = due.is_weekly AND answer.objections = due.objections
   AND answer.covered_through IS NOT DISTINCT FROM due.covered_through
  WHERE next.is_paused OR due.is_late OR answer.preferences_id IS NOT NULL
), numbered AS (
  SELECT answered.*, row_number() OVER (ORDER BY digest_id NULLS LAST, reader_id) - 1 AS number FROM answered
), placed AS (
  SELECT numbered.*, number / %(size)s AS batch_no, CASE WHEN %(shares_content)s THEN digest_id END AS shared,
         CASE WHEN %(shares_content)s
              THEN row_number() OVER (PARTITION BY number / %(size)s, digest_id ORDER BY number) - 1
              ELSE number %% %(size)s END AS place
  FROM numbered
)
SELECT placed.*, dense_rank() OVER (PARTITION BY batch_no ORDER BY shared, place / %(most)s) - 1 AS call_no
FROM placed
"""


def plan_deliveries(call_shape: CallShape) -> int:
    """Fill `assembly_plan` with what each reader gets, in numbered batches and calls; return how many get a digest."""
    with connection.cursor() as cursor:
        cursor.execute(PLAN_DELIVERIES, call_shape._asdict() | {"size": settings.BATCH_SIZE})
        cursor.execute("ANALYZE assembly_plan")
        cursor.execute("SELECT count(digest_id) FROM assembly_plan")
        return int(cursor.fetchone()[0])


def write_deliveries(
    shard: DueShard, call_shape: CallShape, loaded: int, planned: int
) -> Iterator[tuple[int, list[int]]]:
    """Write the plan of `loaded` readers chunk by chunk; yield the number of readers and the batches of each.

    The first `planned` readers get a digest.
    """
    size = settings.BATCH_SIZE
    step = max(CHUNK // size, 1) * size
    for first in range(0, loaded, step):
        batches = len(range(first, min(first + step, planned), size))
        yield write_chunk(shard, call_shape, first, first + step, batches)


# Readers who have changed since they were loaded, or whose row is locked, are left to the next run.
WRITE_CHUNK = """
WITH free AS MATERIALIZED (
  SELECT plan.*
  FROM assembly_plan plan JOIN subscribers_subscriber reader ON reader.id = plan.reader_id
  WHERE plan.number >= %(first)s AND plan.number < %(end)s
    AND reader.status = 'active' AND reader.next_digest_at = plan.slot
    AND reader.preferences_id = plan.preferences_id
    AND reader.covered_through IS NOT DISTINCT FROM plan.covered_through
    AND reader.frequency = plan.frequency AND reader.weekday = plan.weekday AND reader.send_time = plan.send_time
    AND reader.timezone = plan.timezone AND reader.paused_until IS NOT DISTINCT FROM plan.paused_until
  FOR NO KEY UPDATE OF reader SKIP LOCKED
), moved AS (
  UPDATE subscribers_subscriber reader
  SET next_digest_at = free.next_at, last_slot_at = free.slot,
      covered_through = coalesce(free.covered_to, reader.covered_through)
  FROM free
  WHERE reader.id = free.reader_id
)
INSERT INTO digests_delivery (subscriber_id, slot, digest_id, preferences_id, batch_id, call_no, status, reason, note,
                              covered_from, covered_to, provider_id, made_at, expires_at)
SELECT reader_id, slot, digest_id, preferences_id,
       CASE WHEN digest_id IS NOT NULL THEN (%(batches)s::bigint[])[batch_no - %(first)s / %(size)s + 1] END,
       CASE WHEN digest_id IS NOT NULL THEN call_no END, CASE WHEN digest_id IS NULL THEN 'skipped' END,
       coalesce(reason, ''), coalesce(note, ''), covered_through, covered_to, '', %(now)s,
       CASE WHEN covered_through IS NULL THEN %(now)s ELSE slot END + %(latest)s
FROM free ORDER BY number
"""


@transaction.atomic
def write_chunk(shard: DueShard, call_shape: CallShape, first: int, end: int, count: int) -> tuple[int, list[int]]:
    """Write the deliveries numbered from `first` up to `end` in `count` batches, and move their readers' slots on."""
    batches = Batch.objects.bulk_create(Batch(lane=call_shape.name, made_at=shard.now) for _ in range(count))
    ids = [batch.pk for batch in batches]
    values: dict[str, Any] = {"now": shard.now, "latest": settings.DIGEST_LATEST, "size": settings.BATCH_SIZE}
    with connection.cursor() as cursor:
        cursor.execute(WRITE_CHUNK, values | {"first": first, "end": end, "batches": ids})
        served = int(cursor.rowcount)
    Assembly.objects.create(at=shard.now, due=served)
    return served, ids

"""How assembly reads and writes: the readers who are due as tables of this session, all in set-based SQL.

A part of the readers is looked at without a lock: `assembly_due` holds them as they were seen. What becomes of them is
planned beside it, and written in short transactions that take only those who are still as they were seen.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.assembly import already_sent
from digests.models import Assembly, Batch
from digests.selection.spans import Spans
from subscribers.digest_schedule import Rhythm

CHUNK = 10_000  # readers a transaction, in whole batches
TABLES = ("assembly_due", "assembly_next", "assembly_answer", "assembly_plan")


class Look(NamedTuple):
    """Who is looked at: those due at `now`, of `parts` parts the readers of one.

    Readers who are covered through `newest` (where it is not None) wait for the issue to come.
    """

    now: datetime
    newest: datetime | None
    part: int = 0
    parts: int = 1


class Group(NamedTuple):
    """What decides a digest; its readers get the same."""

    preferences_id: int
    covered_through: datetime | None
    history: tuple[int, ...]  # the ids of the digests that may hold what would come to its readers again
    is_weekly: bool = False  # a weekly reader's digest says that it covers a week
    objections: tuple[tuple[int, int], ...] = ()  # ids of papers, and of topics that its readers call wrong for them


class CallShape(NamedTuple):
    """How the deliveries of one transport are cut into calls: readers a call at most, of one digest or of many."""

    name: str
    most: int
    shares_content: bool


class Given(NamedTuple):
    """What the readers of a group get: a digest, or the one reason why there is none."""

    digest_id: int | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


class Appointment(NamedTuple):
    """A rhythm and a slot it is due for; a welcome comes at no hour of the rhythm."""

    rhythm: Rhythm
    slot: datetime
    is_welcome: bool


class Moment(NamedTuple):
    """What follows an appointment, and whether a pause has come over it."""

    appointment: Appointment
    next_at: datetime
    is_paused: bool


IS_DUE = """
status = 'active' AND next_digest_at <= %(now)s
AND (%(newest)s::timestamptz IS NULL OR covered_through IS NULL OR covered_through < %(newest)s)
"""


def count(look: Look) -> int:
    """Return how many readers are due, without looking at parts."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM subscribers_subscriber WHERE {IS_DUE}", look._asdict())
        return int(cursor.fetchone()[0])


# A first digest is never too late.
IS_LATE = "(covered_through IS NOT NULL AND next_digest_at < %(latest_slot)s)"
SEE = f"""
CREATE TEMP TABLE assembly_due AS
WITH seen AS MATERIALIZED (
  SELECT id AS reader_id, next_digest_at AS slot, covered_through, {already_sent.COVERED} AS covered, preferences_id,
         frequency, weekday, send_time, timezone, paused_until,
         confirmed_at IS NOT DISTINCT FROM next_digest_at AS is_welcome, {IS_LATE} AS is_late,
         frequency = 'weekly' AS is_weekly
  FROM subscribers_subscriber
  WHERE {IS_DUE} AND preferences_id %% %(parts)s = %(part)s
), since AS MATERIALIZED ({already_sent.SINCE.format(readers="seen")}
), objected AS MATERIALIZED (
  SELECT reader_id, array_agg(ARRAY[paper_id, topic_id] ORDER BY paper_id, topic_id) AS objections
  FROM papers_objection WHERE paper_id = ANY(%(standing)s::bigint[]) GROUP BY reader_id
)
SELECT seen.*, coalesce(objected.objections, '{{}}') AS objections,
       ARRAY({already_sent.DIGESTS.format(reader_id="seen.reader_id", since="since.since")}) AS history
FROM seen JOIN since USING (covered) LEFT JOIN objected USING (reader_id)
"""


def see(look: Look, spans: Spans) -> int:
    """Fill `assembly_due` with the readers of a part as they stand; return how many there are."""
    forget()
    values = look._asdict() | already_sent.history_values(spans) | {"standing": spans.standings.paper_ids()}
    with connection.cursor() as cursor:
        cursor.execute(SEE, values | {"latest_slot": look.now - settings.DIGEST_LATEST})
        seen = int(cursor.rowcount)
        if seen:
            cursor.execute("ANALYZE assembly_due")
        return seen


def forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")


GROUPS = """
SELECT DISTINCT preferences_id, covered_through, history, is_weekly, objections FROM assembly_due WHERE NOT is_late
"""


def groups() -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(GROUPS)
        return [
            Group(
                preferences_id, covered, tuple(history), is_weekly, tuple((paper, topic) for paper, topic in objected)
            )
            for preferences_id, covered, history, is_weekly, objected in cursor.fetchall()
        ]


def appointments() -> list[Appointment]:
    """Return what those who are due are due for, each once."""
    columns = "frequency, weekday, send_time, timezone, paused_until, slot, is_welcome"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT {columns} FROM assembly_due")
        return [Appointment(Rhythm(*when), slot, is_welcome) for *when, slot, is_welcome in cursor.fetchall()]


NEXT = """
CREATE TEMP TABLE assembly_next (frequency text, weekday int, send_time time, timezone text, paused_until date,
                                 slot timestamptz, is_welcome bool, next_at timestamptz, is_paused bool)
"""
ANSWER = """
CREATE TEMP TABLE assembly_answer (preferences_id bigint, covered_through timestamptz, history bigint[],
                                   is_weekly bool, objections bigint[], digest_id bigint, covered_to timestamptz,
                                   reason text, note text)
"""


def tell(moments: Sequence[Moment], answers: Sequence[tuple[Group, Given]]) -> None:
    """Put beside the readers what was worked out for them: what follows each appointment, and each group's answer."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT)
        with cursor.copy("COPY assembly_next FROM STDIN") as copy:
            for (rhythm, slot, is_welcome), next_at, is_paused in moments:
                copy.write_row((*rhythm, slot, is_welcome, next_at, is_paused))
        cursor.execute(ANSWER)
        with cursor.copy("COPY assembly_answer FROM STDIN") as copy:
            for group, given in answers:
                history = "{" + ",".join(map(str, group.history)) + "}"
                objected = "{" + ",".join(f"{{{paper},{topic}}}" for paper, topic in group.objections) + "}"
                whose = group.preferences_id, group.covered_through, history, group.is_weekly, objected
                copy.write_row((*whose, *given))
        cursor.execute("ANALYZE assembly_next")
        cursor.execute("ANALYZE assembly_answer")


# In the order of their digests, so that a batch holds as few as can be; who gets none comes last. A call of a lane
# whose readers share a body holds one digest.
PLAN = """
CREATE TEMP TABLE assembly_plan AS
WITH told AS (
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
  SELECT told.*, row_number() OVER (ORDER BY digest_id NULLS LAST, reader_id) - 1 AS number FROM told
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


def plan(lane: CallShape) -> int:
    """Fill `assembly_plan`: who gets what, numbered in batches and calls; return how many get a digest."""
    with connection.cursor() as cursor:
        cursor.execute(PLAN, lane._asdict() | {"size": settings.BATCH_SIZE})
        cursor.execute("ANALYZE assembly_plan")
        cursor.execute("SELECT count(digest_id) FROM assembly_plan")
        return int(cursor.fetchone()[0])


def deliver(look: Look, lane: CallShape, seen: int, planned: int) -> Iterator[tuple[int, list[int]]]:
    """Write what is planned for `seen` readers, chunk by chunk; yield how many each served, and its batches."""
    size = settings.BATCH_SIZE
    step = max(CHUNK // size, 1) * size
    for first in range(0, seen, step):
        batches = len(range(first, min(first + step, planned), size))
        yield deliver_chunk(look, lane, first, first + step, batches)


# Only readers who are still as they were seen, and whom nobody is changing now: who left, or changed when or what, is
# looked at again by the next run.
DELIVER = """
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
def deliver_chunk(look: Look, lane: CallShape, first: int, end: int, count: int) -> tuple[int, list[int]]:
    """Move the readers numbered `first` up to `end` on, and write their deliveries in `count` batches."""
    batches = Batch.objects.bulk_create(Batch(lane=lane.name, made_at=look.now) for _ in range(count))
    ids = [batch.pk for batch in batches]
    values: dict[str, Any] = {"now": look.now, "latest": settings.DIGEST_LATEST, "size": settings.BATCH_SIZE}
    with connection.cursor() as cursor:
        cursor.execute(DELIVER, values | {"first": first, "end": end, "batches": ids})
        served = int(cursor.rowcount)
    Assembly.objects.create(at=look.now, due=served)
    return served, ids

"""Compares what assembly counted as due with what became of the deliveries, and looks for inconsistent rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db import connection

from digests.models import Batch
from digests.models.delivery_state import IS_AHEAD, IS_SENT, STATE
from digests.monitoring.obstacles import FEW_REACHED
from digests.statistics.issue_counts import COUNTS, Counts, sum_counts
from newsletter import clock

DAY = timedelta(days=1)
# The sweep takes over expired leases and drops expired deliveries within half a minute.
SWEPT_WITHIN = timedelta(minutes=5)
MOST_NAMED = 5  # rows named in one line, before the rest is counted


class Run(NamedTuple):
    """One run of assembly: how many readers were due by its own count, and the counts of its deliveries."""

    at: datetime
    counts: Counts


class Fault(NamedTuple):
    """A kind of inconsistent row: what is wrong, what to look at, and the query that finds it."""

    words: str
    look_at: str
    sql: str


# `eligible` is assembly's own count; every delivery of a run has the run's moment in made_at.
RUNS_SQL = f"""
WITH due AS (
  SELECT at, sum(due) AS n FROM digests_assembly WHERE at >= %(start)s AND at < %(end)s GROUP BY at
), rows AS (
  SELECT d.made_at AS at, {STATE} AS state, count(*) AS n, count(d.delivered_at) AS delivered,
         count(d.bounced_at) AS bounced, count(d.complained_at) AS complained
  FROM digests_delivery d LEFT JOIN digests_batch b ON b.id = d.batch_id
  WHERE d.made_at >= %(start)s AND d.made_at < %(end)s GROUP BY d.made_at, state
), found AS (
  SELECT at, {COUNTS} FROM rows GROUP BY at
)
SELECT coalesce(due.at, found.at), coalesce(due.n, 0), found.*
FROM due FULL JOIN found ON found.at = due.at ORDER BY 1
"""
# Owed are the mails that were chosen, whether they left or came too late; a mail that came back reached nobody.
REACH_SQL = f"""
SELECT count(*) FILTER (WHERE coalesce(d.status, '') <> 'skipped' OR d.reason = 'expired'),
       count(*) FILTER (WHERE {IS_SENT} AND (d.delivered_at IS NOT NULL OR d.bounced_at IS NULL
                                             AND d.soft_bounced_at IS NULL AND d.refused_at IS NULL))
FROM digests_delivery d JOIN digests_batch b ON b.id = d.batch_id
WHERE d.made_at >= %(start)s AND d.made_at < %(end)s AND d.digest_id IS NOT NULL
"""
DELIVERIES_SQL = """
SELECT d.id FROM digests_delivery d LEFT JOIN digests_batch b ON b.id = d.batch_id
WHERE d.made_at >= %(start)s AND d.made_at < %(end)s AND
"""
BATCHES_SQL = f"""
SELECT b.id FROM digests_batch b
CROSS JOIN LATERAL (
  SELECT coalesce(max(d.call_no) + 1, 0) AS calls,
         count(*) FILTER (WHERE {IS_AHEAD}) AS ahead
  FROM digests_delivery d WHERE d.batch_id = b.id
) its
WHERE b.made_at >= %(start)s AND b.made_at < %(end)s AND
"""
FAULTS = [
    Fault(
        "{batches} stand beyond the last of their calls",
        "deliveries of theirs may have been deleted, or a worker counts calls wrongly",
        BATCHES_SQL + "b.position > its.calls AND b.status <> 'done'",
    ),
    Fault(
        "{batches} are finished, and deliveries lie ahead of their position",
        "these deliveries count as planned and are sent by nobody",
        BATCHES_SQL + "b.status IN ('done', 'dropped') AND its.ahead > 0",
    ),
    Fault(
        "{batches} are held by a lease that is long over, or by none",
        "the sweep runs every half a minute: are workers and the schedule running?",
        BATCHES_SQL + "b.status IN ('leased', 'submitting') AND (b.lease_until IS NULL OR b.lease_until < %(swept)s)",
    ),
    Fault(
        "{deliveries} have neither a digest nor a reason why there is none",
        "assembly writes one or the other",
        DELIVERIES_SQL + "d.digest_id IS NULL AND (d.status IS NULL OR d.reason = '')",
    ),
    Fault(
        "{deliveries} are skipped without a reason",
        "every skip should record a reason",
        DELIVERIES_SQL + "d.digest_id IS NOT NULL AND d.status = 'skipped' AND d.reason = ''",
    ),
    Fault(
        "{deliveries} have no status of their own and no place in a batch",
        "their batch may have been deleted; nobody sends them",
        DELIVERIES_SQL + "d.digest_id IS NOT NULL AND d.status IS NULL AND (b.id IS NULL OR d.call_no IS NULL)",
    ),
    Fault(
        "{deliveries} are planned and past their hour",
        "the sweep drops what is too late: are workers running, and is sending allowed?",
        DELIVERIES_SQL + f"{STATE} = 'planned' AND d.digest_id IS NOT NULL AND d.expires_at < %(swept)s",
    ),
    Fault(
        "{deliveries} were delivered, and count as planned or skipped",
        "they may leave again: pause sending, and look at their batches first",
        DELIVERIES_SQL + f"{STATE} IN ('planned', 'skipped') AND d.delivered_at IS NOT NULL",
    ),
]


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of `day` and of the next day in UTC."""
    start = datetime.combine(day, time(), UTC)
    return start, start + DAY


def count_runs(start: datetime, end: datetime) -> list[Run]:
    """Return the runs of assembly from `start` until before `end`, counted in one query."""
    with connection.cursor() as cursor:
        cursor.execute(RUNS_SQL, {"start": start, "end": end})
        return [
            Run(at, Counts(int(due), *(int(count or 0) for count in counts)))
            for at, due, _, _, *counts in cursor.fetchall()
        ]


class Reach(NamedTuple):
    """How many mails were owed to readers, and how many reached them as far as it is known."""

    owed: int
    reached: int

    @property
    def is_enough(self) -> bool:
        return self.reached * 100 >= self.owed * FEW_REACHED

    @property
    def sentence(self) -> str:
        return f"{self.reached:,} of {self.owed:,} mails that were owed reached their readers"


def count_reach(start: datetime, end: datetime) -> Reach:
    """Count the mails owed to readers who were due from `start` until before `end`."""
    with connection.cursor() as cursor:
        cursor.execute(REACH_SQL, {"start": start, "end": end})
        return Reach(*map(int, cursor.fetchone()))


def total_of_runs(runs: list[Run]) -> Counts:
    return sum_counts(run.counts for run in runs)


def describe_differences(runs: list[Run]) -> Iterator[str]:
    """Yield a sentence on each run whose counts do not close."""
    for at, counts in runs:
        if counts.is_closed:
            continue
        moment = f"Run of {at:%H:%M:%S.%f} UTC: {counts.eligible:,} were due, {counts.settled:,} are accounted for."
        if counts.settled < counts.eligible:
            yield f"{moment} Deliveries are missing: have rows of digests_delivery been deleted or restored in part?"
        else:
            yield f"{moment} Nobody counted the others as due: were rows of digests_delivery written by hand?"


def describe_faults(start: datetime, end: datetime) -> Iterator[str]:
    """Yield a sentence on each kind of inconsistent row made from `start` until before `end`."""
    values = {"start": start, "end": end, "swept": clock.now() - SWEPT_WITHIN}
    for fault in FAULTS:
        if found := find_ids(fault.sql, values):
            yield f"{name_rows(fault.words, found)}. Look: {fault.look_at}."


def find_ids(sql: str, values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({sql}) odd ORDER BY id", values)
        return [pk for (pk,) in cursor.fetchall()]


def name_rows(words: str, ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:MOST_NAMED])) + (", …" if len(ids) > MOST_NAMED else "")
    return words.format(batches=f"{len(ids):,} batches ({shown})", deliveries=f"{len(ids):,} deliveries ({shown})")


def has_unfinished_batches(start: datetime, end: datetime) -> bool:
    """Return whether any batch made from `start` until before `end` is unfinished."""
    return Batch.objects.unfinished().filter(made_at__gte=start, made_at__lt=end).exists()

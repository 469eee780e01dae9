"""Counts an issue's deliveries by outcome, in one pass.

An issue's deliveries are those of digests whose newest issue it is, and those without a digest made while it was the
newest. The pass finds them by time, with the indexes `delivery_made_at` and `digest_made_at`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from digests.models import Delivery
from digests.models.delivery_state import STATE
from newsletter.issues.models import Issue

# For so long an assembly may use what it read before a newer issue was published.
SLACK = timedelta(hours=1)
WORK_MEMORY = "64MB"  # of PostgreSQL, during one count: fits a million readers' preferences


class Counts(NamedTuple):
    """Readers who were due, by the state of their delivery, and by what the provider reported of it."""

    eligible: int = 0
    sent: int = 0
    rejected: int = 0
    skipped: int = 0
    uncertain: int = 0
    abandoned: int = 0
    planned: int = 0
    delivered: int = 0
    bounced: int = 0  # for good
    complained: int = 0

    @property
    def settled(self) -> int:
        """The sum over all states; it equals `eligible`, or the counts do not close."""
        return self.sent + self.rejected + self.skipped + self.uncertain + self.abandoned + self.planned

    @property
    def is_closed(self) -> bool:
        return self.eligible == self.settled


class Delay(NamedTuple):
    """Delays after the slot: half of `copies` within `p50`, 99 % within `p99`."""

    copies: int
    p50: timedelta
    p99: timedelta


@dataclass(frozen=True, slots=True)
class Statistics:
    all: Counts
    skipped: list[tuple[str, int]]  # by reason, most frequent first
    providers: list[tuple[str, Counts]]
    topics: list[tuple[str, Counts]]  # the reader's topics; a reader counts for each topic chosen
    handed_over: Delay | None  # an upper bound: the end of the batch
    arrived: Delay | None  # if the provider reports deliveries


STATES = ("sent", "rejected", "skipped", "uncertain", "abandoned", "planned")
COUNTS = ", ".join(
    ["sum(n) AS eligible"]
    + [f"coalesce(sum(n) FILTER (WHERE state = '{state}'), 0) AS {state}" for state in STATES]
    + [f"sum({fact}) AS {fact}" for fact in ("delivered", "bounced", "complained")]
)
# One scan fills four small tables. Readers who were due without an issue belong to none.
COUNT = f"""
WITH mine AS (
  SELECT d.preferences_id, b.provider, d.reason, {STATE} AS state, d.delivered_at, d.bounced_at, d.complained_at,
         CASE WHEN {STATE} = 'sent' AND b.finished_at IS NOT NULL
              THEN greatest(date_part('epoch', b.finished_at - d.slot)::int, 0) END AS handed_over,
         CASE WHEN d.delivered_at IS NOT NULL
              THEN greatest(date_part('epoch', d.delivered_at - d.slot)::int, 0) END AS arrived
  FROM digests_delivery d
  LEFT JOIN digests_batch b ON b.id = d.batch_id
  LEFT JOIN digests_digest g
    ON g.id = d.digest_id AND g.issue_id = %(issue)s AND g.made_at >= %(start)s AND g.made_at < %(end)s
  WHERE d.made_at >= %(start)s AND d.made_at < %(end)s
    AND (g.id IS NOT NULL
         OR d.digest_id IS NULL AND (d.covered_to = %(start)s
            OR d.covered_to IS NULL AND d.reason <> 'no_issue' AND d.made_at < %(until)s))
), counted AS MATERIALIZED (
  SELECT grouping(preferences_id, provider, handed_over, arrived) AS which,
         preferences_id, provider, reason, state, handed_over, arrived, count(*) AS n,
         count(delivered_at) AS delivered, count(bounced_at) AS bounced, count(complained_at) AS complained
  FROM mine
  GROUP BY GROUPING SETS ((preferences_id, state), (provider, reason, state), (handed_over, state), (arrived, state))
)
SELECT 'provider' AS kind, provider AS key, {COUNTS} FROM counted WHERE which = 11 GROUP BY provider
UNION ALL
SELECT 'reason', reason, {COUNTS} FROM counted WHERE which = 11 AND state = 'skipped' GROUP BY reason
UNION ALL
SELECT 'topic', topic.name, {COUNTS}
FROM counted
LEFT JOIN subscribers_preferencestopic chosen ON chosen.preferences_id = counted.preferences_id
LEFT JOIN papers_topic topic ON topic.id = chosen.topic_id
WHERE which = 7 GROUP BY topic.name
UNION ALL
SELECT 'handed_over', handed_over::text, {COUNTS} FROM counted
WHERE which = 13 AND handed_over IS NOT NULL GROUP BY handed_over
UNION ALL
SELECT 'arrived', arrived::text, {COUNTS} FROM counted WHERE which = 14 AND arrived IS NOT NULL GROUP BY arrived
"""


def statistics_of(issue: Issue) -> Statistics:
    """Count an issue's deliveries so far; all zero before publication."""
    found: dict[str, list[tuple[str | None, Counts]]] = defaultdict(list)
    for kind, key, *counts in _rows(issue) if issue.published_at else ():
        found[kind].append((key, Counts(*map(int, counts))))
    return Statistics(
        all=sum_counts(counts for _, counts in found["provider"]),
        skipped=[(_reason(key), counts.eligible) for key, counts in _by_size(found["reason"])],
        providers=[(_provider(key), counts) for key, counts in _by_size(found["provider"])],
        topics=[(key or "no topic chosen", counts) for key, counts in _by_size(found["topic"])],
        handed_over=_delay(found["handed_over"]),
        arrived=_delay(found["arrived"]),
    )


def sum_counts(rows: Iterable[Counts]) -> Counts:
    return Counts(*map(sum, zip(*rows, strict=True)))


@transaction.atomic
def _rows(issue: Issue) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        cursor.execute(COUNT, {"issue": issue.pk, "start": issue.published_at, **_window(issue)})
        return list(cursor.fetchall())


def _window(issue: Issue) -> dict[str, datetime | str]:
    """Return until when an issue was the newest, and until when digests of it may have been made.

    After a later issue was withdrawn, this one was the newest again.
    """
    later = Issue.objects.filter(published_at__gt=issue.published_at).order_by("published_at")
    until = later.values_list("published_at", flat=True).first()
    end = later.filter(status=Issue.Status.PUBLISHED).values_list("published_at", flat=True).first()
    return {"until": until or "infinity", "end": end + SLACK if end else "infinity"}


def _by_size(rows: list[tuple[str | None, Counts]]) -> list[tuple[str | None, Counts]]:
    return sorted(rows, key=lambda row: (-row[1].eligible, row[0] is None, row[0]))


def _reason(key: str | None) -> str:
    return str(Delivery.Reason(key).label) if key else "no reason is recorded"


def _provider(key: str | None) -> str:
    return "none: no digest was made" if key is None else key or "not recorded"


def _delay(rows: list[tuple[str | None, Counts]]) -> Delay | None:
    seconds = sorted((int(key or 0), counts.eligible) for key, counts in rows)
    count = sum(number for _, number in seconds)
    if not count:
        return None
    return Delay(count, _percentile(seconds, count, 50), _percentile(seconds, count, 99))


def _percentile(seconds: list[tuple[int, int]], count: int, percent: int) -> timedelta:
    """Return the least delay that `percent` of all do not exceed."""
    passed = 0
    for delay, number in seconds:
        passed += number
        if passed * 100 >= count * percent:
            return timedelta(seconds=delay)
    raise AssertionError("the last row reaches every percentage")

"""Stores counts for the admin's home page: readers a day, and deliveries by issue."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import connection

from digests.models import DayOfReaders, IssueTally
from digests.statistics import issue_counts
from newsletter import clock
from newsletter.issues.models import Issue

DAY = timedelta(days=1)
DAYS = 90  # shown; the first count fills in the past from the readers there are
WATCHED_FOR = timedelta(days=14)  # counts of older issues no longer change
COUNT_INTERVAL = timedelta(minutes=10)  # at least, between two counts of an issue


class ReaderDay(NamedTuple):
    date: date
    active: int
    new: int
    left: int


def tally() -> None:
    """Update all counts that are due. Safe to repeat and to run concurrently."""
    tally_readers()
    for issue in issues_due():
        tally_issue(issue)


def tally_readers() -> None:
    """Write the days since the last count, and that day again, since it had not ended."""
    last = DayOfReaders.objects.order_by("-date").first()
    since = last.date if last else clock.today() - timedelta(days=DAYS - 1)
    before = DayOfReaders.objects.filter(date__lt=since).order_by("-date").first()
    now = clock.now()
    days = count_missing_as_left(days_since(since), before.active if before else None)
    DayOfReaders.objects.bulk_create(
        [DayOfReaders(**day._asdict(), counted_at=now) for day in days],
        update_conflicts=True,
        unique_fields=["date"],
        update_fields=["active", "new", "left", "counted_at"],
    )


def count_missing_as_left(days: Iterable[ReaderDay], active: int | None) -> Iterator[ReaderDay]:
    """Add erased readers to those who left: the ones missing from `active`, the count of the day before."""
    for day in days:
        missing = active + day.new - day.active if active is not None else 0
        yield day._replace(left=max(day.left, missing))
        active = day.active


# Readers active now, and readers who came and left on each day, as far as their rows still exist.
CAME_AND_LEFT = """
SELECT (SELECT count(*) FROM subscribers_subscriber WHERE status = 'active') AS active,
       day, sum(came) AS came, sum(gone) AS gone
FROM (
  SELECT (confirmed_at AT TIME ZONE 'UTC')::date AS day, count(*) AS came, 0 AS gone
  FROM subscribers_subscriber WHERE confirmed_at >= %(start)s AND status <> 'pending' GROUP BY 1
  UNION ALL
  SELECT (unsubscribed_at AT TIME ZONE 'UTC')::date, 0, count(*)
  FROM subscribers_subscriber
  WHERE unsubscribed_at >= %(start)s AND status = 'unsubscribed' AND confirmed_at IS NOT NULL GROUP BY 1
  UNION ALL
  SELECT %(today)s::date, 0, 0
) counted
GROUP BY day ORDER BY day DESC
"""


def days_since(since: date) -> list[ReaderDay]:
    """Return each day from `since` to today, computed backwards from the readers active now."""
    today = clock.today()
    start = datetime.combine(since, time(), UTC)
    with connection.cursor() as cursor:
        cursor.execute(CAME_AND_LEFT, {"start": start, "today": today})
        rows = cursor.fetchall()
    active = int(rows[0][0])
    moves = {day: (int(came), int(gone)) for _, day, came, gone in rows}
    days = []
    for number in range((today - since).days + 1):
        came, gone = moves.get(today - number * DAY, (0, 0))
        days.append(ReaderDay(today - number * DAY, active, came, gone))
        active = max(active - came + gone, 0)
    return days[::-1]


def issues_due() -> list[Issue]:
    """Return published issues whose counts are due: the older an issue, the less often it is counted."""
    now = clock.now()
    recent = Issue.objects.filter(published_at__gt=now - WATCHED_FOR, published_at__lte=now) | Issue.objects.filter(
        published_at__lte=now, tally=None
    )
    issues = recent.select_related("tally").order_by("-published_at")[:DAYS]
    return [issue for issue in issues if is_due(issue, now)]


def is_due(issue: Issue, now: datetime) -> bool:
    assert issue.published_at is not None
    tally = getattr(issue, "tally", None)
    return tally is None or now - tally.counted_at >= max(COUNT_INTERVAL, (now - issue.published_at) / 10)


def tally_issue(issue: Issue) -> None:
    counts = issue_counts.statistics_of(issue).all._asdict()
    IssueTally.objects.update_or_create(issue=issue, defaults={**counts, "counted_at": clock.now()})

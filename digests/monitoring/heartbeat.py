"""Pings HEARTBEAT_URL once every delivery of an issue is accounted for, so that a missing ping is noticed outside."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from digests.models import Heartbeat
from digests.monitoring import reconciliation, webhook_post
from digests.statistics import issue_counts
from newsletter import clock
from newsletter.issues.models import Issue
from subscribers.models import Subscriber

DAY = timedelta(days=1)  # by then every reader's slot has come
RECENT = timedelta(days=4)  # older issues are not pinged any more
RETRY_AFTER = timedelta(minutes=5)
logger = logging.getLogger(__name__)


def ping_finished_issues() -> None:
    """Ping once for each finished issue whose counts close and that reached its readers; retry a ping that failed."""
    if not settings.HEARTBEAT_URL:
        return
    for issue in finished_issues():
        Heartbeat.objects.get_or_create(issue=issue)
        mine = Heartbeat.objects.filter(issue=issue, pinged_at=None, not_before__lte=clock.now())
        if mine.update(not_before=clock.now() + RETRY_AFTER) and ping_issue(issue):
            Heartbeat.objects.filter(issue=issue).update(pinged_at=clock.now())


def finished_issues() -> Iterator[Issue]:
    """Yield the issues whose day is over, with all batches finished and no reader overdue."""
    now = clock.now()
    issues = Issue.objects.filter(published_at__gt=now - RECENT, published_at__lte=now - DAY)
    for issue in issues.exclude(heartbeat__pinged_at__isnull=False).order_by("published_at"):
        assert issue.published_at is not None
        if (
            not reconciliation.has_unfinished_batches(issue.published_at, issue.published_at + DAY)
            and not is_any_reader_overdue()
        ):
            yield issue


def is_any_reader_overdue() -> bool:
    """Return whether any active reader has been due for longer than DIGEST_LATEST."""
    active = Subscriber.objects.filter(status=Subscriber.Status.ACTIVE)
    return active.filter(next_digest_at__lt=clock.now() - settings.DIGEST_LATEST).exists()


def ping_issue(issue: Issue) -> bool:
    assert issue.published_at is not None
    runs = reconciliation.count_runs(issue.published_at, issue.published_at + DAY)
    if not reconciliation.total_of_runs(runs).is_closed or any(not run.counts.is_closed for run in runs):
        logger.error("No heartbeat for issue %s: its counts do not close, see `manage.py reconcile`", issue.pk)
        return False
    reach = reconciliation.count_reach(issue.published_at, issue.published_at + DAY)
    if not reach.is_enough:
        logger.error("No heartbeat for issue %s: only %s, see “Sending” in the admin", issue.pk, reach.sentence)
        return False
    counts = issue_counts.statistics_of(issue).all._asdict() | reach._asdict()
    return webhook_post.post_json(settings.HEARTBEAT_URL, {"issue": issue.date.isoformat(), **counts})

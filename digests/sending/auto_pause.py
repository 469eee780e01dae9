"""Pauses sending when too many readers of an issue complain or bounce."""

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q

from digests.models import ProviderEvent, SwitchChange
from digests.models.delivery_state import IS_ANSWERED
from digests.sending import switch
from newsletter import clock
from newsletter.issues.models import Issue

WATCHED_FOR = timedelta(days=3)

ANSWERED = f"""
SELECT count(*) FROM (
    SELECT 1
    FROM digests_batch b
    JOIN digests_delivery d ON d.batch_id = b.id
    JOIN digests_digest g ON g.id = d.digest_id
    WHERE b.made_at >= %s AND g.issue_id = %s
        AND {IS_ANSWERED}
    LIMIT %s
) found
"""


class Limit(NamedTuple):
    kind: ProviderEvent.Kind
    percent: float
    words: str


def limits() -> list[Limit]:
    return [
        Limit(ProviderEvent.Kind.COMPLAINED, settings.PAUSE_COMPLAINTS_PERCENT, "called it spam"),
        Limit(ProviderEvent.Kind.BOUNCED, settings.PAUSE_BOUNCES_PERCENT, "could not be reached for good"),
    ]


def check_recent_issues() -> None:
    """Check every recent issue: a process may have ended after an event was applied and before the check."""
    recent = Issue.objects.published().filter(published_at__gt=clock.now() - WATCHED_FOR)
    for issue_id in recent.values_list("pk", flat=True):
        pause_if_over_limit(issue_id)


def pause_if_over_limit(issue_id: int) -> bool:
    """Pause sending if too many readers of an issue complained or bounced; return True when this call paused it."""
    issue = Issue.objects.get(pk=issue_id)
    reports = _count_reports(issue)
    # With this many answered, no limit is exceeded, so the count may stop here.
    enough = [settings.PAUSE_AFTER, *(int(reports[limit.kind] * 100 / limit.percent) + 1 for limit in limits())]
    answered = _count_answered(issue, max(enough))
    if answered < settings.PAUSE_AFTER:
        return False
    for limit in limits():
        count = reports[limit.kind]
        if count * 100 > answered * limit.percent and not _was_resumed_since(issue, limit, count):
            return _pause(issue, limit, count, answered)
    return False


def pause_for_content(issue_id: int, fault: str) -> bool:
    """Pause sending before the first reader of an issue whose content no provider can take.

    Return False for a withdrawn issue, of which nothing is sent.
    """
    issue = Issue.objects.get(pk=issue_id)
    if issue.status == Issue.Status.WITHDRAWN:
        return False
    reason = (
        f"The digests of the issue of {issue.date:%-d %B %Y} cannot be sent: {fault} No more of them is handed over. "
        "Withdraw the issue, then resume sending."
    )
    switch.pause(switch.BY_ITSELF, reason, issue_id=issue.pk)
    return True


def _count_reports(issue: Issue) -> dict[str, int]:
    """Count the readers of an issue who complained and those who bounced for good, by kind of event."""
    events = ProviderEvent.objects.counted().filter(issue_id=issue.pk)
    kinds = {limit.kind: Q(kind=limit.kind) for limit in limits()}
    against = events.filter(kind__in=("bounced", "complained"))  # as the partial index says
    return against.aggregate(
        **{kind: Count("delivery_id", distinct=True, filter=which) for kind, which in kinds.items()}
    )


def _count_answered(issue: Issue, at_most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [issue.published_at, issue.pk, at_most])
        return int(cursor.fetchone()[0])


def _was_resumed_since(issue: Issue, limit: Limit, count: int) -> bool:
    """Return True if sending was paused for this before: whoever resumed accepted it, up to twice the count."""
    before = SwitchChange.objects.filter(act=SwitchChange.Act.PAUSED, issue_id=issue.pk, kind=limit.kind).first()
    return before is not None and count < 2 * (before.count or 0)


def _pause(issue: Issue, limit: Limit, count: int, answered: int) -> bool:
    reason = (
        f"Of the {answered:,} readers to whom the issue of {issue.date:%-d %B %Y} was handed over, {count:,} "
        f"{limit.words}: {count * 100 / answered:.2f} %, where {limit.percent:g} % is the limit."
    )
    return switch.pause(switch.BY_ITSELF, reason, issue_id=issue.pk, kind=limit.kind, count=count)

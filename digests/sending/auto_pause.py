"""Sending stops by itself where an issue is refused or called spam too often."""

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

WATCHED = timedelta(days=3)

ANSWERED_OF_ISSUE = f"""
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


def watch() -> None:
    """Ask for each recent issue: a process may have ended between an event and its brake."""
    recent = Issue.objects.published().filter(published_at__gt=clock.now() - WATCHED)
    for issue_id in recent.values_list("pk", flat=True):
        brake(issue_id)


def brake(issue_id: int) -> bool:
    """Pause sending where too many readers of an issue complained or bounced; say whether it was paused now."""
    issue = Issue.objects.get(pk=issue_id)
    against = _against(issue)
    # With so many handed over, no limit would be passed: more need not be counted.
    enough = [settings.PAUSE_AFTER, *(int(against[limit.kind] * 100 / limit.percent) + 1 for limit in limits())]
    handed_over = _handed_over(issue, max(enough))
    if handed_over < settings.PAUSE_AFTER:
        return False
    for limit in limits():
        count = against[limit.kind]
        if count * 100 > handed_over * limit.percent and not _was_told(issue, limit, count):
            return _pause(issue, limit, count, handed_over)
    return False


def _against(issue: Issue) -> dict[str, int]:
    """Count the readers of an issue who complained, and those who bounced for good."""
    events = ProviderEvent.objects.counted().filter(issue_id=issue.pk)
    kinds = {limit.kind: Q(kind=limit.kind) for limit in limits()}
    bad = events.filter(kind__in=("bounced", "complained"))  # the words of the index
    return bad.aggregate(**{kind: Count("delivery_id", distinct=True, filter=which) for kind, which in kinds.items()})


def _handed_over(issue: Issue, at_most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED_OF_ISSUE, [issue.published_at, issue.pk, at_most])
        return int(cursor.fetchone()[0])


def _was_told(issue: Issue, limit: Limit, count: int) -> bool:
    """Say whether sending stopped for this before: who resumed knows it, until it is twice as bad."""
    before = SwitchChange.objects.filter(act=SwitchChange.Act.PAUSED, issue_id=issue.pk, kind=limit.kind).first()
    return before is not None and count < 2 * (before.count or 0)


def _pause(issue: Issue, limit: Limit, count: int, handed_over: int) -> bool:
    reason = (
        f"Of the {handed_over:,} readers to whom the issue of {issue.date:%-d %B %Y} was handed over, {count:,} "
        f"{limit.words}: {count * 100 / handed_over:.2f} %, where {limit.percent:g} % is the limit."
    )
    return switch.pause(switch.ITSELF, reason, issue_id=issue.pk, kind=limit.kind, count=count)

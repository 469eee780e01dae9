"""Counts the copies of a withdrawn issue by whether they were sent."""

from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from digests.models.delivery_state import IS_IN_FLIGHT, IS_PLANNED, IS_SENT, IS_UNKNOWN
from newsletter.issues.models import Issue
from newsletter.number_text import pluralize
from subscribers.models import Subscriber


class WithdrawalCounts(NamedTuple):
    """Readers of a withdrawn issue by what became of their copy."""

    sent: int
    under_way: int
    stopped: int
    uncertain: int

    @property
    def words(self) -> str:
        parts = [f"{pluralize(self.sent, 'reader has', 'readers have')} received it"]
        if self.under_way:
            parts.append(pluralize(self.under_way, "is being sent it now", "are being sent it now"))
        if self.uncertain:
            parts.append(f"{self.uncertain:,} may have received it")
        parts.append(f"{self.stopped:,} whose copy was ready will not get it")
        return f"{', '.join(parts[:-1])}, and {parts[-1]}. Nobody gets it later."


def count_readers_to_come(issue: Issue) -> int:
    """Count the active readers for whom a published issue has not been assembled yet."""
    not_served = Q(covered_through=None) | Q(covered_through__lt=issue.published_at)
    return Subscriber.objects.active().filter(not_served).count()


COPIES_SQL = f"""
SELECT count(*) FILTER (WHERE {IS_SENT}),
       count(*) FILTER (WHERE {IS_IN_FLIGHT}),
       count(*) FILTER (WHERE {IS_PLANNED}),
       count(*) FILTER (WHERE {IS_UNKNOWN})
FROM digests_batch b
JOIN digests_delivery d ON d.batch_id = b.id
JOIN digests_digest g ON g.id = d.digest_id
WHERE b.made_at >= %s AND g.issue_id = %s
"""


def count_copies(issue: Issue) -> WithdrawalCounts:
    """Count the copies of an issue in their present state."""
    with connection.cursor() as cursor:
        cursor.execute(COPIES_SQL, [issue.published_at, issue.pk])
        return WithdrawalCounts(*cursor.fetchone())

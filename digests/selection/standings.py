"""Find when each paper of the last weeks first stood in an issue, so that no reader gets it too late or twice.

A paper can stand in two issues: on a shelf and later on a front, or as its twin. Merged papers count as the paper they
were merged into. A free item counts as a paper whose id is its entry's id, negated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from newsletter.issues.publish_dry_run import DryRun
from newsletter.papers.ingest import duplicates


@dataclass(frozen=True, slots=True)
class Standings:
    """When the papers of recent issues first stood in one. An heir is the paper that others were merged into."""

    heirs: Mapping[int, int]  # by the merged paper
    ids_by_heir: Mapping[int, tuple[int, ...]]  # the merged papers and the heir itself
    first_at: Mapping[int, datetime]  # by heir: when its first issue was published
    earliest: Mapping[datetime, datetime]  # by an issue's published_at: the earliest `first_at` of its papers

    def heir(self, paper_id: int) -> int:
        return self.heirs.get(paper_id, paper_id)

    def paper_ids(self) -> list[int]:
        """Return the ids of all papers that stood in an issue, with their heirs."""
        return list(self.first_at.keys() | self.heirs.keys())

    def same_as(self, paper_id: int) -> tuple[int, ...]:
        """Return all ids of the same paper, its own among them."""
        heir = self.heir(paper_id)
        return self.ids_by_heir.get(heir, (paper_id,))


STOOD = """
SELECT coalesce(entry.paper_id, -entry.id), issue.published_at
FROM issues_issue issue JOIN issues_issueentry entry ON entry.issue_id = issue.id
WHERE issue.published_at > %s AND issue.published_at <= %s
"""


def standings_at(now: datetime, coming: DryRun | None = None) -> Standings:
    """Return where papers stood in the issues up to `now`, with those that were dropped or withdrawn later."""
    with connection.cursor() as cursor:
        cursor.execute(STOOD, [now - 2 * settings.DIGEST_SPAN, now])
        stood = cursor.fetchall()
    if coming:
        stood += [(entry.paper_id or -entry.pk, now) for entry in coming.entries]
    heirs = duplicates.merge_targets({paper_id for paper_id, _ in stood if paper_id > 0})
    first_at = dict[int, datetime]()
    for paper_id, at in stood:
        heir = heirs.get(paper_id, paper_id)
        first_at[heir] = min(at, first_at.get(heir, at))
    earliest = dict[datetime, datetime]()
    for paper_id, at in stood:
        first = first_at[heirs.get(paper_id, paper_id)]
        earliest[at] = min(first, earliest.get(at, first))
    return Standings(heirs, ids_by_heir(heirs), first_at, earliest)


def ids_by_heir(heirs: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """Return the ids of each paper that others were merged into: the heir's own first."""
    ids = dict[int, tuple[int, ...]]()
    for paper_id, heir in heirs.items():
        ids[heir] = (*ids.get(heir, (heir,)), paper_id)
    return ids

"""When each paper of the last weeks first stood in an issue, so that nobody is offered it too late or twice.

A paper can stand in two issues: on a shelf and then on a front, or as its twin. Merged papers count as the one that is
left. A free item stands here as a paper whose id is its entry's, less than 0.
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
    """Where the papers of recent issues stood."""

    heirs: Mapping[int, int]  # of merged papers, the one that is left
    merged_into: Mapping[int, tuple[int, ...]]  # the other way round, with the paper itself
    first_at: Mapping[int, datetime]  # by the paper that is left: when its first issue was published
    earliest: Mapping[datetime, datetime]  # by when an issue was published: the least `first_at` of its papers

    def heir(self, paper_id: int) -> int:
        return self.heirs.get(paper_id, paper_id)

    def paper_ids(self) -> list[int]:
        """Return the ids of all papers that stood, and those left of merged ones."""
        return list(self.first_at.keys() | self.heirs.keys())

    def same_as(self, paper_id: int) -> tuple[int, ...]:
        """Return the ids under which a paper stood, its own among them."""
        heir = self.heir(paper_id)
        return self.merged_into.get(heir, (paper_id,))


STOOD = """
SELECT coalesce(entry.paper_id, -entry.id), issue.published_at
FROM issues_issue issue JOIN issues_issueentry entry ON entry.issue_id = issue.id
WHERE issue.published_at > %s AND issue.published_at <= %s
"""


def standings_at(now: datetime, coming: DryRun | None = None) -> Standings:
    """Return where papers stood in the issues up to a moment, whatever was dropped or withdrawn since."""
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
    return Standings(heirs, merged_into(heirs), first_at, earliest)


def merged_into(heirs: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """Return for each paper that others were merged into all ids of it."""
    ids = dict[int, tuple[int, ...]]()
    for paper_id, heir in heirs.items():
        ids[heir] = (*ids.get(heir, (heir,)), paper_id)
    return ids

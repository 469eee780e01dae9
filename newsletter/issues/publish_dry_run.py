"""Publish an issue in a transaction that is rolled back, to see what publication would store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from newsletter.issues import draft, publish
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.trending import ranking


@dataclass(frozen=True, slots=True)
class DryRun:
    """An open issue as if it had been published. Do not save its rows."""

    issue: Issue
    entries: list[IssueEntry]  # in order, including dropped ones
    places: dict[int, int]  # rank of each paper id on its day


@contextmanager
def dry_run(issue: Issue, at: datetime) -> Iterator[DryRun]:
    """Yield an open issue as if it were published at `at`; roll back everything written, also by the block.

    Little is written: sightings for the picks, and papers merged or withdrawn since the last refresh.
    """
    with transaction.atomic():
        issue = Issue.objects.get(pk=issue.pk)
        draft.follow_papers(issue)
        publish.record_picks(issue, at)
        order, is_new = ranking.order_at(issue.date, at)
        entries = publish.snapshot_entries(issue, order if is_new else [], ranking.words_by_paper(order))
        issue.status, issue.published_at = Issue.Status.PUBLISHED, at
        yield DryRun(issue, entries, {row.paper_id: row.place for row in order})
        transaction.set_rollback(True)

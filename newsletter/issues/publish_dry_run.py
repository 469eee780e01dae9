"""What publication would freeze of an issue at a moment, worked out by its own steps and kept nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from newsletter.issues import draft, publish
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.trending import ranking


@dataclass(frozen=True, slots=True)
class Coming:
    """An open issue as if it had been published; its rows are not to be saved."""

    issue: Issue
    entries: list[IssueEntry]  # in their order, with what was dropped
    places: dict[int, int]  # of papers in the order of its day


@contextmanager
def published_at(issue: Issue, at: datetime) -> Iterator[Coming]:
    """Let the block read an open issue as if it were published at a moment; all that it writes is taken back.

    What is written is little: the picks' sightings, and papers merged or withdrawn since the last refresh.
    """
    with transaction.atomic():
        issue = Issue.objects.get(pk=issue.pk)
        draft.follow_papers(issue)
        publish.note_picks(issue, at)
        order, is_new = ranking.order_at(issue.date, at)
        entries = publish.frozen(issue, order if is_new else [], ranking.words_among(order))
        issue.status, issue.published_at = Issue.Status.PUBLISHED, at
        yield Coming(issue, entries, {row.paper_id: row.place for row in order})
        transaction.set_rollback(True)

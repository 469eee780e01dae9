"""Serialize the edits of an issue with a row lock, and refuse edits from stale pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from newsletter import audit, clock
from newsletter.issues.models import Issue, IssueEntry


class EditRefused(Exception):
    """The edit does not fit the issue's current state; the message says why. Nothing was changed."""


class Stale(EditRefused):
    """The issue has changed since the editor saw it. Nothing was changed."""


class Edit(NamedTuple):
    """An edit: the issue, the user, and the revision the user saw (None: any)."""

    issue: Issue
    by: AbstractBaseUser | AnonymousUser | None
    seen: int | None = None


@contextmanager
def lock_for_edit(edit: Edit, may_be_published: bool = False) -> Iterator[Issue]:
    """Lock the issue and yield its current state. Raise Stale for an old revision, EditRefused if it is closed."""
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=edit.issue.pk)
        if edit.seen not in (None, issue.revision):
            raise Stale(
                "Somebody else changed this issue since you opened it, or new papers came in. Nothing was overwritten."
            )
        if not issue.is_open and not (may_be_published and issue.status == Issue.Status.PUBLISHED):
            raise EditRefused(
                f"The issue is {issue.get_status_display().lower()}: {WHY_CLOSED[Issue.Status(issue.status)]}"
            )
        yield issue


WHY_CLOSED = {
    Issue.Status.PUBLISHED: "you can drop a paper for readers who have not received it yet, but change nothing else.",
    Issue.Status.WITHDRAWN: "it can no longer be changed.",
}


def record_edit(
    edit: Edit, act: str, before: audit.Values = audit.NOTHING, after: audit.Values = audit.NOTHING, *, orders: bool
) -> None:
    """Increase the revision and write the audit record, unless nothing changed; `orders` pins the front's order."""
    if before == after:
        return
    now = {"arranged_at": Coalesce("arranged_at", clock.now())} if orders else {}
    Issue.objects.filter(pk=edit.issue.pk).update(revision=F("revision") + 1, **now)
    audit.record(edit.by, edit.issue, act, before, after)


def entry_of(issue: Issue, entry_id: int) -> IssueEntry:
    """Return an entry of the issue's front. Raise Stale if it is not there."""
    entry = issue.entries.front().select_related("paper").filter(pk=entry_id).first()
    if entry is None:
        raise Stale("The entry has left this issue since you opened it. Nothing was changed.")
    return entry


def quoted_title(entry: IssueEntry) -> str:
    return f"“{entry.title}”"

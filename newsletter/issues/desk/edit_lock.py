"""The step in which editors' acts on an issue are done one after the other: none undoes another without a word."""

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
    """The act does not fit how the issue stands; the message says why. Nothing was changed."""


class Stale(EditRefused):
    """The issue has changed since the editor saw it. Nothing was changed."""


class Edit(NamedTuple):
    """Which issue is edited, by whom, and the revision that they saw; None where it does not matter."""

    issue: Issue
    by: AbstractBaseUser | AnonymousUser | None
    seen: int | None = None


@contextmanager
def editing(edit: Edit, may_be_published: bool = False) -> Iterator[Issue]:
    """Hold the issue’s row, so that acts wait for each other, and yield it as it stands. Raise Refused, Stale."""
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=edit.issue.pk)
        if edit.seen not in (None, issue.revision):
            raise Stale(
                "Somebody else changed this issue since you opened it, or new papers came in. Nothing was overwritten."
            )
        if not issue.is_open and not (may_be_published and issue.status == Issue.Status.PUBLISHED):
            raise EditRefused(f"The issue is {issue.get_status_display().lower()}: {LEFT[Issue.Status(issue.status)]}")
        yield issue


LEFT = {
    Issue.Status.PUBLISHED: "a paper can be dropped for who has not got it yet, and nothing else can be changed.",
    Issue.Status.WITHDRAWN: "nothing can be changed any more.",
}


def done(
    edit: Edit, act: str, before: audit.Values = audit.NOTHING, after: audit.Values = audit.NOTHING, *, orders: bool
) -> None:
    """Count an act and note who did it; where nothing differs there was none. One that `orders` fixes the order."""
    if before == after:
        return
    now = {"arranged_at": Coalesce("arranged_at", clock.now())} if orders else {}
    Issue.objects.filter(pk=edit.issue.pk).update(revision=F("revision") + 1, **now)
    audit.record(edit.by, edit.issue, act, before, after)


def entry_of(issue: Issue, entry_id: int) -> IssueEntry:
    """Return an entry of the issue's front. Raise Stale where it has none of this id."""
    entry = issue.entries.front().select_related("paper").filter(pk=entry_id).first()
    if entry is None:
        raise Stale("The entry has left this issue since you opened it. Nothing was changed.")
    return entry


def named(entry: IssueEntry) -> str:
    return f"“{entry.title}”"

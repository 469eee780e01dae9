"""The step in which a change of the calendar of cutoffs reaches the issues that are open."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from newsletter import clock
from newsletter.issues import publish
from newsletter.issues.models import Issue, comes_by_itself, cutoff_of


@contextmanager
def following() -> Iterator[None]:
    """Move the cutoffs of open issues with what the block changes of the calendar; those moved by hand stay.

    A draft of a day that has no issue by itself any more moves on; one that was prepared for it stays.
    """
    with transaction.atomic():
        ahead = Issue.objects.open().filter(date__gte=clock.today()).order_by("-date")
        by_calendar = [issue for issue in ahead if issue.cutoff_at == cutoff_of(issue.date)]
        yield
        for issue in by_calendar:
            new = cutoff_of(issue.date)
            # An open page shows the old one.
            Issue.objects.filter(pk=issue.pk).exclude(cutoff_at=new).update(cutoff_at=new, revision=F("revision") + 1)
            if issue.prepared_at is None and not comes_by_itself(issue.date):
                publish.carry_over(issue)

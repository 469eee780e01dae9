"""Apply changes of the cutoff calendar to open issues."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from newsletter import clock
from newsletter.issues import publish
from newsletter.issues.models import Issue, comes_by_itself, cutoff_of


@contextmanager
def apply_to_open_issues() -> Iterator[None]:
    """Update open issues after the block has changed the calendar; cutoffs set by hand stay.

    A draft of a day that lost its automatic issue moves on, unless an editor prepared it.
    """
    with transaction.atomic():
        ahead = Issue.objects.open().filter(date__gte=clock.today()).order_by("-date")
        by_calendar = [issue for issue in ahead if issue.cutoff_at == cutoff_of(issue.date)]
        yield
        for issue in by_calendar:
            new = cutoff_of(issue.date)
            # The revision makes open pages stale: they show the old cutoff.
            Issue.objects.filter(pk=issue.pk).exclude(cutoff_at=new).update(cutoff_at=new, revision=F("revision") + 1)
            if issue.prepared_at is None and not comes_by_itself(issue.date):
                publish.carry_over(issue)

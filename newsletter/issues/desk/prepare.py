"""Open an issue for one of the next days in advance, so that editors can fill it early."""

from datetime import date, timedelta
from typing import NamedTuple

from newsletter import clock
from newsletter.issues.models import Issue, comes_by_itself, cutoff_of

DAYS = 7


class NotOpen(Exception):
    """No issue can be prepared for that day; the message says why."""


class PreparableDay(NamedTuple):
    """A day that an issue can be prepared for, with its issue if there is one."""

    date: date
    issue: Issue | None
    comes_by_itself: bool


def days() -> list[PreparableDay]:
    """Return the next seven days, starting tomorrow."""
    dates = [clock.today() + timedelta(days=ahead) for ahead in range(1, DAYS + 1)]
    issues = {issue.date: issue for issue in Issue.objects.filter(date__in=dates)}
    return [PreparableDay(day, issues.get(day), comes_by_itself(day)) for day in dates]


def prepare(day: date) -> tuple[Issue, bool]:
    """Get or create the open issue of a day; return it and whether it is new. Raise NotOpen for other days."""
    if not 0 < (day - clock.today()).days <= DAYS:
        raise NotOpen(
            f"You can prepare issues from tomorrow up to {DAYS} days ahead. {day:%-d %B} is not one of these days."
        )
    defaults = {"cutoff_at": cutoff_of(day), "prepared_at": clock.now()}
    issue, is_new = Issue.objects.get_or_create(date=day, defaults=defaults)
    if not issue.is_open:
        raise NotOpen(f"The issue of {day:%-d %B} is already {issue.get_status_display().lower()}.")
    return issue, is_new

"""The step in which an editor opens an issue of one of the next days, to put into it what is known already."""

from datetime import date, timedelta
from typing import NamedTuple

from newsletter import clock
from newsletter.issues.models import Issue, comes_by_itself, cutoff_of

DAYS = 7


class NotOpen(Exception):
    """No issue can be prepared for that day; the message says why."""


class PreparableDay(NamedTuple):
    """A day that an issue can be prepared for, and its issue where there is one."""

    date: date
    issue: Issue | None
    comes_by_itself: bool


def days() -> list[PreparableDay]:
    """Return the next seven days from tomorrow on."""
    dates = [clock.today() + timedelta(days=ahead) for ahead in range(1, DAYS + 1)]
    issues = {issue.date: issue for issue in Issue.objects.filter(date__in=dates)}
    return [PreparableDay(day, issues.get(day), comes_by_itself(day)) for day in dates]


def prepare(day: date) -> tuple[Issue, bool]:
    """Return the open issue of a day and whether it was made now; safe to repeat. Raise NotOpen for other days."""
    if not 0 < (day - clock.today()).days <= DAYS:
        raise NotOpen(
            f"Issues are prepared for tomorrow and up to {DAYS} days ahead, and {day:%-d %B} is none of these."
        )
    defaults = {"cutoff_at": cutoff_of(day), "prepared_at": clock.now()}
    issue, is_new = Issue.objects.get_or_create(date=day, defaults=defaults)
    if not issue.is_open:
        raise NotOpen(f"The issue of {day:%-d %B} is {issue.get_status_display().lower()} already.")
    return issue, is_new

"""The step that works out an issue's reach in the background and keeps the figure for its page."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from digests.models import ReachFigure
from digests.previews import reach
from digests.previews.reach import Reach
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.issues.models import Issue

FRESH = timedelta(minutes=1)


def figure_reach(issue: Issue) -> bool:
    """Work out and keep the reach of an issue, unless it is fresh or another worker is at it. Safe to repeat."""
    with advisory_locks.held(Lock.REACH, issue.pk) as is_mine:
        if not is_mine or is_fresh(issue, figure_of(issue)):
            return False
        found = reach.reach_of(issue)
        values = {"revision": issue.revision, "status": issue.status, "at": clock.now(), "figure": packed(found)}
        ReachFigure.objects.update_or_create(issue=issue, defaults=values)
        return True


def figure_of(issue: Issue) -> ReachFigure | None:
    return ReachFigure.objects.filter(issue=issue).first()


def is_fresh(issue: Issue, figure: ReachFigure | None) -> bool:
    """Say whether a figure is of this issue as it stands, and of the last minute."""
    if figure is None or (figure.revision, figure.status) != (issue.revision, issue.status):
        return False
    return clock.now() - figure.at < FRESH


def packed(found: Reach) -> dict[str, Any]:
    moments = {"first_at": iso(found.first_at), "last_at": iso(found.last_at)}
    return asdict(found) | moments


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def unpacked(figure: Mapping[str, Any]) -> Reach:
    """Return the reach that a figure keeps; names in JSON are text."""
    moments = {name: moment_of(figure[name]) for name in ("first_at", "last_at")}
    numbered = {name: {int(key): count for key, count in figure[name].items()} for name in ("sizes", "entries")}
    return Reach(**{**figure, **moments, **numbered})


def moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

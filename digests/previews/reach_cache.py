"""Computes an issue's reach in the background and stores it for the issue's page."""

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

FRESH_FOR = timedelta(minutes=1)


def refresh_reach(issue: Issue) -> bool:
    """Compute and store the reach of `issue`; return False if it is fresh or another worker is computing it.

    Safe to repeat.
    """
    with advisory_locks.held(Lock.REACH, issue.pk) as is_mine:
        if not is_mine or is_fresh(issue, find_figure(issue)):
            return False
        found = reach.compute_reach(issue)
        values = {
            "revision": issue.revision,
            "status": issue.status,
            "at": clock.now(),
            "figure": reach_to_json(found),
        }
        ReachFigure.objects.update_or_create(issue=issue, defaults=values)
        return True


def find_figure(issue: Issue) -> ReachFigure | None:
    return ReachFigure.objects.filter(issue=issue).first()


def is_fresh(issue: Issue, figure: ReachFigure | None) -> bool:
    """Return whether `figure` describes the issue in its present state and is younger than FRESH_FOR."""
    if figure is None or (figure.revision, figure.status) != (issue.revision, issue.status):
        return False
    return clock.now() - figure.at < FRESH_FOR


def reach_to_json(found: Reach) -> dict[str, Any]:
    moments = {"first_at": format_moment(found.first_at), "last_at": format_moment(found.last_at)}
    return asdict(found) | moments


def format_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def reach_from_json(figure: Mapping[str, Any]) -> Reach:
    """Rebuild the reach from its stored figure. JSON turned the integer keys into text."""
    moments = {name: parse_moment(figure[name]) for name in ("first_at", "last_at")}
    int_keyed = {name: {int(key): count for key, count in figure[name].items()} for name in ("sizes", "entries")}
    return Reach(**{**figure, **moments, **int_keyed})


def parse_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

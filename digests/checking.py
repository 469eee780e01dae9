"""What stands against publishing an issue."""

from typing import NamedTuple

from newsletter.issues.models import Issue


class Finding(NamedTuple):
    level: str  # "stops" or "warns"
    words: str
    url: str = ""


def checks_of(issue: Issue) -> list[Finding]:
    return []

"""Formats counts and durations for people. Pure."""

from datetime import timedelta
from typing import NamedTuple

from digests.statistics.issue_counts import Counts, Delay
from newsletter.number_text import pluralize

MEANINGS = {
    "eligible": "readers who were due",
    "sent": "accepted by the provider",
    "rejected": "refused by the provider for good",
    "skipped": "not sent, for a reason given below",
    "uncertain": "not known yet whether it was sent; never sent again on a guess",
    "abandoned": "still uncertain when it expired, or found not to have been sent",
    "planned": "still to be sent",
    "delivered": "accepted by the reader’s server, as far as the provider reports it",
    "bounced": "refused by the reader’s server for good",
    "complained": "called spam by the reader",
}
FACTS = {"delivered", "bounced", "complained"}
# Columns of the tables that compare.
COLUMNS = [name.capitalize() for name in MEANINGS]


class Line(NamedTuple):
    name: str
    readers: int
    share: str  # of those eligible; of those sent where it was reported of mail that was sent
    meaning: str


def build_lines(counts: Counts) -> list[Line]:
    return [
        Line(name.capitalize(), count, share(count, counts.sent if name in FACTS else counts.eligible), MEANINGS[name])
        for name, count in counts._asdict().items()
    ]


def share(count: int, whole: int) -> str:
    """Return a percentage, with two decimals below 1 %, since one complaint in a thousand matters."""
    if not whole:
        return ""
    percent = 100 * count / whole
    return f"{percent:.{1 if percent >= 1 else 2}f} %" if count else "0 %"


def describe_delay(delay: Delay | None) -> str:
    if delay is None:
        return "not known"
    return (
        f"half within {span(delay.p50)}, 99 % within {span(delay.p99)} ({pluralize(delay.copies, 'copy', 'copies')})"
    )


def span(duration: timedelta) -> str:
    """Write a duration in its two largest units, hours at most."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

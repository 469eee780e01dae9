"""How counts are written where people read them. Pure."""

from datetime import timedelta
from typing import NamedTuple

from digests.statistics.issue_counts import Counts, Delay

MEANINGS = {
    "eligible": "readers who were due",
    "sent": "accepted by the provider",
    "rejected": "refused by the provider for good",
    "skipped": "not sent, for a reason given below",
    "uncertain": "nobody knows yet whether it left; never sent again on a guess",
    "abandoned": "nobody knew by the time it expired",
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
    """Return a percentage; two places where it is small, since a complaint in a thousand matters."""
    if not whole:
        return ""
    percent = 100 * count / whole
    return f"{percent:.{1 if percent >= 1 else 2}f} %" if count else "0 %"


def describe_delay(delay: Delay | None) -> str:
    if delay is None:
        return "not known"
    copies = "1 copy" if delay.copies == 1 else f"{delay.copies:,} copies"
    return f"half within {span(delay.p50)}, 99 % within {span(delay.p99)} ({copies})"


def span(duration: timedelta) -> str:
    """Write a duration by its two largest units, of which hours are the largest."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

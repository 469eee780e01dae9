"""A reader's last days: which digests came, and why none came on the others, in the reader's words."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from digests.models import Delivery
from digests.selection import recent_issues
from newsletter.papers.models import Topic
from subscribers import tokens
from subscribers.models import Subscriber

DIGESTS = 10
LOOKED_AT = 40  # days that were served or skipped, of which so many digests are looked for
EMPTY_DAYS = 5
BROADER = 3  # topics that are named

Reason, Status = Delivery.Reason, Delivery.Status
NOTHING_NEW = (Reason.NOTHING_MATCHED, Reason.ALL_HAD)
SKIPPED = {
    Reason.NO_ISSUE: "No issue came out",
    Reason.NOTHING_MATCHED: "No paper matched what you chose",
    Reason.ALL_HAD: "You had every matching paper already",
    Reason.PAUSED: "You had paused",
    Reason.EXPIRED: "We were too late for your hour: its papers came with the next one",
    Reason.UNSUBSCRIBED: "You had left",
    Reason.SUPPRESSED: "Your address did not accept our mail",
    Reason.WITHDRAWN: "The issue was withdrawn",
}
WENT_WRONG = {
    Status.REJECTED: "It was refused on its way to you",
    Status.UNCERTAIN: "We do not know yet whether it left",
    Status.ABANDONED: "We never learned whether it left",
}


@dataclass(frozen=True, slots=True)
class SentDay:
    """A day of a reader's: a digest that can be opened, or why there is none."""

    at: datetime  # in the reader's zone
    words: str
    token: str = ""  # of the page that shows it


@dataclass(frozen=True, slots=True)
class History:
    """Days newest first, and topics that would bring more where the last days brought nothing."""

    days: list[SentDay]
    broader: list[tuple[str, int]]  # the name of a topic, and how many papers it had in a week


def history_of(reader: Subscriber) -> History:
    rows = list(reader.deliveries.select_related("digest", "batch").order_by("-slot")[:LOOKED_AT])
    days: list[SentDay] = []
    left = DIGESTS
    for delivery in rows:
        days.append(day_of(delivery, reader))
        left -= bool(days[-1].token)
        if not left:
            break
    return History(days, broader_topics(reader) if has_empty_days(rows) else [])


def day_of(delivery: Delivery, reader: Subscriber) -> SentDay:
    at = delivery.slot.astimezone(reader.timezone)
    if delivery.status == Status.SKIPPED:
        return SentDay(at, SKIPPED[Reason(delivery.reason)])
    if delivery.status in WENT_WRONG:
        return SentDay(at, WENT_WRONG[Status(delivery.status)])
    if delivery.bounced_at:
        return SentDay(at, "It came back: your mail server refused it")
    if delivery.digest is None or not delivery.is_sent:
        return SentDay(at, "It is on its way")
    return SentDay(at, delivery.digest.subject, tokens.sign(tokens.Purpose.VIEW, delivery.pk, reader.token_epoch))


def has_empty_days(rows: list[Delivery]) -> bool:
    """Say whether the last days in a row had nothing for the reader; a day without an issue counts for neither."""
    with_issue = [row for row in rows if row.reason != Reason.NO_ISSUE]
    empty = list(takewhile(lambda row: row.status == Status.SKIPPED and row.reason in NOTHING_NEW, with_issue))
    return len(empty) >= EMPTY_DAYS


def broader_topics(reader: Subscriber) -> list[tuple[str, int]]:
    """Return the topics with most papers in the last week that the reader has not chosen."""
    chosen = set(reader.preferences.topics.values_list("slug", flat=True))
    counts = Counter(
        slug for day in recent_issues.last_days() if day.index for entry in day.index.entries for slug in entry.topics
    )
    names = dict(Topic.objects.current().exclude(slug__in=chosen).values_list("slug", "name"))
    return [(names[slug], count) for slug, count in counts.most_common() if slug in names][:BROADER]

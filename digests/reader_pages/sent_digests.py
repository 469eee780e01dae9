"""A reader's last digests, and in plain words why none came on the other days."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from digests.models import Delivery
from digests.selection import recent_issues
from newsletter.papers.models import Topic
from subscribers import tokens
from subscribers.models import Subscriber

MOST_DIGESTS = 10
MOST_DELIVERIES = 40  # newest deliveries, sent or skipped, among which the digests are looked for
EMPTY_DAYS = 5  # in a row, after which other topics are suggested
MOST_TOPICS = 3

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
    """One delivery as its reader sees it: a digest that can be opened, or why there is none."""

    at: datetime  # in the reader's zone
    words: str  # the subject of the digest, or the reason
    token: str = ""  # of the page that shows the digest


@dataclass(frozen=True, slots=True)
class History:
    """Days newest first; after a run of empty days, also topics that would have brought papers."""

    days: list[SentDay]
    broader: list[tuple[str, int]]  # a topic's name, and its number of papers in the last week


def load_history(reader: Subscriber) -> History:
    rows = list(reader.deliveries.select_related("digest", "batch").order_by("-slot")[:MOST_DELIVERIES])
    days: list[SentDay] = []
    left = MOST_DIGESTS
    for delivery in rows:
        days.append(describe_delivery(delivery, reader))
        left -= bool(days[-1].token)
        if not left:
            break
    return History(days, broader_topics(reader) if has_empty_days(rows) else [])


def describe_delivery(delivery: Delivery, reader: Subscriber) -> SentDay:
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
    """Return whether the last EMPTY_DAYS days with an issue had nothing for the reader."""
    with_issue = [row for row in rows if row.reason != Reason.NO_ISSUE]
    empty = list(takewhile(lambda row: row.status == Status.SKIPPED and row.reason in NOTHING_NEW, with_issue))
    return len(empty) >= EMPTY_DAYS


def broader_topics(reader: Subscriber) -> list[tuple[str, int]]:
    """Return the topics with the most papers in the last week among those that the reader has not chosen."""
    chosen = set(reader.preferences.topics.values_list("slug", flat=True))
    counts = Counter(
        slug for day in recent_issues.last_days() if day.index for entry in day.index.entries for slug in entry.topics
    )
    names = dict(Topic.objects.current().exclude(slug__in=chosen).values_list("slug", "name"))
    return [(names[slug], count) for slug, count in counts.most_common() if slug in names][:MOST_TOPICS]

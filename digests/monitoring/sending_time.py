"""What the provider's limits mean for this list: how many calls an issue takes, and about how long."""

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import apnumber

from digests.models import Digest, IssueTally
from digests.providers import provider_of
from digests.statistics import issue_counts
from newsletter.mail.throttle import limits_of
from newsletter.number_text import pluralize

CALL_SECONDS = 0.2  # as providers answer that are a continent away


class SendingTime(NamedTuple):
    """The readers and digests of the newest issue that was counted, and what it takes to send as many again."""

    readers: int
    digests: int
    calls: int
    takes: timedelta

    def words(self) -> str:
        """Return the figures in a line.

        >>> SendingTime(41_200, 5_900, 206, timedelta(seconds=126)).words()
        '41,200 readers, 5,900 digests: 206 calls, about two minutes'
        """
        counts = f"{pluralize(self.readers, 'reader')}, {pluralize(self.digests, 'digest')}"
        return f"{counts}: {pluralize(self.calls, 'call')}, {duration_in_words(self.takes)}"


def estimate_sending_time() -> SendingTime | None:
    """Return the estimate for an issue like the newest one that was counted; None where there is none yet."""
    tally = IssueTally.objects.select_related("issue").order_by("-issue__published_at").first()
    if tally is None or tally.issue.published_at is None or tally.eligible <= tally.skipped:
        return None
    made = Digest.objects.filter(made_at__gte=tally.issue.published_at - issue_counts.SLACK, issue_id=tally.issue_id)
    return estimate(tally.eligible - tally.skipped, made.count())


def estimate(readers: int, digests: int) -> SendingTime:
    with provider_of(settings) as provider:
        calls = -(-readers // provider.most)
        if provider.shares_content:
            calls = max(calls, min(digests, readers))
        at_once = calls_at_once(readers / calls, can_overlap=provider.can_overlap)
        if provider.lane == "smtp":
            at_once = settings.SMTP_CONNECTIONS * settings.WORKER_CONCURRENCY["sending"]
    limits = limits_of("digests")
    seconds = [calls * CALL_SECONDS / at_once]
    seconds += [calls * 60 / limits.calls_a_minute] if limits.calls_a_minute else []
    seconds += [readers / limits.rate] if limits.rate else []
    return SendingTime(readers, digests, calls, timedelta(seconds=max(seconds)))


def calls_at_once(readers_a_call: float, *, can_overlap: bool) -> int:
    """Return how many calls are made at the same time, of all workers."""
    processes = settings.WORKER_CONCURRENCY["sending"]
    places = limits_of("digests").calls_of_lane
    in_a_window = int(settings.READERS_IN_DOUBT // readers_a_call) if can_overlap else 1
    return min(places, processes * max(1, min(in_a_window, places // processes)))


def duration_in_words(duration: timedelta) -> str:
    """Return a rough duration.

    >>> [duration_in_words(timedelta(minutes=minutes)) for minutes in (0.4, 1, 45, 100, 60 * 22)]
    ['less than a minute', 'about a minute', 'about 45 minutes', 'about two hours', 'about 22 hours']
    """
    minutes = round(duration.total_seconds() / 60)
    if duration < timedelta(seconds=50):
        return "less than a minute"
    count, unit = (minutes, "minute") if minutes < 91 else (round(minutes / 60), "hour")
    return f"about a{'n' * (unit == 'hour')} {unit}" if count == 1 else f"about {apnumber(count)} {unit}s"

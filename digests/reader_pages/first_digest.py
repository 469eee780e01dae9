"""What a reader who has just confirmed gets at once, and when the next issue comes, as far as it can be known."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from django.conf import settings

from digests.assembly import history_of_reader
from digests.models import Delivery
from digests.selection import digest_choice, spans
from digests.sending import switch
from newsletter import clock
from newsletter.issues import draft
from newsletter.issues.models import Issue, cutoff_of
from subscribers import digest_schedule, ports
from subscribers.models import Subscriber

TICK = timedelta(microseconds=1)


class Kind(StrEnum):
    NOW = "now"
    STOPPED = "stopped"  # sending is paused, or held: it comes when sending goes on
    NO_ISSUE = "no issue"  # nothing is out to send: it comes at a regular hour
    ALL_HAD = "all had"  # the reader came back, and was sent this issue's papers before


def first_digest(reader_id: int) -> ports.FirstDigest:
    reader = Subscriber.objects.get(pk=reader_id)
    kind = kind_of_first_digest(reader)
    return ports.FirstDigest(kind, next_issue_at(reader, is_covered=kind != Kind.NO_ISSUE))


def kind_of_first_digest(reader: Subscriber) -> Kind:
    if not switch.current_permission().is_allowed:
        return Kind.STOPPED
    if not spans.issues_at(clock.now()):
        return Kind.NO_ISSUE
    return Kind.ALL_HAD if reader.last_slot_at and has_had_all(reader) else Kind.NOW


def has_had_all(reader: Subscriber) -> bool:
    """Return True if there is nothing for a returning reader but papers that were sent before."""
    source = spans.Spans(clock.now())
    choice = spans.choices_of([reader.preferences_id])[reader.preferences_id]
    had = history_of_reader.papers_sent_in(Delivery.objects.filter(subscriber=reader), source)
    drawn = digest_choice.draw(source.of(None, choice), choice, had, is_first=True)
    return drawn.reason == Delivery.Reason.ALL_HAD


def next_issue_at(reader: Subscriber, *, is_covered: bool) -> datetime:
    """Return when the next issue reaches a reader.

    A reader who is covered through the last issue and due earlier on the day of the next one waits for its cutoff,
    unless that would be later than DIGEST_LATEST.
    """
    now = clock.now()
    day = draft.next_date()
    cutoff = Issue.objects.filter(date=day).values_list("cutoff_at", flat=True).first() or cutoff_of(day)
    morning = max(datetime.combine(day, time(), UTC), cutoff - settings.DIGEST_LATEST)
    floor = morning - TICK if is_covered else cutoff
    return max(cutoff, digest_schedule.slot_after(reader.rhythm, now, max(now, floor), is_welcome=True))

"""Classifies provider events. Anymail's types are not enough: some providers report every bounce as `bounced`."""

import re
from typing import Any, NamedTuple

from anymail.signals import EventType, RejectReason

from digests.models import ProviderEvent
from digests.provider_events.provider_words import TABLES, Meaning

Kind = ProviderEvent.Kind
Stop = ProviderEvent.Stop
KINDS: dict[str, ProviderEvent.Kind] = {
    EventType.QUEUED: Kind.ACCEPTED,
    EventType.SENT: Kind.ACCEPTED,
    EventType.DEFERRED: Kind.ACCEPTED,
    EventType.AUTORESPONDED: Kind.ACCEPTED,
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.BOUNCED: Kind.SOFT_BOUNCED,  # in words we do not know: take it for temporary, the safe assumption
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
# We do not track what readers open or click.
IGNORED = {EventType.OPENED, EventType.CLICKED}
# No word of a provider adds to these.
CERTAIN = {EventType.QUEUED, EventType.SENT, EventType.DEFERRED, EventType.AUTORESPONDED, EventType.DELIVERED}
# For providers without a table. RejectReason.BLOCKED and SPAM may also be about us.
STOPS: dict[str, ProviderEvent.Stop] = {
    RejectReason.BOUNCED: Stop.BOUNCED,
    RejectReason.INVALID: Stop.INVALID,
    RejectReason.UNSUBSCRIBED: Stop.UNSUBSCRIBED,
}


class Report(NamedTuple):
    """What an event means, and the row of the provider's table that says so, if one does."""

    meaning: Meaning
    word: str = ""


def classify(provider: str, event: Any) -> Report | None:
    """Return what Anymail's `event` from `provider` means; None for events we ignore."""
    if event.event_type in IGNORED:
        return None
    if event.event_type in CERTAIN:
        return Report(Meaning(KINDS[event.event_type]))
    if provider not in TABLES:
        return Report(without_table(event))
    table = TABLES[provider]
    word = next((word for word in table.words_of(event) if word in table.meanings), "")
    return Report(table.meanings[word], word) if word else Report(Meaning(KINDS.get(event.event_type, Kind.OTHER)))


def without_table(event: Any) -> Meaning:
    """Read the event of a provider that has no table, from Anymail's reason and the enhanced status code."""
    if event.event_type == EventType.REJECTED:
        return Meaning(Kind.REJECTED, STOPS.get(event.reject_reason))
    if event.event_type == EventType.BOUNCED and is_permanent_by_status(event):
        return Meaning(Kind.BOUNCED)
    return Meaning(KINDS.get(event.event_type, Kind.OTHER))


def is_permanent_by_status(event: Any) -> bool:
    """Read the enhanced status code (RFC 3463)."""
    answer = f"{event.mta_response or ''} {event.description or ''}"
    return re.search(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])", answer) is not None

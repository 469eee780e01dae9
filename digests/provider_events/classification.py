"""Classifies provider events. Anymail's types are not enough: some providers report every bounce as `bounced`."""

from typing import Any, NamedTuple

from anymail.signals import EventType, RejectReason

from digests.models import ProviderEvent
from digests.provider_events.provider_words import TABLES, Meaning
from digests.provider_events.receiver_answers import answer_of
from newsletter.mail.refusal import ABOUT_US, ADDRESS, ENHANCED, UNKNOWN, Refusal, read_refusal

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


# Of these, whose fault it is decides what follows.
BLAMED = {Kind.BOUNCED, Kind.SOFT_BOUNCED, Kind.REJECTED}


class Report(NamedTuple):
    """What an event means, the row of the provider's table that says so, if one does, and why a mail was refused."""

    meaning: Meaning
    word: str = ""
    refusal: Refusal | None = None  # None of events that are no refusal
    answer: str = ""  # the receiver's own sentence, without addresses


def classify(provider: str, event: Any) -> Report | None:
    """Return what Anymail's `event` from `provider` means; None for events we ignore."""
    if event.event_type in IGNORED:
        return None
    meaning, word = read_meaning(provider, event)
    return with_refusal(provider, event, meaning, word) if meaning.kind in BLAMED else Report(meaning, word)


def read_meaning(provider: str, event: Any) -> tuple[Meaning, str]:
    """Return what an event means, and the word of the provider's table that says so, if there is one."""
    if event.event_type in CERTAIN:
        return Meaning(KINDS[event.event_type]), ""
    if provider not in TABLES:
        return without_table(event), ""
    table = TABLES[provider]
    word = next((word for word in table.words_of(event) if word in table.meanings), "")
    return table.meanings[word] if word else Meaning(KINDS.get(event.event_type, Kind.OTHER)), word


def with_refusal(provider: str, event: Any, meaning: Meaning, word: str) -> Report:
    """Read whose fault a refusal is: the provider's own list, then the receiver's answer, then the provider's word.

    What the provider itself rejects without a reason is about us: nobody else has seen it.
    """
    answer = answer_of(provider, event)
    if meaning.stopped_for:
        return Report(meaning, word, meaning.refusal, answer)
    told = [read_refusal(answer), meaning.refusal, *([ABOUT_US] if meaning.kind == Kind.REJECTED else [])]
    return Report(meaning, word, next((one for one in told if one != UNKNOWN), UNKNOWN), answer)


def without_table(event: Any) -> Meaning:
    """Read the event of a provider that has no table, from Anymail's reason and the enhanced status code."""
    if event.event_type == EventType.REJECTED:
        return Meaning(
            Kind.REJECTED, STOPS.get(event.reject_reason), ADDRESS if event.reject_reason in STOPS else UNKNOWN
        )
    if event.event_type == EventType.BOUNCED and is_permanent_by_status(event):
        return Meaning(Kind.BOUNCED)
    return Meaning(KINDS.get(event.event_type, Kind.OTHER))


def is_permanent_by_status(event: Any) -> bool:
    """Read the enhanced status code (RFC 3463)."""
    codes = ENHANCED.findall(f"{event.mta_response or ''} {event.description or ''}")
    return any(kind == "5" for kind, _ in codes)

"""Builds the rows that are stored of a post: its events, those that cannot be read, and a refused signature."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from digests.models import ProviderEvent
from digests.provider_events.classification import Report, classify
from digests.provider_events.posted_events import UNREADABLE, PostedEvents
from digests.provider_events.redaction import body_without_addresses, redacted_body, storable_text
from newsletter import clock
from newsletter.number_text import parse_row_id
from subscribers.addresses.canonical import AddressError, canonical_address, hash_address

Aside = ProviderEvent.Aside
# An earlier time is a mistake, as of seconds that are read as milliseconds.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def build_rows(provider: str, posted: PostedEvents) -> Iterator[ProviderEvent]:
    """Yield the rows of a post. Events that cannot be read are put aside."""
    unreadable = list(posted.unreadable)
    for event in posted.events:
        try:
            if report := classify(provider, event):
                yield build_event(provider, event, report)
        except UNREADABLE:
            unreadable.append(event.esp_event)
    yield from build_unreadable(provider, unreadable)


def build_event(provider: str, event: Any, report: Report) -> ProviderEvent:
    now = clock.now()
    happened_at = to_utc(event.timestamp)
    address_hash, domain = hash_and_domain(event.recipient)
    row = ProviderEvent(
        provider=provider,
        kind=report.meaning.kind,
        stopped_for=report.meaning.stopped_for or "",
        provider_word=report.word,
        blame=report.refusal.blame if report.refusal else "",
        answer=report.answer,
        body=redacted_body(event),
        delivery_id=metadata_id(event, "delivery"),
        letter_id=metadata_id(event, "letter"),
        message_id=storable_text(str(event.message_id or ""))[:200],
        address_hash=address_hash,
        domain=domain,
        happened_at=min(happened_at or now, now),  # nothing has happened in the future
        received_at=now,
    )
    row.key = event_key(row, happened_at, event)
    return row


def build_unreadable(provider: str, raw_events: Iterable[Any]) -> Iterator[ProviderEvent]:
    for raw in raw_events:
        body = {"posted": body_without_addresses(raw)}
        yield build_aside(provider, Aside.UNREADABLE, body, json.dumps(body, sort_keys=True))


def build_refused(provider: str, reason: str, token_hash: str, raw_events: list[Any]) -> ProviderEvent:
    """Build the row of a refused post. There is one row for each token, however often it is tried."""
    body = {"refused": reason, "posted": body_without_addresses(raw_events)}
    return build_aside(provider, Aside.REFUSED, body, token_hash)


def build_aside(provider: str, aside: ProviderEvent.Aside, body: Any, identity: str) -> ProviderEvent:
    now = clock.now()
    return ProviderEvent(
        provider=provider,
        key=hash_values(aside, provider, identity),
        kind=ProviderEvent.Kind.OTHER,
        body=body,
        happened_at=now,
        received_at=now,
        applied_at=now,
        put_aside=aside,
    )


def event_key(row: ProviderEvent, happened_at: datetime | None, event: Any) -> str:
    """Return a key that is unique to this event and the same each time it is posted."""
    when = happened_at.isoformat() if happened_at else str(event.event_id or json.dumps(row.body, sort_keys=True))
    which = row.delivery_id or row.letter_id or row.message_id
    return hash_values(row.provider, row.kind, row.address_hash, which, when)


def hash_values(*values: str | int | None) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def to_utc(timestamp: datetime | None) -> datetime | None:
    """Return the moment in UTC, None for no moment or a mistaken one."""
    if timestamp is None:
        return None
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    return aware.astimezone(UTC) if aware >= EARLIEST else None


def hash_and_domain(recipient: str | None) -> tuple[str, str]:
    """Return the hash and the domain of an address, two empty strings if there is none."""
    try:
        canonical = canonical_address(recipient or "")
    except AddressError:
        return "", ""
    return hash_address(canonical), canonical.rpartition("@")[2]


def metadata_id(event: Any, name: str) -> int | None:
    return parse_row_id(str((event.metadata or {}).get(name, "")))

"""Applies stored provider events: facts on deliveries, suppressions, settled deliveries."""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from digests.models import Delivery, ProviderEvent
from digests.provider_events import bounce_policy, signature_tokens
from digests.provider_events.bounce_policy import ReaderEvent
from digests.sending import auto_pause, refusal_brake
from digests.sending.outcome_recording import give_back_spans
from digests.sending.uncertain import FACT_COLUMNS, Kind, settle_by_events
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.mail.refusal import Blame
from subscribers.models import Letter, Subscriber

logger = logging.getLogger(__name__)
CHUNK = 1000
DOMAIN_KEPT = timedelta(days=2)
FACTS = (*FACT_COLUMNS.values(), "refused_at")
LIMITED_KINDS = (Kind.BOUNCED, Kind.COMPLAINED)
# Each fact keeps its earliest moment, so that events may come in any order and more than once.
WRITE_FACTS = """
UPDATE digests_delivery d
SET delivered_at = LEAST(d.delivered_at, f.delivered_at), bounced_at = LEAST(d.bounced_at, f.bounced_at),
    soft_bounced_at = LEAST(d.soft_bounced_at, f.soft_bounced_at),
    complained_at = LEAST(d.complained_at, f.complained_at), refused_at = LEAST(d.refused_at, f.refused_at)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[]) AS f (id, delivered_at, bounced_at, soft_bounced_at, complained_at, refused_at)
WHERE d.id = f.id
"""
WRITE_EVENTS = """
UPDATE digests_providerevent e
SET applied_at = %s, delivery_id = f.delivery_id, issue_id = f.issue_id, put_aside = f.put_aside, held = f.held
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
    AS f (id, delivery_id, issue_id, put_aside, held)
WHERE e.id = f.id
"""


class Mails(NamedTuple):
    """The deliveries and letters that events are about, by id."""

    deliveries: dict[int, Delivery]
    letters: dict[int, Letter]


def apply_events() -> int:
    """Apply all pending events, a thousand a transaction; return how many. Safe to repeat and to interrupt."""
    done = 0
    while events := apply_next_chunk():
        done += len(events)
        if any(event.blame == Blame.US for event in events):
            refusal_brake.pause_if_refused()
        for issue_id in {event.issue_id for event in events if event.issue_id and event.kind in LIMITED_KINDS}:
            auto_pause.pause_if_over_limit(issue_id)
    return done


def apply_next_chunk() -> list[ProviderEvent]:
    """Apply the oldest pending events together, or one by one if that fails."""
    oldest = ProviderEvent.objects.pending().order_by("pk")
    try:
        return apply_together(oldest[:CHUNK])
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("Cannot apply events together; applying them one by one")
    return [event for pk in list(oldest.values_list("pk", flat=True)[:CHUNK]) for event in apply_alone(pk)]


def apply_alone(pk: int) -> list[ProviderEvent]:
    """Apply one event, or put it aside if that fails, so that it does not block the others."""
    events = ProviderEvent.objects.pending().filter(pk=pk)
    try:
        return apply_together(events)
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("Cannot apply event %s; it is put aside", pk)
    kept = list(events)
    events.update(put_aside=ProviderEvent.Aside.FAILED, applied_at=clock.now())
    return kept


@transaction.atomic
def apply_together(pending: "QuerySet[ProviderEvent]") -> list[ProviderEvent]:
    """Apply pending events in one transaction and return them; none while another worker applies events."""
    if not advisory_locks.try_in_transaction(Lock.PROVIDER_EVENTS):
        return []
    events = list(pending.defer("body"))
    owners = find_mails(events)
    for event in events:
        event.put_aside = aside_reason(event, owners)
    counted = [event for event in events if not event.put_aside]
    write_facts(counted)
    give_back_refused(counted, owners)
    bounce_policy.apply_policy([reader_event(event, owners) for event in counted])
    write_events(events)
    settle_by_events(event.delivery_id for event in counted if event.delivery_id)
    return events


def find_mails(events: list[ProviderEvent]) -> Mails:
    """Find the mails of `events` by our id, otherwise by the provider's. Locks deliveries in order of id."""
    nameless = [event for event in events if not event.delivery_id and not event.letter_id and event.message_id]
    by_message = Delivery.objects.filter(provider_id__in={event.message_id for event in nameless} - {""})
    ids = dict(by_message.values_list("provider_id", "pk")) if nameless else {}
    for event in nameless:
        event.delivery_id = ids.get(event.message_id)
    deliveries = Delivery.objects.filter(pk__in={event.delivery_id for event in events if event.delivery_id})
    locked = deliveries.select_for_update(of=("self",), no_key=True).select_related("subscriber", "digest")
    letters = Letter.objects.filter(pk__in={event.letter_id for event in events if event.letter_id})
    owners = Mails({row.pk: row for row in locked.order_by("pk")}, letters.select_related("subscriber").in_bulk())
    for event in events:
        delivery = owners.deliveries.get(event.delivery_id or 0)
        event.issue_id = delivery.digest.issue_id if delivery and delivery.digest else None
    return owners


def aside_reason(event: ProviderEvent, owners: Mails) -> str:
    """Return why an event is put aside, or an empty string.

    After a restore, ids can be assigned twice: an event about another address concerns a different mail.
    """
    if event.delivery_id not in owners.deliveries and event.letter_id not in owners.letters:
        return ProviderEvent.Aside.UNKNOWN
    reader = find_reader(event, owners)
    if reader and event.address_hash and event.address_hash != reader.address_hash:
        return ProviderEvent.Aside.ADDRESS
    return ""


def find_reader(event: ProviderEvent, owners: Mails) -> Subscriber | None:
    """Return the reader the mail went to, None if erased."""
    if delivery := owners.deliveries.get(event.delivery_id or 0):
        return delivery.subscriber
    return owners.letters[event.letter_id or 0].subscriber


def reader_event(event: ProviderEvent, owners: Mails) -> ReaderEvent:
    reader = find_reader(event, owners)
    return ReaderEvent(
        event, event.address_hash or (reader.address_hash if reader else ""), reader.pk if reader else None
    )


def give_back_refused(events: list[ProviderEvent], owners: Mails) -> None:
    """Give readers back the spans of mails that were refused for a fault of ours and reached nobody."""
    reached = {event.delivery_id for event in events if event.kind == Kind.DELIVERED}
    refused = {event.delivery_id for event in events if event.delivery_id and event.blame == Blame.US} - reached
    give_back_spans([pk for pk in refused if pk and owners.deliveries[pk].delivered_at is None])


def write_facts(events: list[ProviderEvent]) -> None:
    facts: dict[int, dict[str, datetime]] = defaultdict(dict)
    for event in events:
        for name in facts_of(event) if event.delivery_id else ():
            known = facts[event.delivery_id or 0]
            known[name] = min(event.happened_at, known.get(name, event.happened_at))
    columns = [[known.get(name) for known in facts.values()] for name in FACTS]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_FACTS, [list(facts), *columns])


def facts_of(event: ProviderEvent) -> set[str]:
    """Return the columns of the delivery that an event dates.

    A mail bounced softly where its address may be fine: the policy counts those days.
    """
    kind, is_ours = Kind(event.kind), event.blame == Blame.US
    facts = {FACT_COLUMNS[kind]} if kind in FACT_COLUMNS else set()
    if kind == Kind.BOUNCED and not is_ours and event.blame != Blame.ADDRESS:
        facts.add("soft_bounced_at")
    return facts - {"soft_bounced_at"} | {"refused_at"} if is_ours else facts


def write_events(events: list[ProviderEvent]) -> None:
    names = ("pk", "delivery_id", "issue_id", "put_aside", "held")
    columns = [[getattr(event, name) for event in events] for name in names]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_EVENTS, [clock.now(), *columns])


def forget_events() -> None:
    """Delete events older than EVENT_KEPT and expired signatures, and clear domains older than DOMAIN_KEPT."""
    now = clock.now()
    signature_tokens.forget_expired()
    ProviderEvent.objects.filter(received_at__lt=now - settings.EVENT_KEPT).exclude(applied_at=None).delete()
    old = ProviderEvent.objects.filter(received_at__lt=now - DOMAIN_KEPT).exclude(applied_at=None)
    old.exclude(domain="").exclude(held=ProviderEvent.Held.WAITING).update(domain="")

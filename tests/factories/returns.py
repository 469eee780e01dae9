"""Deliveries on their way, and what a provider reports of them."""

from datetime import datetime
from itertools import count
from typing import Any

from digests.models import Batch, Delivery, Digest, ProviderEvent
from newsletter.issues.models import Issue
from newsletter.mail.refusal import Blame
from subscribers.models import Subscriber
from tests.factories import MORNING, IssueFactory, SubscriberFactory

_numbers = count(1)


def sent_delivery(reader: Subscriber | None = None, slot: datetime = MORNING, **fields: Any) -> Delivery:
    """Return a delivery that the provider accepted, to a reader of its own."""
    reader = reader or SubscriberFactory()
    batch = fields.pop("batch", None) or Batch.objects.create(status=Batch.Status.DONE, position=1)
    return Delivery.objects.create(
        subscriber=reader, slot=slot, preferences=reader.preferences, batch=batch, call_no=0, expires_at=slot, **fields
    )


def digest_of(issue: Issue | None = None) -> Digest:
    number = next(_numbers)
    return Digest.objects.create(
        content_key=f"00000000-0000-0000-0000-{number:012}",
        issue=issue or IssueFactory(status=Issue.Status.PUBLISHED, published_at=MORNING),
        card_ids=[],
        subject="Papers",
    )


def heard(kind: str, delivery: Delivery | None = None, at: datetime = MORNING, **fields: Any) -> ProviderEvent:
    """Store an event as the webhook does, of a delivery to the address it went to."""
    reader = delivery.subscriber if delivery else None
    if reader:
        domain = reader.canonical.rpartition("@")[2]
        fields = {"address_hash": reader.address_hash, "domain": domain} | fields
    if kind == ProviderEvent.Kind.BOUNCED:
        fields.setdefault("blame", Blame.ADDRESS)
    if delivery:
        fields.setdefault("delivery_id", delivery.pk)
    return ProviderEvent.objects.create(
        provider="Postmark",
        key=f"key {next(_numbers)}",
        kind=kind,
        body={},
        happened_at=at,
        **fields,
    )

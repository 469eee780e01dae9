"""The step from a batch on disk to the provider: claimed, handed over call by call, recorded."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from email.utils import formataddr

from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from digests import rendering
from digests.models import Batch, Delivery, Digest
from newsletter import clock, mail
from newsletter.issues.models import Issue
from subscribers import letters, tokens
from subscribers.models import Subscriber, Suppression

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
FEEDBACK_SENDER = "paperround"  # 5 to 15 characters, always the same: what Gmail counts complaints by


class Stopped(Exception):
    """Another worker holds the batch now. Nothing more of it may be sent here."""


class Paused(Exception):
    """The provider asked for a pause. Nothing of this call was sent; the batch waits."""


def send_batch(batch: Batch) -> bool:
    """Send what is left of one batch; return False where another worker has it or it waits."""
    if mail.identity_gap() or not claim(batch):
        return False
    try:
        with get_connection() as provider:
            for delivery in remaining(batch):
                send_call(batch, delivery, provider)
    except (Stopped, Paused):
        return False
    return batch.move_to(Batch.Status.DONE)


def claim(batch: Batch) -> bool:
    """Lease the batch to this worker and open its first call; False where it is not ready to be sent."""
    if not Batch.objects.ready().filter(pk=batch.pk).exists():
        return False
    if not batch.move_to(Batch.Status.LEASED, lease_until=clock.now() + LEASE, attempt=batch.attempt + 1):
        return False
    return batch.move_to(Batch.Status.SUBMITTING)


def remaining(batch: Batch) -> Iterator[Delivery]:
    """Yield the deliveries whose calls lie at or ahead of the batch's position, in the order of their calls."""
    rows = Delivery.objects.filter(batch=batch, call_no__gte=batch.position)
    yield from rows.select_related("subscriber", "digest__issue").order_by("call_no")


def send_call(batch: Batch, delivery: Delivery, provider: BaseEmailBackend) -> None:
    """Hand one delivery over and commit its answer, which opens the next call."""
    assert delivery.call_no is not None
    if (reason := reason_to_skip(delivery)) is not None:
        settle(delivery, Delivery.Status.SKIPPED, reason=reason)
        give_back(delivery)
    else:
        outcome = mail.hand_over(message_of(delivery), provider)
        record(batch, delivery, outcome)
    step(batch, delivery.call_no + 1)


def reason_to_skip(delivery: Delivery) -> Delivery.Reason | None:
    reader = delivery.subscriber
    if delivery.expires_at < clock.now():
        return Delivery.Reason.EXPIRED
    if reader is None or reader.status != Subscriber.Status.ACTIVE:
        return Delivery.Reason.UNSUBSCRIBED
    if delivery.digest and delivery.digest.issue.status == Issue.Status.WITHDRAWN:
        return Delivery.Reason.WITHDRAWN
    return Delivery.Reason.SUPPRESSED if Suppression.holds(reader.canonical) else None


def record(batch: Batch, delivery: Delivery, outcome: mail.Outcome) -> None:
    """Write the answer of a call where it is an exception. Raise Paused where nothing was accepted for now."""
    match outcome.status:
        case "accepted":
            if outcome.provider_id:
                Delivery.objects.filter(pk=delivery.pk).update(provider_id=outcome.provider_id)
        case "refused":
            settle(delivery, Delivery.Status.REJECTED, note=outcome.reason)
        case "not_accepted":
            batch.move_to(Batch.Status.PLANNED, not_before=clock.now() + outcome.wait, lease_until=None)
            raise Paused
        case _:
            logger.warning("Delivery %s is uncertain: %s", delivery.pk, outcome.reason)
            settle(delivery, Delivery.Status.UNCERTAIN, note=outcome.reason)


def settle(delivery: Delivery, status: Delivery.Status, reason: str = "", note: str = "") -> None:
    Delivery.objects.filter(pk=delivery.pk).update(status=status, reason=reason, note=note[:300])


def give_back(delivery: Delivery) -> None:
    """Return the span of a delivery that never left, if no later digest has moved it since."""
    if reader := delivery.subscriber:
        unmoved = Subscriber.objects.filter(pk=reader.pk, covered_through=delivery.covered_to)
        unmoved.update(covered_through=delivery.covered_from)


def step(batch: Batch, position: int) -> None:
    """Commit that calls before `position` are behind us, and renew the lease; raise Stopped if it was lost."""
    mine = Batch.objects.filter(pk=batch.pk, status=Batch.Status.SUBMITTING, attempt=batch.attempt)
    if not mine.update(position=position, lease_until=clock.now() + LEASE):
        raise Stopped
    batch.position = position


def message_of(delivery: Delivery) -> AnymailMessage:
    """Return the complete mail of one delivery."""
    assert delivery.subscriber is not None
    assert delivery.digest is not None
    links = links_of(delivery, delivery.subscriber)
    parts = rendering.compose(delivery.digest)
    return mail.build(
        delivery.subscriber.canonical,
        delivery.digest.subject,
        rendering.fill(parts.text, links),
        rendering.fill(parts.html, links),
        tag="digest",
        headers=headers_of(delivery.digest, links["unsubscribe_url"]),
        metadata={"delivery": str(delivery.pk)},
    )


def links_of(delivery: Delivery, reader: Subscriber) -> dict[str, str]:
    """Return what fills the reader's slots: derived from the delivery, so that it is the same at any time."""
    unsubscribe = tokens.sign(tokens.Purpose.UNSUBSCRIBE, reader.pk)
    view = tokens.sign(tokens.Purpose.VIEW, delivery.pk)
    return {
        "view_url": settings.SITE_URL + reverse("digests:view", args=[view]),
        "preferences_url": settings.SITE_URL + letters.preferences_path(reader),
        "pause_url": settings.SITE_URL + letters.pause_path(reader),
        "unsubscribe_url": settings.SITE_URL + reverse("subscribers:unsubscribe", args=[unsubscribe]),
    }


def headers_of(digest: Digest, unsubscribe_url: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": formataddr((settings.PUBLICATION_NAME, settings.LIST_ID)),
        "Feedback-ID": f"{digest.issue.date:%Y%m%d}:digest:{FEEDBACK_SENDER}",
    }

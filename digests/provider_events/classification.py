"""Classifies provider events. Anymail's types are not enough: some providers report every bounce as `bounced`."""

import re
from collections.abc import Callable
from typing import Any

from anymail.signals import EventType, RejectReason

from digests.models import ProviderEvent

Kind = ProviderEvent.Kind
KINDS: dict[str, ProviderEvent.Kind] = {
    EventType.QUEUED: Kind.ACCEPTED,
    EventType.SENT: Kind.ACCEPTED,
    EventType.DEFERRED: Kind.ACCEPTED,
    EventType.AUTORESPONDED: Kind.ACCEPTED,
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
# We do not track what readers open or click.
IGNORED = {EventType.OPENED, EventType.CLICKED}


def classify(provider: str, event: Any) -> ProviderEvent.Kind | None:
    """Return the kind of Anymail's `event` from `provider`; None for events we ignore."""
    if event.event_type in IGNORED:
        return None
    if event.event_type != EventType.BOUNCED:
        return KINDS.get(event.event_type, Kind.OTHER)
    if is_never_sent(provider, event):
        return Kind.REJECTED
    is_permanent = PERMANENT.get(provider)
    permanent = is_permanent(event.esp_event) if is_permanent else is_permanent_by_status(event)
    return Kind.BOUNCED if permanent else Kind.SOFT_BOUNCED


def is_never_sent(provider: str, event: Any) -> bool:
    """Return whether a “bounce” is a mail that the provider did not send, because of its own suppression list."""
    if provider == "Resend":
        return bool(event.reject_reason == RejectReason.BLOCKED)
    reason = str(value_at(mailgun_data(event.esp_event), "reason")) if provider == "Mailgun" else ""
    return reason.startswith("suppress-") and reason != "suppress-bounce"


def is_permanent_by_status(event: Any) -> bool:
    """Read the enhanced status code (RFC 3463); without one, take the bounce for temporary, the safe assumption."""
    answer = f"{event.mta_response or ''} {event.description or ''}"
    return re.search(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])", answer) is not None


def value_at(body: Any, *path: str) -> Any:
    """Return the value at `path` of a parsed body, None if there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def mailgun_data(body: Any) -> Any:
    return value_at(body, "event-data") or body


def _mailgun(body: Any) -> bool:
    data = mailgun_data(body)
    # "old": the receiving server asked to try later until Mailgun gave up.
    is_temporary = str(value_at(data, "delivery-status", "code")).startswith("4")
    return value_at(data, "reason") != "old" and not is_temporary


def _postmark(body: Any) -> bool:
    return "HardBounce" in (value_at(body, "Type"), value_at(body, "SuppressionReason"))


def _resend(body: Any) -> bool:
    bounce = value_at(body, "data", "bounce")
    kind = value_at(bounce, "type")
    return "hard bounce" in str(value_at(bounce, "message")) if kind is None else kind == "Permanent"


def _sparkpost(body: Any) -> bool:
    events = value_at(body, "msys")
    event = next(iter(events.values()), None) if isinstance(events, dict) else body
    return str(value_at(event, "bounce_class")) in {"10", "30", "90"}


PERMANENT: dict[str, Callable[[Any], bool]] = {
    "Amazon SES": lambda body: value_at(body, "bounce", "bounceType") == "Permanent",
    "Brevo": lambda body: value_at(body, "event") in {"hard_bounce", "invalid_email"},
    "MailerSend": lambda body: str(value_at(body, "type") or value_at(body, "data", "type")).endswith("hard_bounced"),
    "Mailgun": _mailgun,
    "Mailjet": lambda body: value_at(body, "hard_bounce") is True,
    "Mandrill": lambda body: value_at(body, "event") == "hard_bounce",
    "Postmark": _postmark,
    "Resend": _resend,
    "SendGrid": lambda body: value_at(body, "type") == "bounce",
    "SparkPost": _sparkpost,
}

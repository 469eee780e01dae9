"""The webhook for provider events. Anymail checks a post, each event is stored once; a task applies them later."""

import hashlib
import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailWebhookValidationFailure
from anymail.signals import tracking
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from digests.models import ProviderEvent
from digests.provider_events.classification import classify, value_at
from digests.provider_events.redaction import redacted_body, storable_text
from newsletter import clock
from newsletter.number_text import parse_row_id
from subscribers.addresses.canonical import AddressError, canonical_address, hash_address

logger = logging.getLogger(__name__)
METHODS = ("HEAD", "POST")  # some providers check the URL with HEAD
UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, AnymailError,
)  # fmt: skip
_heard: ContextVar[list[tuple[str, Any]]] = ContextVar("heard")


@csrf_exempt  # providers post here; a secret or signature replaces the token
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    """Check and store a provider's events; answer 200 once they are stored."""
    view = find_view(provider)
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    try:
        gate = view.view_class(**view.view_initkwargs)
    except (AnymailConfigurationError, ImportError) as exc:
        return answer_closed(provider, str(exc))
    if gate.warn_if_no_basic_auth and not gate.basic_auth:
        return answer_closed(provider, "WEBHOOK_SECRET is not set, and anybody could post here.")
    if not knows_secret(gate, request):
        return answer_refused(provider, "its secret is wrong")
    if not has_bounded_body(request):
        return HttpResponse("This post is too large.", status=413, content_type="text/plain")
    return store_events(request, provider, view)


def knows_secret(gate: Any, request: HttpRequest) -> bool:
    """Check the name and password in the address, before the body is read."""
    try:
        AnymailBasicAuthMixin.validate_request(gate, request)
    except AnymailWebhookValidationFailure:
        return False
    return True


def answer_refused(provider: str, reason: object) -> HttpResponse:
    logger.warning("A post to the webhook of %s was refused: %s", provider, reason)
    return HttpResponse("The signature or secret is wrong.", status=403, content_type="text/plain")


def find_view(provider: str) -> Any:
    """Return Anymail's view. Raise Http404 for a provider that is not configured."""
    configured = {settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER, *settings.WEBHOOK_FORMER_PROVIDERS}
    if provider not in configured:
        raise Http404(f"{provider} is not configured.")
    try:
        return resolve(f"/{provider}/tracking/", urlconf="anymail.urls").func
    except Resolver404:
        raise Http404(f"Anymail knows no provider {provider}.") from None


def answer_closed(provider: str, reason: str) -> HttpResponse:
    """Answer 503, so that the provider tries again later, and log what is missing."""
    logger.error("The webhook of %s is closed: %s", provider, reason)
    words = "This webhook is not set up yet. What is posted here is not lost: it can be posted again."
    return HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")


def has_bounded_body(request: HttpRequest) -> bool:
    """Read the body, past Django's limit for forms; return False if it exceeds WEBHOOK_MAX_BYTES."""
    request._body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    return len(request.body) <= settings.WEBHOOK_MAX_BYTES


def store_events(request: HttpRequest, provider: str, view: Any) -> HttpResponse:
    heard: list[tuple[str, Any]] = []
    token = _heard.set(heard)
    try:
        response: HttpResponse = view(request)
        rows = [row for name, event in heard if (row := build_event(name, event)) is not None]
    except AnymailWebhookValidationFailure as exc:
        return answer_refused(provider, exc)
    except AnymailConfigurationError as exc:
        return answer_closed(provider, str(exc))
    except UNREADABLE as exc:
        logger.warning("A post to the webhook of %s cannot be read: %s", provider, type(exc).__name__)
        return HttpResponse("This cannot be read.", status=400, content_type="text/plain")
    finally:
        _heard.reset(token)
    ProviderEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return response


def listen(sender: object, event: Any, esp_name: str, **_: object) -> None:
    """Collect one event of the post that is being answered."""
    _heard.get().append((esp_name, event))


tracking.connect(listen, dispatch_uid="digests.provider_events.webhook")


def build_event(provider: str, event: Any) -> ProviderEvent | None:
    """Return the row to store for an event; None for events we ignore."""
    kind = classify(provider, event)
    if kind is None:
        return None
    now = clock.now()
    happened_at = to_utc(event.timestamp)
    address_hash, domain = hash_and_domain(event.recipient)
    row = ProviderEvent(
        provider=provider,
        kind=kind,
        body=redacted_body(event),
        delivery_id=metadata_id(event, "delivery"),
        letter_id=metadata_id(event, "letter"),
        message_id=storable_text(str(event.message_id or ""))[:200],
        address_hash=address_hash,
        domain=domain,
        happened_at=happened_at or now,
        received_at=now,
    )
    row.key = event_key(row, happened_at, event)
    if is_replay(provider, row, event):
        row.put_aside, row.applied_at = ProviderEvent.Aside.REPLAY, now
    return row


def event_key(row: ProviderEvent, happened_at: datetime | None, event: Any) -> str:
    """Return a key that is unique to this event and the same each time it is posted."""
    when = happened_at.isoformat() if happened_at else str(event.event_id or json.dumps(row.body, sort_keys=True))
    which = row.delivery_id or row.letter_id or row.message_id
    return hashlib.sha256(json.dumps([row.provider, row.kind, row.address_hash, which, when]).encode()).hexdigest()


def is_replay(provider: str, row: ProviderEvent, event: Any) -> bool:
    """Return whether the event is older than any provider repeats one.

    Mailgun signs a timestamp but not the body, where a forger may have put a newer one.
    """
    signed_at = value_at(event.esp_event, "signature", "timestamp") if provider == "Mailgun" else None
    moments = [row.happened_at]
    if signed_at is not None:
        moments.append(datetime.fromtimestamp(float(signed_at), tz=UTC))
    return min(moments) < row.received_at - settings.WEBHOOK_WINDOW


def to_utc(timestamp: datetime | None) -> datetime | None:
    if timestamp is None:
        return None
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def hash_and_domain(recipient: str | None) -> tuple[str, str]:
    """Return the hash and the domain of an address, two empty strings if there is none."""
    try:
        canonical = canonical_address(recipient or "")
    except AddressError:
        return "", ""
    return hash_address(canonical), canonical.rpartition("@")[2]


def metadata_id(event: Any, name: str) -> int | None:
    return parse_row_id(str((event.metadata or {}).get(name, "")))

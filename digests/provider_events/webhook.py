"""The webhook for provider events. Anymail checks a post, each event is stored once; a task applies them later."""

import logging
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBasicAuthMixin
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from digests.models import ProviderEvent
from digests.provider_events import event_rows, posted_events, signature_tokens
from digests.provider_events.posted_events import PostedEvents

logger = logging.getLogger(__name__)
METHODS = ("HEAD", "POST")  # some providers check the URL with HEAD


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
    if isinstance(gate, AmazonSESTrackingWebhookView) and "Authorization" not in request.headers:
        return ask_for_secret()
    if not knows_secret(gate, request):
        return answer_refused(provider, "its secret is wrong")
    if not has_bounded_body(request):
        return answer_too_large()
    return HttpResponse() if request.method == "HEAD" else receive_events(request, provider, gate)


def knows_secret(gate: Any, request: HttpRequest) -> bool:
    """Check the name and password in the address, before the body is read."""
    try:
        AnymailBasicAuthMixin.validate_request(gate, request)
    except (AnymailWebhookValidationFailure, ValueError):
        return False
    return True


def ask_for_secret() -> HttpResponse:
    """Answer 401: Amazon sends the name and password in the address only when it is asked for them."""
    headers = {"WWW-Authenticate": 'Basic realm="Webhooks"'}
    return HttpResponse("Name and password are missing.", status=401, content_type="text/plain", headers=headers)


def answer_refused(provider: str, reason: object) -> HttpResponse:
    logger.warning("A post to the webhook of %s was refused: %s", provider, reason)
    return HttpResponse("The signature or secret is wrong.", status=403, content_type="text/plain")


def answer_too_large() -> HttpResponse:
    return HttpResponse("This post is too large.", status=413, content_type="text/plain")


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


def receive_events(request: HttpRequest, provider: str, gate: Any) -> HttpResponse:
    """Verify the signature of a post, and store its events."""
    try:
        gate.run_validators(request)
        objection = store_events(request, provider, gate.esp_name, posted_events.read_events(gate, request))
    except AnymailWebhookValidationFailure as exc:
        return answer_refused(provider, exc)
    except (AnymailConfigurationError, BotoCoreError, ClientError) as exc:
        return answer_closed(provider, str(exc))
    except posted_events.TooManyEvents:
        return answer_too_large()
    except posted_events.UNREADABLE as exc:
        logger.warning("A post to the webhook of %s cannot be read: %s", provider, type(exc).__name__)
        return HttpResponse("This cannot be read.", status=400, content_type="text/plain")
    return answer_refused(provider, objection) if objection else HttpResponse()


@transaction.atomic
def store_events(request: HttpRequest, provider: str, name: str, posted: PostedEvents) -> str:
    """Store the events of a verified post once; return why its signature is refused, an empty string if it is not.

    A refused post is put aside.
    """
    signature = signature_tokens.read_signature(provider, request)
    objection = signature_tokens.find_objection(signature) if signature else ""
    rows = (
        [event_rows.build_refused(name, objection, signature.token_hash, posted_events.split(request))]
        if signature and objection
        else event_rows.build_rows(name, posted)
    )
    ProviderEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return objection

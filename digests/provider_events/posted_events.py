"""Reads the events of one post, each by itself where one of them cannot be read."""

import copy
import json
from typing import Any, NamedTuple

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from django.http import HttpRequest

# What reading an event of any shape may raise. OSError: a time beyond the years that the platform knows.
UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, AssertionError, OSError,
    AnymailError,
)  # fmt: skip
MAX_EVENTS = 10_000  # of one post; providers send about a thousand at most
MAX_RECIPIENTS = 50  # of one event: Amazon reports all recipients of a mail at once, and a mail has 50 at most


class PostedEvents(NamedTuple):
    """Anymail's events, and the raw form of those that it cannot read."""

    events: list[Any]
    unreadable: list[Any]


class TooManyEvents(Exception):
    """The post holds more events than any provider posts at once. Nothing was stored."""


def read_events(gate: Any, request: HttpRequest) -> PostedEvents:
    """Read a post with Anymail's view `gate`.

    Raise TooManyEvents, and one of UNREADABLE where the post as a whole holds no event.
    """
    raw_events = split(request)
    if len(raw_events) > MAX_EVENTS:
        raise TooManyEvents
    events = parse(gate, request)
    posted = read_one_by_one(gate, request, raw_events) if events is None else PostedEvents(events, [])
    if len(posted.events) > MAX_RECIPIENTS * len(raw_events):
        raise TooManyEvents
    return posted


def read_one_by_one(gate: Any, request: HttpRequest, raw_events: list[Any]) -> PostedEvents:
    posted = PostedEvents([], [])
    for raw in raw_events:
        events = parse(gate, request_with(request, raw)) if len(raw_events) > 1 else None
        posted.unreadable.extend([raw] if events is None else [])
        posted.events.extend(events or [])
    return posted


def parse(gate: Any, request: HttpRequest) -> list[Any] | None:
    """Return Anymail's events, None where one of them cannot be read."""
    try:
        return list(gate.parse_events(request))
    except AnymailWebhookValidationFailure:
        raise
    except UNREADABLE:
        return None


def split(request: HttpRequest) -> list[Any]:
    """Return the raw events of a post: a list, a list named “events” (Mailtrap) or in a form (Mandrill), or one."""
    body = read_form(request) if is_form(request) else json.loads(request.body)
    found = body.get("events", [body]) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise ValueError("This post holds no event.")
    return found


def read_form(request: HttpRequest) -> Any:
    form = request.POST.dict()
    return json.loads(str(form["mandrill_events"])) if "mandrill_events" in form else form


def request_with(request: HttpRequest, raw: Any) -> Any:
    """Return the post of several events as if `raw` were its only one."""
    alone: Any = copy.copy(request)
    if is_form(request):
        alone.POST = {"mandrill_events": json.dumps([raw])}
    else:
        alone._body = json.dumps([raw] if request.body.lstrip()[:1] == b"[" else {"events": [raw]}).encode()
    return alone


def is_form(request: HttpRequest) -> bool:
    return request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}

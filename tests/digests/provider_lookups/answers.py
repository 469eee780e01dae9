"""A provider that answers questions with whatever a test wants, and a record of each that is about one delivery."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from django.test import override_settings

from digests.models import ProviderEvent
from digests.provider_events.event_rows import build_rows
from digests.provider_events.posted_events import PostedEvents
from digests.provider_lookups import LOOKUPS
from digests.provider_lookups.interface import Doubt, Lookup
from tests.outside.running import APIS

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
DOUBT = Doubt(7, "ada@example.org", "Papers of today", NOW - timedelta(hours=1), NOW, is_alone=True)
AT = "2026-05-04T08:30:00+00:00"
# For each provider, the list of its answer and a record in it that is about DOUBT.
RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "mailgun": (
        "items",
        {
            "event": "delivered",
            "id": "x",
            "timestamp": 1777883400.5,
            "recipient": "ada@example.org",
            "user-variables": {"delivery": "7"},
            "message": {"headers": {"message-id": "a@b"}},
            "delivery-status": {"code": 250, "message": "OK"},
        },
    ),
    "postmark": (
        "Messages",
        {
            "MessageID": "a",
            "ReceivedAt": AT,
            "Recipients": ["ada@example.org"],
            "Metadata": {"delivery": "7"},
            "Status": "Sent",
        },
    ),
    "sendgrid": (
        "messages",
        {"msg_id": "a", "to_email": "ada@example.org", "status": "delivered", "last_event_time": AT},
    ),
    "brevo": (
        "events",
        {
            "email": "ada@example.org",
            "date": AT,
            "subject": "Papers of today",
            "messageId": "<a@b>",
            "event": "delivered",
        },
    ),
    "resend": (
        "data",
        {
            "id": "a",
            "to": ["ada@example.org"],
            "created_at": AT,
            "subject": "Papers of today",
            "last_event": "delivered",
        },
    ),
}


class Server(HTTPServer):
    answer: bytes


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@contextmanager
def asking(server: Server, name: str) -> Iterator[Lookup]:
    settings = APIS[name]().settings(f"http://127.0.0.1:{server.server_port}")
    with override_settings(ANYMAIL=settings), LOOKUPS[name]() as lookup:
        yield lookup


def rows_from(lookup: Lookup, server: Server, answer: Any) -> list[ProviderEvent]:
    """Return the events that an answer gives, as they would be stored."""
    server.answer = json.dumps(answer).encode()
    reply = lookup.ask([DOUBT], "")
    assert reply.unread <= {DOUBT.delivery_id}
    return list(build_rows(lookup.name, PostedEvents(reply.events, [])))

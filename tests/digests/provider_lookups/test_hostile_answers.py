"""Answers of any shape: none names a mail that it is not about, and none stops the questions that follow."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests.provider_events.event_rows import build_rows
from digests.provider_events.posted_events import PostedEvents
from digests.provider_lookups import LOOKUPS, interface
from digests.provider_lookups.interface import Doubt, LookupFailed
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
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


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


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@contextmanager
def asking(server: Server, name: str) -> Iterator[interface.Lookup]:
    settings = APIS[name]().settings(f"http://127.0.0.1:{server.server_port}")
    with override_settings(ANYMAIL=settings), LOOKUPS[name]() as lookup:
        yield lookup


def delivery_ids(lookup: interface.Lookup, server: Server, answer: Any) -> list[int | None]:
    """Return whose events an answer gives."""
    server.answer = json.dumps(answer).encode()
    reply = lookup.ask([DOUBT], "")
    assert reply.unread <= {DOUBT.delivery_id}
    return [row.delivery_id for row in build_rows(lookup.name, PostedEvents(reply.events, []))]


def test_each_provider_has_a_record_here() -> None:
    assert RECORDS.keys() == LOOKUPS.keys()


@pytest.mark.parametrize("name", RECORDS)
@given(data=st.data())
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_record_with_anything_in_it_is_about_our_mail_or_skipped(server: Server, name: str, data: Any) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record]}) == [7]
        changed = record | {data.draw(st.sampled_from(sorted(record))): data.draw(ANY_JSON)}
        # A record that cannot be read has no delivery, and is not stored.
        assert set(delivery_ids(lookup, server, {rows: [data.draw(ANY_JSON), changed]})) <= {7, None}


@pytest.mark.parametrize("name", RECORDS)
@given(answer=ANY_JSON)
@hypothesis_settings(max_examples=30, deadline=None)
def test_an_answer_of_another_form_is_no_answer(server: Server, name: str, answer: Any) -> None:
    with asking(server, name) as lookup:
        if (name, answer) == ("brevo", {}):  # its answer without events
            assert delivery_ids(lookup, server, answer) == []
            return
        with pytest.raises(LookupFailed, match="another form"):
            delivery_ids(lookup, server, answer)


OTHERS = {
    "mailgun": {"user-variables": {"delivery": "8"}},
    "postmark": {"Metadata": {"delivery": "8"}},
    "sendgrid": {"to_email": "bo@example.org"},
    "brevo": {"email": "bo@example.org"},
    "resend": {"to": ["bo@example.org"]},
}
ELSEWHERE = {
    "postmark": {"Recipients": ["bo@example.org"]},
    "brevo": {"date": "2026-05-03T08:30:00Z"},
    "resend": {"created_at": "2026-05-04T10:30:00+00:00"},
}
OTHER_SUBJECTS = {name: {"subject": "[Test] Papers of today"} for name in ("brevo", "resend")}
CHANGES = [(name, change) for changes in (OTHERS, ELSEWHERE, OTHER_SUBJECTS) for name, change in changes.items()]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_filter_that_is_not_understood_gives_no_mail_of_another(
    server: Server, name: str, change: dict[str, Any]
) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record | change]}) == []


@pytest.mark.parametrize(("name", "key"), [("brevo", "messageId"), ("resend", "id")])
def test_two_mails_that_look_alike_settle_nothing(server: Server, name: str, key: str) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record, record | {key: "another"}]}) == []


def test_a_list_that_never_ends_is_not_read_on(server: Server) -> None:
    _, record = RECORDS["resend"]
    server.answer = json.dumps({"has_more": True, "data": [record | {"to": ["bo@example.org"]}]}).encode()
    with asking(server, "resend") as lookup:
        assert lookup.ask([DOUBT], "").after == "a"
        with pytest.raises(LookupFailed, match="cannot be read on"):
            lookup.ask([DOUBT], "a")


def test_an_answer_without_end_is_cut() -> None:
    response = requests.Response()
    response.raw = io.BytesIO(b"x" * (interface.MOST_BYTES + 1))
    with pytest.raises(LookupFailed, match="longer than 4,000,000 bytes"):
        interface.read_bounded(response, deadline=float("inf"))


def test_an_answer_that_trickles_is_given_up() -> None:
    response = requests.Response()
    response.raw = io.BytesIO(b"x")
    with pytest.raises(LookupFailed, match="too long"):
        interface.read_bounded(response, deadline=0.0)

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from anymail.signals import tracking
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, override_settings

from tests.outside.events import Event
from tests.outside.interfaces.api import Kind
from tests.outside.letters import HTTP, letter
from tests.outside.provider import Provider, providing

WORDS = {
    Kind.DELIVERED: "delivered",
    Kind.BOUNCED: "bounced",
    Kind.SOFT_BOUNCED: "bounced",  # most providers say in the event's own words alone that it may pass
    Kind.COMPLAINED: "complained",
}


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """Collect the events that Anymail makes of webhooks; no other receiver gets them."""
    found: list[Any] = []

    def hear(event: Any, **_: object) -> None:
        found.append(event)

    others, tracking.receivers = tracking.receivers, []
    tracking.connect(hear)
    yield found
    tracking.receivers = others


@contextmanager
def provider_that_took(name: str, *addresses: str) -> Iterator[Provider]:
    with providing(name) as provider, override_settings(**provider.settings, ROOT_URLCONF="tests.outside.urls"):
        for address in addresses:
            letter(address).send()
        yield provider


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", HTTP)
def test_anymail_believes_each_event(name: str, kind: Kind, client: Client, heard: list[Any]) -> None:
    with provider_that_took(name, "ada@example.com") as provider:
        [event] = provider.events(kinds=[kind])
        assert tell(client, name, event) == 200
        [entry] = provider.accepted()
    word = "deferred" if (name, kind) == ("mailgun", Kind.SOFT_BOUNCED) else WORDS[kind]
    [event] = heard
    assert (event.event_type, event.recipient, event.message_id) == (word, "ada@example.com", entry.message_id)
    assert event.metadata == {"delivery": "7"}


@pytest.mark.parametrize("name", HTTP)
def test_anymail_does_not_believe_a_stranger(name: str, client: Client, heard: list[Any]) -> None:
    with provider_that_took(name, "ada@example.com") as provider:
        [event] = provider.events()
        stranger = Event(event.address, event.kind, {"svix-id": "msg_1"}, event.body.replace(b"signature", b"nothing"))
        assert tell(client, name, stranger) == 400
    assert heard == []


def test_mailgun_and_resend_sign_what_they_say(client: Client, heard: list[Any]) -> None:
    for name in ("mailgun", "resend"):
        with provider_that_took(name, "ada@example.com") as provider:
            [event] = provider.events()
            forged = event.body.replace(b'"timestamp":"1', b'"timestamp":"2').replace(b"ada@", b"bob@")
            assert tell(client, name, Event(event.address, event.kind, event.headers, forged)) == 400
    assert heard == []


def tell(client: Client, name: str, event: Event) -> int:
    return client.post(f"/anymail/{name}/tracking/", event.body, "application/json", headers=event.headers).status_code


def test_events_come_late_doubled_and_shuffled_the_same_at_each_run() -> None:
    readers = [f"r{number}@example.com" for number in range(10)]
    with provider_that_took("brevo", *readers) as provider:
        plain = provider.events(kinds=[Kind.DELIVERED, Kind.COMPLAINED])
        mixed, again = (
            provider.events(kinds=[Kind.DELIVERED, Kind.COMPLAINED], copies=2, is_shuffled=True) for _ in range(2)
        )
        some = provider.events(share=0.5)
    assert [(event.address, event.kind) for event in plain[:2]] == [
        (readers[0], Kind.DELIVERED),
        (readers[0], Kind.COMPLAINED),
    ]
    told = [(event.address, event.kind) for event in mixed]
    assert sorted(told) == sorted(2 * [(event.address, event.kind) for event in plain])
    assert told != [pair for event in plain for pair in 2 * [(event.address, event.kind)]]
    assert told == [(event.address, event.kind) for event in again]
    assert 0 < len(some) < 10


def test_a_doubled_event_carries_its_id_twice() -> None:
    with provider_that_took("resend", "ada@example.com") as provider:
        one, other = provider.events(copies=2)
    assert (one.headers["svix-id"], one.body) == (other.headers["svix-id"], other.body)


def test_a_late_event_says_when_it_happened(client: Client, heard: list[Any]) -> None:
    with provider_that_took("resend", "ada@example.com") as provider:
        for age in (0.0, 86_400.0):
            [event] = provider.events(age=age)
            assert tell(client, "resend", event) == 200
    assert 86_390 < (heard[0].timestamp - heard[1].timestamp).total_seconds() < 86_401


def test_events_are_posted_to_a_real_address(heard: list[Any]) -> None:
    with provider_that_took("mailgun", "ada@example.com", "grace@example.com") as provider, site() as url:
        assert provider.post_events(f"{url}/anymail/mailgun/tracking/", copies=2) == [200] * 4
    assert [event.recipient for event in heard] == ["ada@example.com"] * 2 + ["grace@example.com"] * 2


@contextmanager
def site() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the test looks at the answers."""

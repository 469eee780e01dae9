"""What Django gets to see of a request, and when."""

import asyncio
from typing import Any

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from newsletter.web_server.body_gate import BodyGate, Message, Receive, Scope, Send

NAMES = st.text("abcxyz-_", min_size=1).map(str.encode)


def seen_by_django(
    chunks: list[bytes], headers: list[tuple[bytes, bytes]], head_status: int = 403, **of_scope: Any
) -> tuple[Scope, bytes]:
    """Return the scope and the body that the application gets; it answers `head_status` to HEAD requests."""
    seen: list[tuple[Scope, bytes]] = []
    parts = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    parts.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        pass

    async def django(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            assert (b"content-length", b"0") in scope["headers"]
            await send({"type": "http.response.start", "status": head_status})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        seen.append((scope, body))

    scope = {"type": "http", "method": "POST", "path": "/subscribe/", "client": ("192.0.2.1", 1), "headers": headers}
    asyncio.run(BodyGate(django)(scope | of_scope, receive, send))
    return seen[0]


@given(st.lists(st.tuples(NAMES, st.binary())))
def test_no_header_with_an_underscore_in_its_name_comes_through_and_all_others_do(
    headers: list[tuple[bytes, bytes]],
) -> None:
    scope, _ = seen_by_django([], headers)
    assert scope["headers"] == [(name, value) for name, value in headers if b"_" not in name]


@given(st.lists(st.binary(max_size=70_000), max_size=5).filter(lambda chunks: 0 < len(b"".join(chunks)) < 262_144))
def test_a_body_arrives_whole_with_its_length_also_in_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    length = str(len(whole)).encode()
    for header in ((b"content-length", length), (b"transfer-encoding", b"chunked")):
        scope, body = seen_by_django(chunks, [header])
        assert body == whole
        assert scope["headers"] == [(b"content-length", length)]


def test_a_body_that_declares_too_much_is_not_read_and_keeps_its_length() -> None:
    scope, body = seen_by_django([b"x" * 1_000], [(b"content-length", b"262145")])
    assert (scope["headers"], body) == ([(b"content-length", b"262145")], b"")


@pytest.mark.parametrize("network_limit", [0, 1])
def test_a_body_of_an_unknown_client_is_read(settings: LazySettings, network_limit: int) -> None:
    settings.CONNECTIONS_PER_NETWORK = network_limit
    assert seen_by_django([b"x"], [(b"content-length", b"1")], client=None)[1] == b"x"


UPLOAD = "/admin/subscribers/importrun/add/"
LARGE = [b"x" * 60_000] * 10


@pytest.mark.parametrize(("status", "read"), [(200, 600_000), (302, 0), (403, 0)])
def test_a_large_body_is_read_only_where_the_page_answers_its_sender(status: int, read: int) -> None:
    declared = [(b"content-length", b"600000")]
    assert len(seen_by_django(LARGE, declared, status, path=UPLOAD)[1]) == read
    assert len(seen_by_django(LARGE, declared, status, path="/anymail/postmark/tracking/")[1]) == read
    assert seen_by_django(LARGE, declared, status, path="/subscribe/")[1] == b""


def test_a_body_in_chunks_is_read_no_further_than_its_page_allows(settings: LazySettings) -> None:
    chunked = [(b"transfer-encoding", b"chunked")]
    assert len(seen_by_django(LARGE, chunked, 200, path="/subscribe/")[1]) == 300_000
    settings.WEBHOOK_MAX_BYTES = 400_000
    assert len(seen_by_django(LARGE, chunked, 200, path="/anymail/postmark/tracking/")[1]) == 420_000
    assert len(seen_by_django(LARGE, chunked, 403, path="/anymail/postmark/tracking/")[1]) == 300_000

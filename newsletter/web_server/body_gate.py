"""Reads the body of each request before Django gets a thread for it (ASGI)."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from typing import IO, Any

from django.conf import settings
from django.urls import reverse

from newsletter.client_network import network_of, trusted_address
from newsletter.web_server.network_limit import NetworkLimit

LARGE_BODY_BYTES_A_SECOND = 50_000  # the least, of a body that may be large
MULTIPART_BYTES = 100_000  # of an upload, besides its file
CHUNK_BYTES = 65_536

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Disconnected(Exception):
    """The client has closed the connection: nobody waits for an answer."""


class Reading:
    """The reading of one body; it ends early where newer ones of its network need the room."""

    def __init__(self) -> None:
        self.timeout = asyncio.timeout(settings.WEB_BODY_SECONDS)

    def displace(self) -> bool:
        if not self.timeout.expired():
            self.timeout.reschedule(asyncio.get_running_loop().time())
        return True

    def extend(self, seconds: float) -> None:
        self.timeout.reschedule((self.timeout.when() or 0) + seconds)


class BodyGate:
    """Calls `app` once the whole body has arrived, or at once where the body is too large to be read.

    Bodies above DATA_UPLOAD_MAX_MEMORY_SIZE are read only where a page takes them and answers 200 to a HEAD request
    with the same headers: so the right or the webhook's secret is checked before anything is written to disk.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.readings = NetworkLimit(settings.CONNECTIONS_PER_NETWORK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = without_underscores(scope)
        if declared_length(scope) == 0:
            await self.app(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(2 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE) as body:
            try:
                await self.read_in_time(scope, receive, body)
            except Disconnected:
                return
            except TimeoutError:
                await answer_late(send)
                return
            if declared_length(scope) is None:  # Django reads no chunked bodies
                scope = with_length(scope, body.tell())
            await self.app(scope, replay(body), send)

    async def read_in_time(self, scope: Scope, receive: Receive, body: IO[bytes]) -> None:
        """Read into `body`; raise TimeoutError where the body is late or gives way to newer ones of its network."""
        reading = Reading()
        self.readings.admit(client_network(scope), reading)
        try:
            async with reading.timeout:
                await self.read(scope, receive, body, reading)
        finally:
            self.readings.leave(reading)

    async def read(self, scope: Scope, receive: Receive, body: IO[bytes], reading: Reading) -> None:
        small, large = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, largest_body(scope["path"])
        declared = declared_length(scope)
        if declared is None or declared <= small:
            is_whole = await copy_body(receive, body, small)
            if is_whole:
                return
        if large > small and await self.may_post(scope):
            reading.extend(large / LARGE_BODY_BYTES_A_SECOND)
            await copy_body(receive, body, large)

    async def may_post(self, scope: Scope) -> bool:
        """Return whether the page answers 200 to a HEAD request with the headers of this one."""
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        await self.app(with_length(scope, 0) | {"method": "HEAD"}, no_body, note_status)
        return status == 200


async def copy_body(receive: Receive, body: IO[bytes], most: int) -> bool:
    """Append to `body` until it is complete or holds more than `most` bytes; return whether it is complete."""
    while body.tell() <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body.write(message.get("body", b""))
        if not message.get("more_body", False):
            return True
    return False


def replay(body: IO[bytes]) -> Receive:
    """Return a `receive` that hands out a body that has been read."""
    body.seek(0)

    async def receive() -> Message:
        chunk = body.read(CHUNK_BYTES)
        return {"type": "http.request", "body": chunk, "more_body": len(chunk) == CHUNK_BYTES}

    return receive


async def no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def answer_late(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 408, "headers": headers})
    await send({"type": "http.response.body", "body": b"The request did not arrive in time. Please send it again."})


def without_underscores(scope: Scope) -> Scope:
    """Drop headers with an underscore in their names: Django cannot tell X_Forwarded_For from X-Forwarded-For."""
    return scope | {"headers": [(name, value) for name, value in scope["headers"] if b"_" not in name]}


def header_values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin1") for name, value in scope["headers"] if name == wanted]


def declared_length(scope: Scope) -> int | None:
    """Return the length that the headers declare; None where the body is chunked."""
    if header_values(scope, b"transfer-encoding"):
        return None
    return int((header_values(scope, b"content-length") or ["0"])[0])


def with_length(scope: Scope, length: int) -> Scope:
    kept = [pair for pair in scope["headers"] if pair[0] not in {b"transfer-encoding", b"content-length"}]
    return scope | {"headers": [*kept, (b"content-length", str(length).encode())]}


def largest_body(path: str) -> int:
    if path.startswith("/anymail/"):
        return settings.WEBHOOK_MAX_BYTES + 1
    if path == reverse("admin:subscribers_importrun_add"):
        return settings.IMPORT_MAX_BYTES + MULTIPART_BYTES
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def client_network(scope: Scope) -> str:
    peer = scope["client"][0] if scope["client"] else ""
    return network_of(trusted_address(",".join(header_values(scope, b"x-forwarded-for")), peer))

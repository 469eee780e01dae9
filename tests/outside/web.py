"""HTTP/1.1 as providers speak it: one request after another on a kept connection, and answers that may break off."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import orjson

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def wire(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Content-Type: {self.content_type}"]
        lines += [f"Content-Length: {len(self.body)}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


class Cut(Exception):
    """The connection ends here, after the given bytes; without any it is reset."""

    def __init__(self, wire: bytes = b"") -> None:
        self.wire = wire


Handler = Callable[[Request], Awaitable[Answer]]


def json_answer(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, orjson.dumps(content), {name.replace("_", "-"): value for name, value in headers.items()})


def query_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.path).query))


async def listen(handler: Handler, port: int = 0) -> asyncio.Server:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            await answer_all(reader, writer, handler)
        writer.close()

    return await asyncio.start_server(converse, "127.0.0.1", port, limit=HEAD_BYTES, backlog=512)


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    while True:
        request = await read_request(reader, writer)
        try:
            answer = await handler(request)
        except Cut as cut:
            await hang_up(writer, cut.wire)
            return
        writer.write(answer.wire())
        await writer.drain()
        if request.headers.get("connection", "").lower() == "close":
            return


async def hang_up(writer: asyncio.StreamWriter, wire: bytes) -> None:
    if not wire:
        writer.transport.abort()
        return
    writer.write(wire)
    await writer.drain()


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, path, headers, await read_body(reader, headers))


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    chunks = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(chunks)

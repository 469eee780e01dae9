"""A wire with a distance: a relay before a sink, in a process of its own, that holds every byte back for a while."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

CHUNK = 262_144  # bytes


@contextmanager
def at_a_distance(port: int, round_trip: float) -> Iterator[int]:
    """Yield a port of loopback whose bytes reach `port`, and come back from it, after half a round trip in seconds."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=run, args=(theirs, port, round_trip / 2), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


def run(told: Connection, port: int, delay: float) -> None:
    asyncio.run(relay(told, port, delay))


async def relay(told: Connection, port: int, delay: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    server = await asyncio.start_server(connect, "127.0.0.1", 0, backlog=512)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Carry bytes one way. Bytes that come meanwhile do not wait for those before them to arrive."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(CHUNK):
        loop.call_later(delay, writer.write, data)
    loop.call_later(delay, writer.close)

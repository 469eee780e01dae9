"""The site for an ASGI server: each process warms up, then answers with a bounded number of threads."""

import asyncio
import signal
from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings

from newsletter.runtime import processes
from newsletter.web_server.body_gate import BodyGate, Receive, Scope, Send
from newsletter.web_server.frame_room import with_frame_room
from newsletter.web_server.warm_up import warm_up
from newsletter.wsgi import application as site

# As many blocks of a response wait for a slow client without a thread. Static files come in blocks of 4 kB.
WAITING_BLOCKS = 256
on_threads: Any = WSGIMiddleware(with_frame_room(site), settings.WEB_THREADS, WAITING_BLOCKS)
gate = BodyGate(on_threads)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await (gate(scope, receive, send) if scope["type"] == "http" else start_and_stop(receive, send))


async def start_and_stop(receive: Receive, send: Send) -> None:
    """Warm up before the server listens, and agree to its end. Nothing outlives a killed parent."""
    processes.end_with_parent(signal.SIGTERM)
    await receive()
    await asyncio.to_thread(warm_up, site)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

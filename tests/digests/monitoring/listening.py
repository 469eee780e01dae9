"""A real HTTP server on loopback that takes posts, remembers them, and answers as a test says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """Holds what was posted to its `url`; `status` is what it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/a-secret-path"
        self.status = 204
        self.heard: list[dict[str, Any]] = []


@contextmanager
def listening() -> Iterator[Listener]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.listener = Listener(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Handler.listener
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    listener: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.listener.heard.append(json.loads(body))
        self.send_response(self.listener.status)
        if 300 <= self.listener.status < 400:
            self.send_header("Location", self.listener.url)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

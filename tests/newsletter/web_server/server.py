"""The web server as a process of its own, and clients that speak to its socket byte by byte."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connection

from tests.ports import free_port
from tests.product import SECONDS, wait_until

SLOW_BODY = b"POST /subscribe/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nemail="
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class WebServer:
    """A running server; what it writes to disk for bodies lands in `temporary`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = folder / "web.txt"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
        self.environment = os.environ | {
            "PORT": str(self.port),
            "DATABASE_URL": url,
            "TMPDIR": str(self.temporary),
            "WEB_CONCURRENCY": "1",
            **environment,
        }

    @contextmanager
    def running(self) -> Iterator["WebServer"]:
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "newsletter.web_server"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            wait_until(self.is_listening, self.log.read_text)
            yield self
        finally:
            self.stop()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def is_listening(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, sent: bytes = b"", receive_bytes: int = 0) -> socket.socket:
        client = socket.socket()
        client.settimeout(SECONDS)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect(("127.0.0.1", self.port))
        client.sendall(sent)
        return client

    def answer(self, sent: bytes) -> bytes:
        """Send bytes and return the beginning of what comes back."""
        with self.connect(sent) as client:
            return client.recv(65_536)

    def seconds_of_health(self) -> float:
        """Return in how many seconds /healthz answers a new client, of three tries the best."""
        return min(self._seconds_of_health() for _ in range(3))

    def _seconds_of_health(self) -> float:
        started = time.monotonic()
        assert self.answer(HEALTH).startswith(b"HTTP/1.1 200 ")
        return time.monotonic() - started


def read_until_closed(client: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while part := client.recv(65_536):
            received += part
    return received


def drip(client: socket.socket, seconds: float = 60) -> bytes:
    """Send a byte twice a second until the server closes the connection; return all that it answered."""
    client.settimeout(0.5)
    received, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(TimeoutError):
            try:
                client.sendall(b"a")
                part = client.recv(65_536)
            except ConnectionError:
                return received
            if not part:
                return received
            received += part
    raise AssertionError("The connection is still open.")

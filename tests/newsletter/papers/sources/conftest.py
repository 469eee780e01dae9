"""A real HTTP server on loopback whose answers a test writes down beforehand."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from newsletter.papers.sources.guarded_fetch import Policy

ROOT = Path(__file__).resolve().parents[4]
PAYLOADS = ROOT / "tests" / "payloads" / "feeds"
RECORDINGS = ROOT.parent / "shared" / "data"


def payload(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


@dataclass
class Reply:
    """One scripted answer; `drip` is the pause in seconds after each byte of what follows the status line."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0


class ScriptedServer:
    """Serves `replies` by path and remembers the headers of every request in `requests`."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.dripped = 0  # bytes that were sent one by one
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


def handler_for(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            reply = script.replies.get(self.path, Reply(status=404))
            lines = [f"HTTP/1.1 {reply.status} Scripted\r\n"]
            headers = {"Content-Length": str(len(reply.body)), **reply.headers}
            lines += [f"{name}: {value}\r\n" for name, value in headers.items() if value]
            try:
                self.send(lines[0].encode(), 0)
                self.send("".join([*lines[1:], "\r\n"]).encode() + reply.body, reply.drip)
            except OSError:
                pass

        def send(self, data: bytes, drip: float) -> None:
            if not drip:
                self.wfile.write(data)
                return
            for byte in data:
                self.wfile.write(bytes([byte]))
                script.dripped += 1
                if script.stopping.wait(drip):
                    return

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()
    yield script
    script.stop()


@pytest.fixture
def policy() -> Policy:
    return Policy(user_agent="Paper Round (+https://papers.example)", allow_loopback=True, deadline_seconds=5)

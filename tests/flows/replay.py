"""Recorded feeds on loopback, where the recordings are at hand."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port
from tests.recordings import SHARED as SHARED

SERVER = SHARED / "tools" / "replay_feeds.py"


class Replay:
    """The recorded days, one at a time."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def move_to(self, day: str) -> None:
        self.post(f"/clock?today={day}")

    def fault(self, path: str, kind: str) -> None:
        self.post(f"/fault?path={path}&kind={kind}")

    def post(self, path: str) -> None:
        urllib.request.urlopen(urllib.request.Request(self.url + path, method="POST"), timeout=10).close()


@contextmanager
def replaying(today: str) -> Iterator[Replay]:
    """Serve the recorded days from `today` on, while the block runs."""
    port = free_port()
    command = [sys.executable, str(SERVER), "--port", str(port), "--today", today]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "replaying" in process.stdout.readline()
        try:
            yield Replay(port)
        finally:
            process.terminate()

"""Parse a source's response in a child process, so that only the child runs out of memory or time.

A worker keeps one child running, because starting one costs more than parsing most feeds.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import orjson

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing
from newsletter.papers.sources.parser_protocol import READY, read_line

PROJECT = Path(__file__).resolve().parents[3]
CPU_SECONDS = 8  # for one parse; the kernel enforces it
# Only for a child that hangs: on a busy machine 8 s of CPU time take long.
WALL_SECONDS = 90.0
START_SECONDS = 90.0
MAX_BODY_BYTES = 5 * 1024 * 1024
# Twice the size of the largest response as findings. Decoded, a line takes at most 15 times its size.
MAX_LINE_BYTES = 10 * 1024 * 1024
# The child is replaced after so many parses, in case a parser leaks memory.
PARSES_A_CHILD = 500


class Sandbox:
    """One parser process at a time, replaced when it has ended, was killed or has parsed PARSES_A_CHILD responses."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        self.parses = 0
        self.lock = threading.Lock()

    def parse(self, kind: str, body: bytes, address: str) -> Listing:
        """Parse `body`, the response of a source of `kind` at `address`.

        Raise SourceError where it cannot be parsed within CPU_SECONDS, WALL_SECONDS and the child's memory limit.
        """
        if len(body) > MAX_BODY_BYTES:
            raise SourceError(f"The answer is longer than {MAX_BODY_BYTES // 1024:,} KB.")
        header = {"kind": kind, "address": address, "size": len(body), "cpu_seconds": CPU_SECONDS}
        with self.lock:
            found = self._ask(orjson.dumps(header) + b"\n" + body)
        if isinstance(found, SourceError):
            raise found
        return found

    def close(self) -> None:
        """End the child; a later parse starts another."""
        child, self.child, self.is_ready, self.parses = self.child, None, False, 0
        if child is not None:
            child.kill()
            # Leaving the context closes the pipes and waits; flushing unsent bytes raises BrokenPipeError.
            with suppress(BrokenPipeError), child:
                pass

    def forget_child(self) -> None:
        """Start over in a forked process: the running child, and whichever thread holds the lock, are the parent's."""
        self.child, self.is_ready, self.parses = None, False, 0
        self.lock = threading.Lock()

    def _ask(self, request: bytes) -> Listing | SourceError:
        child = self._warm_child()
        line = _exchange(child, request)
        try:
            found, is_last = read_line(line)
        except ValueError:
            self.close()
            # It imports what it needs while the worker does other things.
            self.child = _start()
            raise SourceError(_failure_reason(child, line)) from None
        self.parses += 1
        if is_last or self.parses >= PARSES_A_CHILD:
            self.close()
        return found

    def _warm_child(self) -> "subprocess.Popen[bytes]":
        if self.child is not None and self.child.poll() is not None:
            self.close()
        if self.child is None:
            self.child = _start()
        if not self.is_ready:
            self._wait_until_ready(self.child)
        return self.child

    def _wait_until_ready(self, child: "subprocess.Popen[bytes]") -> None:
        """Wait until the child has imported its modules, so that a parse has all its time for itself."""
        with _killing_after(START_SECONDS, child):
            line = _pipe(child.stdout).readline(len(READY))
        self.is_ready = line == READY
        if not self.is_ready:
            self.close()
            raise SourceError(f"The parser process did not start within {START_SECONDS:g} s.")


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter.papers.sources.parser_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        # The environment holds no secrets that a hostile feed could read.
        env={"PYTHONPATH": os.fspath(PROJECT), "LANG": "C.UTF-8"},
    )


def _exchange(child: "subprocess.Popen[bytes]", request: bytes) -> bytes:
    """Send `request` and return the child's line; it is incomplete where the child was killed."""
    with _killing_after(WALL_SECONDS, child):
        try:
            _pipe(child.stdin).write(request)
            _pipe(child.stdin).flush()
            return _pipe(child.stdout).readline(MAX_LINE_BYTES + 1)
        except BrokenPipeError:
            return b""


@contextmanager
def _killing_after(seconds: float, child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill the child if the block takes longer than `seconds`."""
    timer = threading.Timer(seconds, child.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the child is started with pipes"
    return pipe


def _failure_reason(child: "subprocess.Popen[bytes]", line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        return "The response holds more than can be taken in at once."
    if child.returncode == -signal.SIGXCPU:
        return f"Parsing the response was stopped: it took more than {CPU_SECONDS} s of CPU time."
    return f"Parsing the response was stopped: it took more than {WALL_SECONDS:g} s or too much memory."


_sandbox = Sandbox()
os.register_at_fork(after_in_child=_sandbox.forget_child)


def parse(kind: str, body: bytes, address: str) -> Listing:
    """Parse a response in this process's own child: see Sandbox.parse."""
    return _sandbox.parse(kind, body, address)

"""Parse what a source answered in a child process, which may run out of memory or time in our stead.

A worker keeps one child warm, because starting one costs more than parsing most feeds.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import orjson

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing
from newsletter.papers.sources.parser_protocol import read_line

PROJECT = Path(__file__).resolve().parents[3]
WALL_SECONDS = 9.0
MAX_BODY_BYTES = 5 * 1024 * 1024
# Twice what the longest answer comes to as findings. Decoded, it is at most 15 times as large.
MAX_LINE_BYTES = 10 * 1024 * 1024
# What little a parser leaks ends with its process.
PARSES_A_CHILD = 500


class Sandbox:
    """A child that parses, replaced when it has died, has been killed or has done its share."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.parses = 0
        self.lock = threading.Lock()

    def parse(self, kind: str, body: bytes, address: str) -> Listing:
        """Read `body`, which a source of `kind` answered at `address`.

        Raise SourceError when it cannot be read within WALL_SECONDS and the child's limits.
        """
        if len(body) > MAX_BODY_BYTES:
            raise SourceError(f"The answer is longer than {MAX_BODY_BYTES // 1024:,} KB.")
        header = {"kind": kind, "address": address, "size": len(body)}
        with self.lock:
            found = self._ask(orjson.dumps(header) + b"\n" + body)
        if isinstance(found, SourceError):
            raise found
        return found

    def close(self) -> None:
        """Let go of the child; a later parse starts another."""
        child, self.child, self.parses = self.child, None, 0
        if child is not None:
            child.kill()
            # Leaving the context closes the pipes and waits; what was not sent yet finds nobody to read it.
            with suppress(BrokenPipeError), child:
                pass

    def _ask(self, request: bytes) -> Listing | SourceError:
        child = self._warm_child()
        line = _exchange(child, request)
        try:
            found, is_last = read_line(line)
        except ValueError:
            self.close()
            raise SourceError(_reason(child, line)) from None
        self.parses += 1
        if is_last or self.parses >= PARSES_A_CHILD:
            self.close()
        return found

    def _warm_child(self) -> "subprocess.Popen[bytes]":
        if self.child is not None and self.child.poll() is not None:
            self.close()
        if self.child is None:
            self.child = _start()
        return self.child


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter.papers.sources.parser_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        # No secrets: whatever takes the child over finds none.
        env={"PYTHONPATH": os.fspath(PROJECT), "LANG": "C.UTF-8"},
    )


def _exchange(child: "subprocess.Popen[bytes]", request: bytes) -> bytes:
    """Send `request` and return the answer's line, or what there was of it when the time ended."""
    timer = threading.Timer(WALL_SECONDS, child.kill)
    timer.start()
    try:
        _pipe(child.stdin).write(request)
        _pipe(child.stdin).flush()
        return _pipe(child.stdout).readline(MAX_LINE_BYTES + 1)
    except BrokenPipeError:
        return b""
    finally:
        timer.cancel()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the child is started with pipes"
    return pipe


def _reason(child: "subprocess.Popen[bytes]", line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        return "The answer holds more than can be taken in at once."
    return f"Reading the answer was stopped: it took more than {WALL_SECONDS:g} s or too much memory."


_warm = Sandbox()


def parse(kind: str, body: bytes, address: str) -> Listing:
    """Read an answer in this process's own child: see Sandbox.parse."""
    return _warm.parse(kind, body, address)


def _forget() -> None:
    """After a fork the child belongs to the parent process; this one starts its own."""
    global _warm
    _warm = Sandbox()


os.register_at_fork(after_in_child=_forget)

"""The child process of the sandbox: reads answers on stdin, one after the other, and says what they hold.

It is given no environment and no open files but its pipes, and it limits itself before the first byte.
"""

import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

import orjson

from newsletter.papers.sources import READERS
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.parser_protocol import error_line, listing_line

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 8
STATM = Path("/proc/self/statm")
# A child that a large answer has left swollen makes room for a fresh one.
SWOLLEN_BYTES = 160 * 1024 * 1024


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Nothing a library prints may look like an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _confine()
    # The loop ends when the worker does: its end of the pipe closes with it.
    for line in iter(requests.readline, b""):
        _limit_cpu()
        request = orjson.loads(line)
        answer, is_last = _answer(request, _body(requests, request["size"]))
        answers.write(answer)
        answers.flush()
        if is_last:
            return


def _confine() -> None:
    """Give up memory beyond the limit, writing files, and core dumps, for good."""
    # macOS has the name of this limit only; there the worker's clock is all that stops a bomb.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu() -> None:
    """Allow CPU_SECONDS from now on; the system kills the process that uses them up."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


def _body(requests: BinaryIO, size: int) -> bytes:
    body = requests.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _answer(request: dict[str, str], body: bytes) -> tuple[bytes, bool]:
    """Return the line to say about one answer, and whether it is this child's last."""
    try:
        listing = READERS[request["kind"]].parse(body, request["address"])
        is_last = _is_swollen()
        return listing_line(listing, is_last=is_last), is_last
    except SourceError as exc:
        is_last = _is_swollen()
        return error_line(str(exc), permanent=exc.permanent, is_last=is_last), is_last
    except MemoryError:
        return error_line("Reading the answer takes too much memory.", permanent=False, is_last=True), True
    # A reader's bug ends here: the worker is told of it in the only words there are.
    except Exception as exc:
        reason = f"The answer could not be read: {type(exc).__name__}: {str(exc)[:200]}"
        return error_line(_plain(reason), permanent=False, is_last=True), True


def _plain(text: str) -> str:
    """Replace what JSON cannot carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_swollen() -> bool:
    """Look at the memory held now; `ru_maxrss` would count the worker's too, from before the exec."""
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError:
        return False
    return pages * resource.getpagesize() > SWOLLEN_BYTES


if __name__ == "__main__":
    main()

"""The child process of the sandbox: parses the responses it reads on stdin, and writes one line for each.

It gets no environment and no open files except its pipes, and limits its own resources before it reads anything.
"""

import math
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from newsletter.papers.sources import READERS
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.parser_protocol import READY, error_line, listing_line

MEMORY_BYTES = 512 * 1024 * 1024
STATM = Path("/proc/self/statm")
# A child that holds more memory than this after a large response is replaced.
RESTART_ABOVE_BYTES = 160 * 1024 * 1024


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not be taken for an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_resources()
    answers.write(READY)
    answers.flush()
    # The loop ends with the worker, whose end of the pipe is closed then.
    for line in iter(requests.readline, b""):
        request = orjson.loads(line)
        _limit_cpu(request["cpu_seconds"])
        answer, is_last = _parse_request(request, _read_body(requests, request["size"]))
        answers.write(answer)
        answers.flush()
        if is_last:
            return


def _limit_resources() -> None:
    """Limit memory, and forbid writing files and core dumps, for the rest of the process."""
    # macOS does not enforce this limit; there only the worker's timeout stops a decompression bomb.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(seconds: int) -> None:
    """Allow so much CPU time from now on; the kernel kills the process when they are used up."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


def _read_body(requests: BinaryIO, size: int) -> bytes:
    body = requests.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _parse_request(request: dict[str, Any], body: bytes) -> tuple[bytes, bool]:
    """Return the line to write for one response, and whether the child ends after it."""
    try:
        listing = READERS[request["kind"]].parse(body, request["address"])
        is_last = _is_too_large()
        return listing_line(listing, is_last=is_last), is_last
    except SourceError as exc:
        is_last = _is_too_large()
        return error_line(str(exc), permanent=exc.permanent, is_last=is_last), is_last
    except MemoryError:
        return error_line("Reading the answer takes too much memory.", permanent=False, is_last=True), True
    # A bug in a reader is reported to the worker as an error line, and the child ends.
    except Exception as exc:
        reason = f"The answer could not be read: {type(exc).__name__}: {str(exc)[:200]}"
        return error_line(_replace_surrogates(reason), permanent=False, is_last=True), True


def _replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which JSON cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_too_large() -> bool:
    """Return whether the process holds too much memory now; `ru_maxrss` would include the worker's before the exec."""
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError:
        return False
    return pages * resource.getpagesize() > RESTART_ABOVE_BYTES


if __name__ == "__main__":
    main()

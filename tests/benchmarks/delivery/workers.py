"""Worker processes as the digests' queue has them: side by side, each with what it took of processor and memory."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, ParamSpec, TypeVar

import psutil
from django.conf import settings
from django.db import connections

from digests import tasks
from newsletter import clock
from newsletter.mail import throttle
from tests.benchmarks.delivery.digests import NOW

WORKERS = 2
QUEUE, ASSEMBLING = "bench:batches", "bench:assembling"
P = ParamSpec("P")
T = TypeVar("T")


class Spent(NamedTuple):
    """What one worker took: seconds of processors, and the most memory in the first half of its batches and in all."""

    seconds: float
    half_mb: float
    peak_mb: float


def side_by_side(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, list[T]]:
    """Let each worker do the same; return the seconds until all are done, and what they return."""
    with processes(WORKERS) as pool:
        started = time.perf_counter()
        running = [pool.submit(work, *args, **kwargs) for _ in range(WORKERS)]
        results = [future.result() for future in running]
        return time.perf_counter() - started, results


def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Let another process do it, so that what it takes of memory ends with it."""
    with processes(1) as pool:
        return pool.submit(work, *args, **kwargs).result()


def processes(count: int) -> ProcessPoolExecutor:
    connections.close_all()
    return ProcessPoolExecutor(count, multiprocessing.get_context("fork"))


def enqueue(batch_ids: Iterable[int]) -> None:
    if ids := list(batch_ids):
        throttle.client(settings.REDIS_URL).rpush(QUEUE, *ids)


def send_queued() -> Spent:
    """Send batch after batch until none waits, as a worker does."""
    process = psutil.Process()
    begun, held = time.process_time(), [megabytes(process)]
    with clock.at(NOW):
        for batch_id in queued():
            tasks.send_batch(batch_id)
            held.append(megabytes(process))
    return Spent(time.process_time() - begun, max(held[: len(held) // 2 + 1]), max(held))


def queued() -> Iterator[int]:
    """Yield batches until none is left, and nobody makes more."""
    queue = throttle.client(settings.REDIS_URL)
    while True:
        is_last = not queue.exists(ASSEMBLING)
        if batch_id := queue.lpop(QUEUE):
            assert isinstance(batch_id, bytes)
            yield int(batch_id)
        elif is_last:
            return
        else:
            time.sleep(0.05)


@contextmanager
def assembling() -> Iterator[None]:
    """Let workers wait for batches while the block runs."""
    queue = throttle.client(settings.REDIS_URL)
    queue.incr(ASSEMBLING)
    try:
        yield
    finally:
        if not queue.decr(ASSEMBLING):
            queue.delete(ASSEMBLING)


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / (1024 * 1024)

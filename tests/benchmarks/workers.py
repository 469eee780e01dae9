"""Worker processes as the digests' queue has them: side by side, each with what it took of processor and memory."""

import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple, ParamSpec, TypeVar

import psutil
from django.conf import settings
from django.db import connections

from digests import tasks
from newsletter import clock, pace
from tests.benchmarks.digests import NOW

WORKERS = 2
QUEUE = "bench:batches"
P = ParamSpec("P")
T = TypeVar("T")


class Spent(NamedTuple):
    """What one worker took: seconds of processors, and the most memory in the first half of its batches and in all."""

    seconds: float
    half_mb: float
    peak_mb: float


def side_by_side(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, list[T]]:
    """Let each worker do the same; return the seconds until all are done, and what they return."""
    connections.close_all()
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("fork")) as pool:
        started = time.perf_counter()
        running = [pool.submit(work, *args, **kwargs) for _ in range(WORKERS)]
        results = [future.result() for future in running]
        return time.perf_counter() - started, results


def enqueue(batch_ids: Iterable[int]) -> None:
    if ids := list(batch_ids):
        pace.client(settings.REDIS_URL).rpush(QUEUE, *ids)


def send_queued() -> Spent:
    """Send batch after batch until none waits, as a worker does."""
    queue, process = pace.client(settings.REDIS_URL), psutil.Process()
    begun, held = time.process_time(), [megabytes(process)]
    with clock.at(NOW):
        while batch_id := queue.lpop(QUEUE):
            tasks.send_batch(int(batch_id))  # type: ignore[arg-type]
            held.append(megabytes(process))
    return Spent(time.process_time() - begun, max(held[: len(held) // 2 + 1]), max(held))


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / (1024 * 1024)

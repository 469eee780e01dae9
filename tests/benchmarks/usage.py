"""What several processes take together while they work: memory, and time of processors."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

EVERY_SECONDS = 0.2


class MemoryWatch:
    """Look again and again at what `pids` and their children hold, and keep the most of it as `peak_mb`.

    A page that several share counts once (PSS): the high-water marks of getrusage count it for each of the forked, and
    let a child begin at its parent's size. Where the system knows no PSS, what belongs to one process alone counts.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self.parents = [psutil.Process(pid) for pid in pids]
        self.peak_mb = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(EVERY_SECONDS):
            self.peak_mb = max(self.peak_mb, self._held_mb())

    def _held_mb(self) -> float:
        held = 0.0
        for parent in self.parents:
            # One that ends while it is looked at holds nothing.
            with suppress(psutil.NoSuchProcess):
                held += sum(map(megabytes_of, [parent, *parent.children(recursive=True)]))
        return held


def processor_seconds(pids: Iterable[int]) -> float:
    """Return the time that `pids` and their children took of processors so far, whatever else ran meanwhile."""
    seconds = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            seconds += sum(sum(one.cpu_times()[:4]) for one in [process, *process.children(recursive=True)])
    return seconds


def megabytes_of(process: psutil.Process) -> float:
    memory = process.memory_full_info()
    return float(getattr(memory, "pss", memory.uss)) / (1024 * 1024)

"""What a benchmark is: a function that measures one number, with its unit and its target."""

import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple, TypeVar

from rich.console import Console
from rich.progress import track

from tests.benchmarks.recordings import are_at_hand

# The last two import scikit-learn, 90 MB that must not count in the peaks of the others.
MODULES = (
    "papers.coming_in", "papers.topics", "papers.shelf", "papers.choosing", "papers.ranking",
    "delivery.digests", "delivery.history", "readers.effects", "delivery.sending", "delivery.latency",
    "delivery.letters", "delivery.million", "readers.imports", "readers.leaving", "editors.lists",
    "editors.reach", "learned.summaries", "learned.forecast",
)  # fmt: skip
# What ru_maxrss counts in: kilobytes, on macOS bytes.
RSS_UNITS_A_MB = 1024 * 1024 if sys.platform == "darwin" else 1024

T = TypeVar("T")


class Figure(NamedTuple):
    """Hold what was measured; `peak_mb` only where the benchmark knows better than its own process does.

    `missed` names further targets of the note that were not met.
    """

    value: float
    note: str = ""
    peak_mb: float | None = None
    missed: tuple[str, ...] = ()


# Takes the share of the full size to measure at, 1 for all of it.
Measure = Callable[[float], Figure]


@dataclass(frozen=True)
class Bench:
    """One measurement, and what it should come to."""

    name: str
    unit: str
    measure: Measure
    target: float
    higher_is_better: bool = True
    peak_target_mb: float | None = None
    needs_recordings: bool = False

    @property
    def can_run(self) -> bool:
        return are_at_hand() or not self.needs_recordings

    def line(self, scale: float) -> dict[str, object]:
        """Measure, and return what is printed of it."""
        figure = self.measure(scale)
        peak_mb = peak_of_this_process() if figure.peak_mb is None else figure.peak_mb
        return {
            "bench": self.name,
            "value": round(figure.value, 3),
            "unit": self.unit,
            "target": self.target,
            "ok": self.is_met(figure.value, peak_mb) and not figure.missed,
            "peak_mb": round(peak_mb),
            "note": figure.note,
            "missed": list(figure.missed),
        }

    def is_met(self, value: float, peak_mb: float) -> bool:
        is_good = value >= self.target if self.higher_is_better else value <= self.target
        return is_good and (self.peak_target_mb is None or peak_mb <= self.peak_target_mb)


_benches: dict[str, Bench] = {}


def bench(
    name: str,
    *,
    unit: str,
    target: float,
    higher_is_better: bool = True,
    peak_target_mb: float | None = None,
    needs_recordings: bool = False,
) -> Callable[[Measure], Measure]:
    """Register the decorated function as the benchmark `name`."""

    def register(measure: Measure) -> Measure:
        assert name not in _benches, f"two benchmarks are called {name}"
        _benches[name] = Bench(name, unit, measure, target, higher_is_better, peak_target_mb, needs_recordings)
        return measure

    return register


def benches() -> dict[str, Bench]:
    """Return all benchmarks by name, in the order they run. Django must be set up: they import its models."""
    for module in MODULES:
        import_module(f"tests.benchmarks.{module}")
    return _benches


def find(name: str) -> Bench:
    """Return one benchmark, having imported no more modules than it takes to meet it."""
    for module in MODULES:
        import_module(f"tests.benchmarks.{module}")
        if name in _benches:
            return _benches[name]
    raise LookupError(f"There is no benchmark “{name}”.")


def peak_of_this_process() -> float:
    """Return the most memory this process held at once, in MB, and on top of it the most that one of its children did.

    A child counts as soon as it has ended and was waited for.
    """
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_maxrss for usage in usages) / RSS_UNITS_A_MB


def shown(steps: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """Yield `steps` while a bar on standard error says how far they are."""
    yield from track(steps, title, total, console=Console(stderr=True), refresh_per_second=2)

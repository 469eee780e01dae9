"""How good the forecast of votes is on recorded papers, what training takes, and how fast papers are scored."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from newsletter.papers.forecast import training
from newsletter.papers.forecast.features import PaperText, hash_of
from newsletter.papers.forecast.figures import Figures, figures_of
from newsletter.papers.forecast.model import ForecastModel, load_shipped
from newsletter.papers.forecast.train_nightly import ENVIRONMENT
from tests.benchmarks.learned.recorded_forecast import (
    TRAINED_BEFORE,
    judged,
    lines_of,
    recorded_papers,
    split_model,
    with_outcome,
)
from tests.benchmarks.registry import RSS_UNITS_A_MB, Figure, bench

TRAINING_PAPERS = 25_000
SCORED_PAPERS = 5_000
ROUNDS = 3


class Judgement(NamedTuple):
    """Hold what the split model does on the judged days, and what the order of ids does."""

    by_forecast: Figures
    by_id: Figures

    @property
    def note(self) -> str:
        found = self.by_forecast
        return (
            f"{found.papers:,} papers of {found.days} days not on the list yet, {found.voted} came to it later "
            f"({found.share:.3f}); trained on what was known before {TRAINED_BEFORE:%-d %B %Y}"
        )


@cache
def judgement() -> Judgement:
    papers = recorded_papers()
    those = judged(papers)
    by_forecast = training.measure(split_model(papers), (paper.example for paper in those))
    by_id = figures_of([-float(paper.id) for paper in those], [paper.example.outcome for paper in those])
    return Judgement(by_forecast, by_id)


@bench("forecast_auc", unit="AUC", target=0.84, needs_recordings=True)
def forecast_auc(scale: float) -> Figure:
    found = judgement()
    return Figure(found.by_forecast.auc, f"{found.note}; in order of id {found.by_id.auc:.3f}")


@bench("forecast_first40", unit="share", target=0.09, needs_recordings=True)
def forecast_first40(scale: float) -> Figure:
    found = judgement()
    return Figure(
        found.by_forecast.first40,
        f"{found.note}; in order of id {found.by_id.first40:.3f}; a day’s first forty got "
        f"{found.by_forecast.first40_votes:.1f} votes, in order of id {found.by_id.first40_votes:.1f}",
    )


@bench(
    "forecast_training", unit="s", target=60, higher_is_better=False, peak_target_mb=600, needs_recordings=True
)  # of processor time: other work on the machine does not count, and the process has one thread
def forecast_training(scale: float) -> Figure:
    count = max(5_000, round(TRAINING_PAPERS * scale))
    with TemporaryDirectory() as folder:
        lines = Path(folder) / "papers.jsonl"
        with lines.open("w", encoding="utf-8") as file:
            file.writelines(lines_of(islice(cycle(with_outcome(recorded_papers())), count)))
        cpu_seconds, clock_seconds, peak_mb = run_training(lines)
    note = f"{count:,} papers, the first ones twice; two fits in a process of its own; {clock_seconds:.0f} s by clock"
    return Figure(cpu_seconds, note, peak_mb)


def run_training(lines: Path) -> tuple[float, float, float]:
    """Return the seconds of processor time and by the clock, and the MB that the process took."""
    command = [sys.executable, "-m", training.__name__, str(lines.with_name("model"))]
    started = time.perf_counter()
    with lines.open(encoding="utf-8") as file:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, env=os.environ | ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    clock_seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"training ended with status {process.returncode}"
    return usage.ru_utime + usage.ru_stime, clock_seconds, usage.ru_maxrss / RSS_UNITS_A_MB


@bench("forecast_scoring", unit="papers/s", target=2_000, needs_recordings=True)
def forecast_scoring(scale: float) -> Figure:
    papers = [paper.example.text for paper in recorded_papers()[: max(500, round(SCORED_PAPERS * scale))]]
    model = load_shipped()
    rate = len(papers) / min(seconds_to_score(model, papers) for _ in range(ROUNDS))
    return Figure(rate, f"{len(papers):,} papers with whole abstracts, of processor time, best of {ROUNDS}")


def seconds_to_score(model: ForecastModel, papers: Sequence[PaperText]) -> float:
    """Return the processor time it takes to score `papers` with no word remembered from before."""
    hash_of.cache_clear()
    started = time.process_time()
    model.score(papers)
    return time.process_time() - started

"""The step that trains the forecast on this installation's papers each night, and uses it where it is no worse.

Training runs in a process of its own, which has scikit-learn, a bound on its time and memory, and neither a database
nor a secret. Killed at any moment it leaves nothing behind: the model in use stays until a better one is stored whole.
"""

import json
import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import transaction

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers.forecast import examples, features, figures, forecasts, model
from newsletter.papers.forecast.figures import Figures
from newsletter.papers.forecast.model import ForecastModel, InvalidModel
from newsletter.papers.models import TrainedForecast

PROCESS = "newsletter.papers.forecast.training"
TIMEOUT_SECONDS = 400  # by the clock; the process bounds its processor time itself
TOO_FEW = 3  # the process's exit status where there are too few papers
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
KEPT = timedelta(days=30)  # how long a model that is not in use is kept
# The first model of an installation is used from so many standard deviations above chance. It is not compared with
# the shipped one, whose figures are of other days and perhaps of another community.
ABOVE_CHANCE = 3.0

logger = logging.getLogger(__name__)


def train_forecast() -> TrainedForecast | None:
    """Train, store and perhaps use a model; return its row, None where none was trained. Safe to repeat."""
    if not forecasts.is_on():
        return None
    with advisory_locks.held(Lock.FORECAST_TRAINING) as is_free, TemporaryDirectory(prefix="forecast-") as folder:
        trained = train_in(Path(folder)) if is_free else None
    return None if trained is None else store(trained)


def train_in(folder: Path) -> ForecastModel | None:
    """Run the process; return its model, None where it made none: the reason is logged."""
    lines, path = folder / "papers.jsonl", folder / "model"
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(examples.example_lines(clock.today()))
    try:
        done = run_process(lines, path)
    except subprocess.TimeoutExpired:
        logger.warning("Training the forecast took more than %s s and was stopped", TIMEOUT_SECONDS)
        return None
    if done.returncode == TOO_FEW:
        logger.info("No forecast was trained: %s", done.stderr.strip())
    elif done.returncode:
        logger.warning("Training the forecast ended with status %s: %s", done.returncode, last_line(done.stderr))
    return None if done.returncode else load_model(path)


def run_process(lines: Path, path: Path) -> "subprocess.CompletedProcess[str]":
    places = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    with lines.open(encoding="utf-8") as examples_file:
        return subprocess.run(
            [sys.executable, "-m", PROCESS, str(path)],
            stdin=examples_file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
            env=ENVIRONMENT | places,
            timeout=TIMEOUT_SECONDS,
        )


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:300]


def load_model(path: Path) -> ForecastModel:
    return model.load(path.with_suffix(".bin").read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8")))


@transaction.atomic
def store(trained: ForecastModel) -> TrainedForecast:
    """Store a model, and take it into use where it is good enough; forget those that were not used for long."""
    former = TrainedForecast.objects.select_for_update().filter(is_in_use=True).first()
    is_used = is_good_enough(trained.facts.figures, figures_of(former.facts) if former else None)
    if former and is_used:
        former.is_in_use = False
        former.save(update_fields=["is_in_use"])
    TrainedForecast.objects.filter(is_in_use=False, trained_at__lt=clock.now() - KEPT).delete()
    row = TrainedForecast.objects.create(arrays=trained.arrays(), facts=trained.described(), is_in_use=is_used)
    logger.info("Trained forecast %s on %s papers, in use: %s", row.pk, trained.facts.papers, is_used)
    return row


def is_good_enough(new: Figures, former: Figures | None) -> bool:
    if former is not None:
        return figures.is_no_worse(new, former)
    return new.auc - ABOVE_CHANCE * figures.auc_deviation(new) > 0.5


def figures_of(facts: dict[str, Any]) -> Figures | None:
    """Return the figures of a stored model; None where this version of the product cannot use it."""
    try:
        found = model.parse_facts(facts)
    except InvalidModel:
        return None
    return found.figures if found.version == features.VERSION else None

"""Make the forecast that ships: `make models` writes shipped.bin and shipped.json of newsletter/papers/forecast.

It is trained on the recorded papers listed up to the last recorded list. Its facts repeat the figures of the time
split that `make bench` judges. The same recordings give the same model but for rounding.
"""

import json
import sys
from pathlib import Path

from newsletter.papers import forecast
from newsletter.papers.forecast import training
from tests.benchmarks import recordings
from tests.benchmarks.learned.recorded_forecast import (
    JUDGED,
    LISTS_UP_TO,
    TRAINED_BEFORE,
    judged,
    recorded_papers,
    split_model,
    with_outcome,
)

SHIPPED = Path(forecast.__path__[0]) / "shipped"


def make_model(path: Path) -> None:
    papers = recorded_papers()
    model = training.train(paper.example for paper in with_outcome(papers))
    figures = training.measure(split_model(papers), (paper.example for paper in judged(papers)))
    training.write(model, path)
    days = {
        "trained_before": TRAINED_BEFORE.isoformat(),
        "judged_from": JUDGED[0].isoformat(),
        "judged_to": JUDGED[1].isoformat(),
        "lists_up_to": LISTS_UP_TO.isoformat(),
    }
    facts = model.described() | {"time_split": figures._asdict() | days}
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if not recordings.are_at_hand():
        sys.exit("The recorded papers are not at hand: the shipped forecast stays as it is.")
    make_model(SHIPPED)

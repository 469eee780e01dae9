import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.forecast import features
from newsletter.papers.forecast.features import PaperText, hash_of
from newsletter.papers.forecast.figures import Figures
from newsletter.papers.forecast.model import Facts, ForecastModel, InvalidModel, check, load, load_shipped

FIGURES = Figures(0.84, 0.1, 75.0, 0.02, 5_000, 100, 17)
FINITE = st.floats(-100, 100, width=32)


def model_of(weights: dict[str, float], bias: float = -4.0) -> ForecastModel:
    """Return a model that knows these words, each with an idf of 1."""
    by_key = sorted((hash_of(word), weight) for word, weight in weights.items())
    days = date(2026, 3, 2), date(2026, 5, 29)
    facts = Facts(features.VERSION, bias, len(by_key), *days, 5_000, 300, FIGURES, date(2026, 5, 16))
    keys = np.array([key for key, _ in by_key], np.uint32)
    return ForecastModel(keys, np.ones(len(by_key), np.float32), np.array([w for _, w in by_key], np.float32), facts)


@given(st.dictionaries(st.text(min_size=1, max_size=8), FINITE, min_size=1, max_size=20), st.floats(-20, 20))
def test_a_model_comes_back_from_bytes_and_json_as_it_was(weights: dict[str, float], bias: float) -> None:
    model = model_of({word: weight for word, weight in weights.items() if word.isascii()} or {"model": 1.0}, bias)
    back = load(model.arrays(), json.loads(json.dumps(model.described())))
    assert back.facts == model.facts
    assert back.arrays() == model.arrays()


@given(st.text(max_size=200), st.text(max_size=500))
def test_every_text_gets_a_probability(title: str, abstract: str) -> None:
    [chance] = model_of({"model": 90.0, "the": -90.0}).score([PaperText(title, abstract)])
    assert 0 < chance < 1


def test_a_known_word_moves_the_probability_by_its_weight() -> None:
    chances = model_of({"model": 3.0}).score([PaperText("Model", ""), PaperText("Nothing", "")])
    assert chances == pytest.approx([1 / (1 + math.e), 1 / (1 + math.exp(4))])


def test_no_papers_have_no_scores() -> None:
    assert model_of({"model": 1.0}).score([]) == []


def test_papers_are_scored_alike_alone_and_together() -> None:
    papers = [PaperText(f"Model {number}", "of a thing " * number) for number in range(1_100)]
    model = model_of({"model": 1.0, "thing": 2.0, "7": 3.0})
    assert model.score(papers) == pytest.approx([model.score([paper])[0] for paper in papers])


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0"},
        {"feature_count": 3},
        {"feature_count": 0},
        {"feature_count": -1},
        {"version": features.VERSION + 1},
        {"bias": math.nan},
        {"bias": "much"},
        {"last_day": "yesterday"},
        {"figures": None},
        {"figures": {}},
    ],
)
def test_facts_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    model = model_of({"model": 1.0, "thing": 2.0})
    with pytest.raises(InvalidModel):
        load(model.arrays(), model.described() | change)


def test_numbers_that_do_not_fit_are_refused() -> None:
    model = model_of({"model": 1.0, "thing": 2.0})
    for changed in (
        replace(model, weights=model.weights * np.float32(np.nan)),
        replace(model, idf=model.idf * np.float32(0)),
        replace(model, keys=model.keys[::-1]),
        replace(model, weights=model.weights[:1]),
    ):
        with pytest.raises(InvalidModel):
            check(changed)
    with pytest.raises(InvalidModel):
        load(model.arrays()[:-1], model.described())


def test_the_shipped_model_is_small_and_better_than_chance() -> None:
    model = load_shipped()
    assert len(model.arrays()) < 1_000_000
    assert model.facts.figures.auc > 0.8
    likely, unlikely = model.score(
        [
            PaperText("An Open Agentic Reasoning Model", "We release code at https://github.com/a/b.", ("cs.CL",), 20),
            PaperText("On a Theorem about Lattices", "We prove a lemma.", ("math.CO",), 1),
        ]
    )
    assert likely > 5 * unlikely


def test_scoring_imports_no_training() -> None:
    code = (
        "import sys; from newsletter.papers.forecast.model import load_shipped; load_shipped().score([])\n"
        "assert not {'sklearn', 'scipy', 'joblib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=True)

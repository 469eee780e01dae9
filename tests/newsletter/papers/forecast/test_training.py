import json
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from newsletter.papers.forecast import training
from newsletter.papers.forecast.features import PaperText
from newsletter.papers.forecast.model import load
from newsletter.papers.forecast.training import Example, TooFewExamples, forget_later_votes, measure, train

FIRST = date(2026, 3, 2)
DAYS = 60
WORDS = [f"word{number}" for number in range(300)]


def made_up(count: int = 3_600, seed: int = 1) -> list[Example]:
    """Return papers of random words, listed over DAYS days; those about agents are voted on, mostly a day later."""
    draw = random.Random(seed)
    return [one_of(draw, FIRST + timedelta(days=number * DAYS // count)) for number in range(count)]


def one_of(draw: random.Random, day: date) -> Example:
    is_voted = draw.random() < 0.15
    about = ["agents"] if is_voted or draw.random() < 0.1 else []
    text = PaperText(" ".join(draw.choices(WORDS, k=5)), " ".join(draw.choices(WORDS, k=40) + about), ("cs.AI",), 3)
    return Example(text, day, day + timedelta(days=draw.choice([0, 1, 2])) if is_voted else None, 9 * is_voted)


def lines_of(examples: list[Example]) -> str:
    return "".join(
        json.dumps(
            text._asdict() | {"listed_on": str(listed_on), "voted_on": voted_on and str(voted_on), "votes": votes}
        )
        + "\n"
        for text, listed_on, voted_on, votes in examples
    )


def run(path: Path, lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", training.__name__, str(path)],
        input=lines,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_training_finds_what_the_voted_papers_are_about() -> None:
    model = train(made_up())
    assert model.facts.figures.auc > 0.9
    assert measure(model, made_up(seed=2)).auc > 0.9
    with_it, without = model.score([PaperText("word1", "word2 agents"), PaperText("word1", "word2")])
    assert with_it > 5 * without


def test_its_probabilities_are_those_of_a_vote_after_the_listing_day() -> None:
    fresh = [example for example in made_up(seed=3) if example.is_open]
    scores = train(made_up()).score(example.text for example in fresh)
    late = sum(example.is_voted for example in fresh) / len(fresh)
    assert sum(scores) / len(scores) == pytest.approx(late, rel=0.25)


def test_the_same_examples_give_the_same_model_but_for_rounding() -> None:
    texts = [example.text for example in made_up(seed=2)[:100]]
    one, other = train(made_up()), train(made_up())
    assert one.keys.tolist() == other.keys.tolist()
    assert one.score(texts) == pytest.approx(other.score(texts), rel=1e-4)


def test_the_facts_say_what_it_was_trained_and_measured_on() -> None:
    examples = made_up()
    facts = train(examples).facts
    assert (facts.first_day, facts.last_day) == (FIRST, FIRST + timedelta(days=DAYS - 1))
    assert facts.papers == len(examples)
    assert facts.voted == sum(example.is_voted for example in examples)
    assert facts.figures_first_day == facts.last_day - timedelta(days=13)
    assert facts.figures.days == 14


def test_votes_that_came_later_are_not_known_before() -> None:
    example = Example(PaperText("", ""), FIRST, FIRST + timedelta(days=1), 9)
    assert not forget_later_votes(example, FIRST + timedelta(days=1)).is_voted
    assert forget_later_votes(example, FIRST + timedelta(days=2)) == example


@pytest.mark.parametrize(
    "examples",
    [
        [],
        made_up(2_999),
        [example._replace(voted_on=None, votes=0) for example in made_up()],
        [example._replace(voted_on=example.voted_on and example.listed_on) for example in made_up()],
    ],
    ids=["none", "too few", "no votes", "all votes on the listing day"],
)
def test_too_few_examples_train_nothing(examples: list[Example]) -> None:
    with pytest.raises(TooFewExamples):
        train(examples)


def test_a_process_of_its_own_writes_what_training_returns(tmp_path: Path) -> None:
    done = run(tmp_path / "model", lines_of(made_up()))
    assert done.returncode == 0, done.stderr
    described = json.loads((tmp_path / "model.json").read_text())
    assert json.loads(done.stdout) == described
    model = load((tmp_path / "model.bin").read_bytes(), described)
    texts = [example.text for example in made_up(seed=2)[:100]]
    assert model.score(texts) == pytest.approx(train(made_up()).score(texts), rel=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.json"]


def test_a_process_without_enough_papers_ends_with_a_status_of_its_own(tmp_path: Path) -> None:
    done = run(tmp_path / "model", lines_of(made_up(50)))
    assert done.returncode == training.TOO_FEW
    assert "50 papers" in done.stderr
    assert not list(tmp_path.iterdir())

"""The step that trains a forecast from papers and votes, in a process of its own: the only module with scikit-learn.

    python -m newsletter.papers.forecast.training PATH < papers.jsonl

reads a paper a line (see `example_in`), writes PATH.bin and PATH.json, and prints the latter. It ends with status 3
and one line of explanation where there are too few papers, and is killed where it takes too long; it opens no
connection and no database.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from newsletter.papers.forecast import features
from newsletter.papers.forecast.features import Features, Keys, PaperText
from newsletter.papers.forecast.figures import Figures, Outcome, figures_of
from newsletter.papers.forecast.model import (
    AT_ONCE,
    Facts,
    Floats,
    ForecastModel,
    batch_features,
    check,
    locate_features,
)

MIN_PAPERS = 3_000
MIN_VOTED = 200
# The last days, on which a model that has not seen them is measured and calibrated, and of their papers at least so
# many that got their first vote after the listing day.
MEASURED = timedelta(days=14)
MIN_LATE = 10

FEATURES = 1 << 15  # the most frequent ones are kept
MIN_DOCUMENTS = 3  # that have a feature
INVERSE_PENALTY = 2.0  # scikit-learn's C
MAX_ITERATIONS = 300
# A voted paper weighs this, and a third of the logarithm of its votes: .7 at one vote, 2 at a hundred.
VOTED_WEIGHT = 0.5
VOTES_DIVISOR = 3.0

MAX_CPU_SECONDS = 300
MAX_MEGABYTES = 1_000
TOO_FEW = 3  # exit status

Matrix = Any  # scipy's csr_matrix, which has no types
Bools = npt.NDArray[np.bool_]


class TooFewExamples(Exception):
    """There are too few papers, or too few with votes, to train or measure a forecast. Nothing was written."""


class Example(NamedTuple):
    """A paper and what came of it, as far as it is known when the forecast is trained."""

    text: PaperText
    listed_on: date
    voted_on: date | None  # the day of its first vote, or of the community's list that it came to
    votes: int

    @property
    def is_voted(self) -> bool:
        return self.voted_on is not None

    @property
    def is_open(self) -> bool:
        """Say whether it had no vote by the end of its listing day."""
        return self.voted_on is None or self.voted_on > self.listed_on

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.listed_on, None if self.voted_on is None else self.votes)


class Read(NamedTuple):
    """Examples as training needs them: their features in place of their text, which takes ten times the memory."""

    papers: list[Features]
    examples: list[Example]

    def where(self, is_wanted: Bools) -> "Read":
        wanted = np.flatnonzero(is_wanted).tolist()
        return Read([self.papers[place] for place in wanted], [self.examples[place] for place in wanted])


def train(examples: Iterable[Example]) -> ForecastModel:
    """Train on all `examples`; its figures and calibration are those of a model that has not seen the last two weeks.

    The same examples in the same order give the same model but for rounding: the linear algebra beneath adds in an
    order that depends on where arrays lie in memory. Raise TooFewExamples.
    """
    read = read_features(examples)
    require(read.examples)
    measured_from = max(example.listed_on for example in read.examples) - MEASURED + timedelta(days=1)
    is_measured = np.array([example.listed_on >= measured_from for example in read.examples])
    is_open = np.array([example.is_open for example in read.examples])
    judged = read.where(is_measured & is_open)
    require_late(judged.examples)
    earlier = fit_model(examples_known_before(measured_from, read.where(~is_measured)))
    slope, shift = calibration(log_odds(earlier, judged.papers), judged.examples)
    figures = figures_on(log_odds(earlier, judged.papers).tolist(), judged.examples)
    model = apply_calibration(fit_model(read), slope, shift)
    return check(replace(model, facts=replace(model.facts, figures=figures, figures_first_day=measured_from)))


def measure(model: ForecastModel, examples: Iterable[Example]) -> Figures:
    """Measure a model on the open ones of `examples`. Raise TooFewExamples where none or all of them were voted on."""
    those = [example for example in examples if example.is_open]
    return figures_on(model.score(example.text for example in those), those)


def figures_on(scores: Sequence[float], examples: Sequence[Example]) -> Figures:
    try:
        return figures_of(scores, [example.outcome for example in examples])
    except ValueError as exc:
        raise TooFewExamples(str(exc)) from exc


def read_features(examples: Iterable[Example]) -> Read:
    read = Read([], [])
    for example in examples:
        read.papers.append(features.features_of(example.text))
        read.examples.append(example._replace(text=NO_TEXT))
    return read


NO_TEXT = PaperText("", "")


def require(examples: Sequence[Example]) -> None:
    voted = sum(example.is_voted for example in examples)
    if len(examples) < MIN_PAPERS or voted < MIN_VOTED:
        raise TooFewExamples(
            f"{len(examples):,} papers, {voted:,} of them with votes: it takes {MIN_PAPERS:,} and {MIN_VOTED:,}."
        )


def require_late(judged: Sequence[Example]) -> None:
    late = sum(example.is_voted for example in judged)
    if late < MIN_LATE:
        raise TooFewExamples(
            f"{late:,} papers of the last {MEASURED.days} days got their first vote after their listing day: "
            f"it takes {MIN_LATE}."
        )


def examples_known_before(day: date, read: Read) -> Read:
    """Return the examples with what was known of them before `day`: later votes are taken away."""
    return Read(read.papers, [forget_later_votes(example, day) for example in read.examples])


def forget_later_votes(example: Example, day: date) -> Example:
    is_later = example.voted_on is not None and example.voted_on >= day
    return example._replace(voted_on=None, votes=0) if is_later else example


def fit_model(read: Read) -> ForecastModel:
    """Return a model that is neither calibrated nor measured. Raise TooFewExamples where none is voted on, or all."""
    voted = np.array([example.is_voted for example in read.examples])
    if not 0 < voted.sum() < len(voted):
        raise TooFewExamples("There must be papers with votes and papers without.")
    keys, documents = frequent_keys(read.papers)
    idf = (np.log((1 + len(voted)) / (1 + documents)) + 1).astype(np.float32)
    regression = LogisticRegression(C=INVERSE_PENALTY, solver="liblinear", max_iter=MAX_ITERATIONS, random_state=0)
    regression.fit(matrix_of(keys, idf, read.papers), voted, weights_of(read.examples))
    weights = regression.coef_[0].astype(np.float32)
    return ForecastModel(keys, idf, weights, facts_of(read.examples, len(keys), float(regression.intercept_[0])))


def frequent_keys(papers: Sequence[Features]) -> tuple[Keys, npt.NDArray[np.int64]]:
    """Return the keys most papers have, rising, and how many have each. Raise TooFewExamples where there is none."""
    keys, documents = np.unique(np.concatenate([paper.keys for paper in papers]), return_counts=True)
    order = np.argsort(-documents, kind="stable")[:FEATURES]
    kept = np.sort(order[documents[order] >= MIN_DOCUMENTS])
    if not len(kept):
        raise TooFewExamples("The papers have no words in common.")
    return keys[kept], documents[kept]


def matrix_of(keys: Keys, idf: Floats, papers: Sequence[Features]) -> Matrix:
    """Return TF-IDF rows of length 1 (papers × keys), as ForecastModel makes them; by batches, which halves memory."""
    return sparse.vstack([rows_of(keys, idf, some) for some in batch_features(iter(papers), AT_ONCE)], format="csr")


def rows_of(keys: Keys, idf: Floats, papers: Sequence[Features]) -> Matrix:
    places, counts, rows = locate_features(keys, papers)
    parts = (1 + np.log(counts)) * idf[places]
    squares = np.bincount(rows, parts**2, len(papers))
    values = parts / np.sqrt(squares[rows])
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(papers)))])
    return sparse.csr_matrix((values, places.astype(np.int32), starts.astype(np.int32)), (len(papers), len(keys)))


def weights_of(examples: Sequence[Example]) -> npt.NDArray[np.float64]:
    votes = np.array([example.votes for example in examples], np.float64)
    voted = np.array([example.is_voted for example in examples])
    return np.where(voted, VOTED_WEIGHT + np.log1p(votes) / VOTES_DIVISOR, 1.0)


def facts_of(examples: Sequence[Example], feature_count: int, bias: float) -> Facts:
    days = [example.listed_on for example in examples]
    voted = sum(example.is_voted for example in examples)
    return Facts(
        version=features.VERSION,
        bias=bias,
        feature_count=feature_count,
        first_day=min(days),
        last_day=max(days),
        papers=len(examples),
        voted=voted,
        figures=UNMEASURED,
        figures_first_day=max(days),
    )


UNMEASURED = Figures(0.5, 0.0, 0.0, 0.0, 0, 0, 0)


def log_odds(model: ForecastModel, papers: Sequence[Features]) -> npt.NDArray[np.float64]:
    rows = matrix_of(model.keys, model.idf, papers)
    return cast("npt.NDArray[np.float64]", rows @ model.weights.astype(np.float64) + model.facts.bias)


def calibration(odds: npt.NDArray[np.float64], judged: Sequence[Example]) -> tuple[float, float]:
    """Return slope and shift that turn `odds` into log-odds of a later vote (Platt 1999).

    The slope is positive: an order that is no better than chance raises TooFewExamples.
    """
    regression = LogisticRegression(C=1e6).fit(odds.reshape(-1, 1), [example.is_voted for example in judged])
    slope = float(regression.coef_[0][0])
    if slope <= 0:
        raise TooFewExamples("On the last days the forecast was no better than chance.")
    return slope, float(regression.intercept_[0])


def apply_calibration(model: ForecastModel, slope: float, shift: float) -> ForecastModel:
    facts = replace(model.facts, bias=slope * model.facts.bias + shift)
    return replace(model, weights=(slope * model.weights).astype(np.float32), facts=facts)


def read_examples(lines: Iterable[str]) -> Iterator[Example]:
    return (parse_example(json.loads(line)) for line in lines)


def parse_example(row: dict[str, Any]) -> Example:
    """Read {"title", "abstract", "categories", "author_count", "listed_on", "voted_on" (or null), "votes"}."""
    text = PaperText(row["title"], row["abstract"], tuple(row["categories"]), row["author_count"])
    voted_on = date.fromisoformat(row["voted_on"]) if row["voted_on"] else None
    return Example(text, date.fromisoformat(row["listed_on"]), voted_on, row["votes"])


def write(model: ForecastModel, path: Path) -> str:
    """Write PATH.bin, then PATH.json, each at once; return what stands in the latter."""
    described = json.dumps(model.described(), indent=2) + "\n"
    replace_file(path.with_suffix(".bin"), model.arrays())
    replace_file(path.with_suffix(".json"), described.encode())
    return described


def replace_file(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


def limit_this_process() -> None:
    """Bound processor time and, where the system can (Linux), the memory of its own that this process may hold."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    if sys.platform == "linux":
        size = MAX_MEGABYTES * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main(path: str) -> int:
    limit_this_process()
    try:
        model = train(read_examples(sys.stdin))
    except TooFewExamples as exc:
        print(exc, file=sys.stderr)
        return TOO_FEW
    print(write(model, Path(path)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

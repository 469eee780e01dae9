"""Make the weights of summaries from recordings: `make models` writes newsletter/papers/summary/weights.json.

Ridge regression of ROUGE-1 F on the features of statements, both taken as differences from the mean of the paper, for
only statements of one abstract are ever compared. The result depends on the recordings alone.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from newsletter.papers.summary import summarize
from tests.benchmarks.learned.recorded_summaries import Recorded, read_recorded, rouge1_f
from tests.benchmarks.recordings import HF_DAILY

FEWEST = 40  # statements a feature must stand in; rarer words only fit the recordings
PENALTY = 20.0  # of ridge regression; 10 to 80 differ by .0003
STEPS = 200  # of conjugate gradients, far more than it takes
ENOUGH = 1e-10  # of the squared residual it started with
DIGITS = 5


class Row(NamedTuple):
    """Hold a statement's features and ROUGE-1 F, both less the mean over its paper."""

    features: Mapping[str, float]
    figure: float


def weights_of(papers: Iterable[Recorded]) -> dict[str, float]:
    """Return a weight for each feature that is frequent enough, ordered by name."""
    per_paper = [rows for paper in papers if (rows := _rows(paper))]
    counts = Counter(name for rows in per_paper for row in rows for name in row.features)
    names = sorted(name for name, count in counts.items() if count >= FEWEST)
    rows = [row for rows in per_paper for row in _centred(rows, set(names))]
    return dict(zip(names, solve(*_equations(rows, names)), strict=True))


def _rows(paper: Recorded) -> list[Row]:
    return [
        Row(statement.features, rouge1_f(statement.text, paper.reference))
        for statement in summarize.statements(paper.abstract, paper.title)
    ]


def _centred(rows: Sequence[Row], names: set[str]) -> list[Row]:
    means: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        for name, value in row.features.items():
            if name in names:
                means[name] += value / len(rows)
    figure = sum(row.figure for row in rows) / len(rows)
    return [
        Row({name: row.features.get(name, 0.0) - mean for name, mean in means.items()}, row.figure - figure)
        for row in rows
    ]


def _equations(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[list[float]], list[float]]:
    """Return the matrix and the right side of the normal equations, the penalty on the diagonal."""
    index = {name: at for at, name in enumerate(names)}
    matrix = [[PENALTY if row == column else 0.0 for column in range(len(names))] for row in range(len(names))]
    right = [0.0] * len(names)
    for row in rows:
        values = [(index[name], value) for name, value in row.features.items() if value]
        for at, value in values:
            right[at] += value * row.figure
            line = matrix[at]
            for other, factor in values:
                line[other] += value * factor
    return matrix, right


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Return the solution of a symmetric, positive definite system, by conjugate gradients.

    >>> [round(value, 6) for value in solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])]
    [1.0, 0.5]
    """
    solution, residual = [0.0] * len(right), list(right)
    direction, size = list(residual), _dot(residual, residual)
    enough = ENOUGH * size
    for _ in range(STEPS):
        if size <= enough:
            break
        image = [_dot(line, direction) for line in matrix]
        step = size / _dot(direction, image)
        solution = _added(solution, step, direction)
        residual = _added(residual, -step, image)
        size, before = _dot(residual, residual), size
        direction = _added(residual, size / before, direction)
    return solution


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _added(vector: Sequence[float], factor: float, other: Sequence[float]) -> list[float]:
    return [a + factor * b for a, b in zip(vector, other, strict=True)]


def write_weights(folder: Path, path: Path = summarize.WEIGHTS) -> None:
    """Write the weights made from all recorded papers of `folder`; safe to repeat."""
    weights = {name: round(value, DIGITS) for name, value in weights_of(read_recorded(folder)).items()}
    path.write_text(json.dumps(weights, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_weights(HF_DAILY)

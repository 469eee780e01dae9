"""A trained forecast: what it holds, how it scores papers, how it is kept and read. NumPy alone, never a pickle.

It is kept as two values: `arrays`, plain little-endian numbers one after another, and `facts`, which JSON can hold.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib import resources
from itertools import islice
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from newsletter.papers.forecast import features
from newsletter.papers.forecast.features import Features, Keys, PaperText
from newsletter.papers.forecast.figures import Figures

MAX_FEATURES = 1 << 16
BYTES_A_FEATURE = 12
MAX_LOG_ODDS = 30.0
AT_ONCE = 512  # papers whose features are in memory together, about 3 MB

Floats = npt.NDArray[np.float32]


class InvalidModel(Exception):
    """What was read is no forecast that this version can use. Nothing was loaded."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Where a forecast comes from; dates are listing days, the last ones included."""

    version: int  # of features.py
    bias: float
    feature_count: int
    first_day: date
    last_day: date
    papers: int
    voted: int
    # On the last days, by a model that was trained on the days before them.
    figures: Figures
    figures_first_day: date


@dataclass(frozen=True, slots=True, eq=False)
class ForecastModel:
    """The weights of a logistic regression on TF-IDF; all arrays have one length, `facts.feature_count`.

    Make it with `checked`. A feature that is not among `keys` counts nothing.
    """

    keys: Keys  # rising
    idf: Floats
    weights: Floats
    facts: Facts

    def score(self, papers: Iterable[PaperText]) -> list[float]:
        """Return for each paper the probability that it gets its first vote after its listing day, in order.

        A paper of whose features none is known gets what the bias alone says.
        """
        found = map(features.features_of, papers)
        return [chance for some in batch_features(found, AT_ONCE) for chance in self._chances(some)]

    def _chances(self, some: Sequence[Features]) -> list[float]:
        places, counts, rows = locate_features(self.keys, some)
        parts = (1 + np.log(counts)) * self.idf[places]
        squares = np.bincount(rows, parts**2, len(some))
        sums = np.bincount(rows, parts * self.weights[places], len(some))
        log_odds = sums / np.sqrt(np.where(squares > 0, squares, 1)) + self.facts.bias
        chances = 1 / (1 + np.exp(-np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS)))
        return cast("list[float]", chances.tolist())

    def arrays(self) -> bytes:
        """Return the numbers: all keys (uint32), all idf (float32), all weights (float32), little-endian."""
        columns = self.keys.astype("<u4"), self.idf.astype("<f4"), self.weights.astype("<f4")
        return b"".join(column.tobytes() for column in columns)

    def described(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them, with a checksum of the arrays."""
        facts = asdict(self.facts) | {"figures": self.facts.figures._asdict()}
        plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}
        return plain | {"sha256": hashlib.sha256(self.arrays()).hexdigest()}


def locate_features(keys: Keys, some: Sequence[Features]) -> tuple[npt.NDArray[np.intp], Floats, npt.NDArray[np.intp]]:
    """Return the places in `keys`, counts and row numbers of those features of `some` papers that are among `keys`."""
    all_keys = np.concatenate([one.keys for one in some])
    counts = np.concatenate([one.counts for one in some])
    rows = np.repeat(np.arange(len(some)), [len(one.keys) for one in some])
    places = np.minimum(np.searchsorted(keys, all_keys), len(keys) - 1)
    is_known = keys[places] == all_keys
    return places[is_known], counts[is_known], rows[is_known]


def batch_features(found: Iterator[Features], size: int) -> Iterator[list[Features]]:
    while some := list(islice(found, size)):
        yield some


def load_shipped() -> ForecastModel:
    """Return the model that ships with the product. Raise InvalidModel where the files do not belong together."""
    folder = resources.files(__package__)
    facts = json.loads(folder.joinpath("shipped.json").read_text("utf-8"))
    return load(folder.joinpath("shipped.bin").read_bytes(), facts)


def load(arrays: bytes, described: Mapping[str, Any]) -> ForecastModel:
    """Return the model that `arrays` and `described` came from. Raise InvalidModel where they are no such pair."""
    if hashlib.sha256(arrays).hexdigest() != described.get("sha256"):
        raise InvalidModel("The numbers are not those that the facts describe.")
    facts = parse_facts(described)
    if not 0 < facts.feature_count <= MAX_FEATURES or len(arrays) != BYTES_A_FEATURE * facts.feature_count:
        raise InvalidModel(f"{len(arrays)} bytes do not hold {facts.feature_count} features.")
    keys = np.frombuffer(arrays, "<u4", facts.feature_count).astype(np.uint32)
    idf, weights = np.frombuffer(arrays, "<f4", offset=keys.nbytes).astype(np.float32).reshape(2, -1)
    return check(ForecastModel(keys, idf, weights, facts))


def parse_facts(described: Mapping[str, Any]) -> Facts:
    """Read facts from JSON. Raise InvalidModel where one is missing or of another kind."""
    try:
        return Facts(
            version=int(described["version"]),
            bias=float(described["bias"]),
            feature_count=int(described["feature_count"]),
            first_day=date.fromisoformat(described["first_day"]),
            last_day=date.fromisoformat(described["last_day"]),
            papers=int(described["papers"]),
            voted=int(described["voted"]),
            figures=parse_figures(described["figures"]),
            figures_first_day=date.fromisoformat(described["figures_first_day"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise InvalidModel(f"The facts are not whole: {exc!r}") from exc


def parse_figures(found: Mapping[str, Any]) -> Figures:
    return Figures(
        auc=float(found["auc"]),
        first40=float(found["first40"]),
        first40_votes=float(found["first40_votes"]),
        share=float(found["share"]),
        papers=int(found["papers"]),
        voted=int(found["voted"]),
        days=int(found["days"]),
    )


def check(model: ForecastModel) -> ForecastModel:
    """Return `model` where it can score any paper. Raise InvalidModel otherwise."""
    facts = model.facts
    if facts.version != features.VERSION:
        raise InvalidModel(f"It reads papers by version {facts.version}, this product by {features.VERSION}.")
    if not 0 < facts.feature_count <= MAX_FEATURES:
        raise InvalidModel(f"It has {facts.feature_count} features.")
    if any(array.shape != (facts.feature_count,) for array in (model.keys, model.idf, model.weights)):
        raise InvalidModel("Its arrays are of different lengths.")
    if not (np.isfinite(model.idf).all() and np.isfinite(model.weights).all() and np.isfinite(facts.bias)):
        raise InvalidModel("A number in it is not finite.")
    if not (model.idf > 0).all() or not (model.keys[1:] > model.keys[:-1]).all():
        raise InvalidModel("Its keys do not rise, or an idf is not positive.")
    return model

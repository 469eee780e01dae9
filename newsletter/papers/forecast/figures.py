"""How good a forecast is, in numbers: what training says of a model, and the benchmark of all. Pure.

Judged are open papers only, those without a vote by the end of their listing day: the others need no forecast.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FIRST = 40  # places in an issue's front


class Outcome(NamedTuple):
    """An open paper, and what came of it: the votes it got later, None where it got into no list and no vote."""

    listed_on: date
    votes: int | None

    @property
    def is_voted(self) -> bool:
        return self.votes is not None


class Figures(NamedTuple):
    """What a forecast did on open papers; shares lie between 0 and 1."""

    auc: float  # how often a voted paper stands above one that is not; by chance 0.5
    first40: float  # share of voted ones among the first forty of each day
    first40_votes: float  # later votes of a day's first forty together, in the mean
    share: float  # of voted ones among all
    papers: int
    voted: int
    days: int


def figures_of(scores: Sequence[float], outcomes: Sequence[Outcome]) -> Figures:
    """Measure an order by `scores`, best first; equal ones keep their order. Raise ValueError without both kinds."""
    voted = np.array([outcome.is_voted for outcome in outcomes], bool)
    firsts = [outcomes[place] for place in firsts_by_day(scores, outcomes)]
    days = {outcome.listed_on for outcome in outcomes}
    return Figures(
        auc=auc_of(np.asarray(scores, np.float64), voted),
        first40=float(np.mean([outcome.is_voted for outcome in firsts])),
        first40_votes=sum(outcome.votes or 0 for outcome in firsts) / len(days),
        share=float(voted.mean()),
        papers=len(outcomes),
        voted=int(voted.sum()),
        days=len(days),
    )


def firsts_by_day(scores: Sequence[float], outcomes: Sequence[Outcome]) -> list[int]:
    """Return the places in `outcomes` of each day's best FIRST papers."""
    by_day: dict[date, list[int]] = {}
    for place in sorted(range(len(outcomes)), key=lambda place: -scores[place]):
        by_day.setdefault(outcomes[place].listed_on, []).append(place)
    return [place for places in by_day.values() for place in places[:FIRST]]


def auc_of(scores: npt.NDArray[np.float64], voted: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, ties counted half. Raise ValueError without both kinds.

    >>> auc_of(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    voted_count, other_count = int(voted.sum()), int((~voted).sum())
    if not voted_count or not other_count:
        raise ValueError("There must be papers with votes and papers without.")
    _, places, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]
    return float((ranks[voted].sum() - voted_count * (voted_count + 1) / 2) / (voted_count * other_count))


def is_no_worse(figures: Figures, former: Figures, deviations: float = 1.0) -> bool:
    """Say whether `figures` are as good as `former`, chance aside: its standard deviation, times `deviations`.

    Two weeks hold a hundred voted papers or fewer, and an AUC of them varies by .02: without this allowance one lucky
    fortnight would keep its model for ever.
    """
    worse_auc = former.auc - figures.auc
    worse_first = former.first40 - figures.first40
    return worse_auc <= deviations * auc_deviation(figures) and worse_first <= deviations * first_deviation(figures)


def auc_deviation(figures: Figures) -> float:
    """Return the standard deviation of an AUC (Hanley and McNeil 1982)."""
    auc, voted, others = figures.auc, figures.voted, figures.papers - figures.voted
    both_voted = auc / (2 - auc) - auc**2
    both_others = 2 * auc**2 / (1 + auc) - auc**2
    variance = (auc * (1 - auc) + (voted - 1) * both_voted + (others - 1) * both_others) / (voted * others)
    return float(np.sqrt(variance))


def first_deviation(figures: Figures) -> float:
    """Return the standard deviation of `first40`, a share of as many as FIRST a day."""
    seen = max(1, min(figures.papers, FIRST * figures.days))
    share = max(figures.first40, 1 / seen)
    return float(np.sqrt(share * (1 - share) / seen))

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.forecast.figures import Figures, Outcome, auc_of, figures_of, is_no_worse

DAY, NEXT_DAY = date(2026, 5, 4), date(2026, 5, 5)
GOOD = Figures(0.84, 0.10, 75.0, 0.02, 5_000, 100, 17)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_area_is_the_share_of_pairs_in_order_with_ties_counted_half(papers: list[tuple[int, bool]]) -> None:
    voted, others = ([score for score, is_voted in papers if is_voted is kind] for kind in (True, False))
    if voted and others:
        wins = [(one > other) + (one == other) / 2 for one in voted for other in others]
        found = auc_of(np.array([score for score, _ in papers], float), np.array([kind for _, kind in papers]))
        assert found == pytest.approx(sum(wins) / len(wins))


def test_the_first_forty_are_those_of_each_day() -> None:
    outcomes = [Outcome(DAY, None) for _ in range(50)] + [Outcome(NEXT_DAY, 7)]
    figures = figures_of([1.0] * 50 + [0.0], outcomes)
    assert figures.first40 == pytest.approx(1 / 41)
    assert figures.first40_votes == 3.5
    assert figures.auc == 0


def test_papers_of_one_kind_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="with votes and papers without"):
        figures_of([0.5], [Outcome(DAY, None)])


def test_a_forecast_is_no_worse_within_what_chance_does() -> None:
    assert is_no_worse(GOOD, GOOD)
    assert is_no_worse(GOOD._replace(auc=0.83), GOOD)
    assert not is_no_worse(GOOD._replace(auc=0.80), GOOD)
    assert not is_no_worse(GOOD._replace(first40=0.05), GOOD)
    assert not is_no_worse(GOOD._replace(auc=0.83), GOOD, deviations=0)

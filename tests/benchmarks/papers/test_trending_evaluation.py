import pytest

from tests.benchmarks.papers import trending_evaluation
from tests.benchmarks.papers.trending_evaluation import Seen, overlaps_in_the_morning, snapshots_in, stays
from tests.newsletter.papers.trending.test_formula import SHIPPED
from tests.recordings import SHARED

SNAPSHOTS = SHARED / "data" / "hf_daily" / "snapshots"


def test_papers_that_tie_with_the_last_of_the_first_count_among_them() -> None:
    last = {"a": 9, "b": 5, "c": 5, "d": 1}
    assert stays({"a": 3, "c": 2, "b": 1}, last, first=2) == 2
    assert stays({"d": 3, "a": 1}, last, first=1) == 0


def test_a_listing_without_a_later_snapshot_has_nothing_to_compare() -> None:
    assert overlaps_in_the_morning([], SHIPPED) == []


@pytest.mark.skipif(not SNAPSHOTS.is_dir(), reason="the recordings are not at hand")
def test_the_formula_keeps_a_mornings_order_as_well_as_its_votes_alone() -> None:
    snapshots = snapshots_in(SNAPSHOTS)
    assert len(snapshots) == 9
    for overlap in (*overlaps_in_the_morning(snapshots, SHIPPED), *trending_evaluation.overlaps(snapshots, SHIPPED)):
        assert overlap.by_formula >= overlap.by_votes


@pytest.mark.skipif(not SNAPSHOTS.is_dir(), reason="the recordings are not at hand")
def test_a_snapshot_knows_its_day_its_hour_and_its_votes() -> None:
    first: Seen = snapshots_in(SNAPSHOTS)[0]
    assert (first.listed_on.isoformat(), first.seen_at.hour, len(first.votes), max(first.votes.values())) == (
        "2025-01-08", 17, 13, 39,
    )  # fmt: skip

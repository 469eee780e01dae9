from datetime import timedelta

import pytest

from digests.statistics import number_format
from digests.statistics.issue_counts import Counts, Delay


@pytest.mark.parametrize(
    ("count", "whole", "words"),
    [(1000, 1000, "100.0 %"), (999, 1000, "99.9 %"), (1, 1000, "0.10 %"), (0, 1000, "0 %"), (0, 0, "")],
)
def test_a_share_has_two_places_where_it_is_small(count: int, whole: int, words: str) -> None:
    assert number_format.share(count, whole) == words


def test_what_was_reported_is_a_share_of_what_was_sent() -> None:
    lines = {
        line.name: line.share
        for line in number_format.build_lines(Counts(eligible=200, sent=100, skipped=100, bounced=5))
    }
    assert (lines["Sent"], lines["Skipped"], lines["Bounced"]) == ("50.0 %", "50.0 %", "5.0 %")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"), (90_061, "25 h 1 min")],
)
def test_a_duration_is_written_by_its_two_largest_units(seconds: int, words: str) -> None:
    assert number_format.span(timedelta(seconds=seconds)) == words


def test_a_delay_says_over_how_many_copies() -> None:
    delay = Delay(1200, timedelta(seconds=4), timedelta(seconds=70))
    assert number_format.describe_delay(delay) == "half within 4 s, 99 % within 1 min 10 s (1,200 copies)"
    assert number_format.describe_delay(None) == "not known"

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.source_health import (
    Freshness,
    Health,
    brief_listings,
    freshness_of,
    listings_line,
    weekdays_between,
)

FRIDAY, SATURDAY, MONDAY = date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 4)
NOW = datetime(2026, 5, 4, 5, tzinfo=UTC)
FRESH = Health("arXiv cs.CL", MONDAY, 100, 100.0, NOW, is_empty=False, failure_count=0)


@pytest.mark.parametrize(
    ("changes", "day", "state"),
    [
        ({}, MONDAY, Freshness.FRESH),
        ({"listing_size": 20}, MONDAY, Freshness.PARTIAL),
        ({"fresh_on": FRIDAY}, MONDAY, Freshness.AWAITED),
        ({"fresh_on": None, "answered_at": None}, MONDAY, Freshness.AWAITED),
        ({"fresh_on": FRIDAY, "is_empty": True}, MONDAY, Freshness.EMPTY),
        ({"fresh_on": FRIDAY}, SATURDAY, Freshness.WEEKEND),
        ({"fresh_on": FRIDAY - timedelta(days=2)}, MONDAY, Freshness.STALE),
        ({"fresh_on": FRIDAY, "failure_count": 1}, MONDAY, Freshness.FAILING),
        ({"failure_count": 3}, MONDAY, Freshness.FRESH),
    ],
)
def test_weekend_holiday_stale_failing_and_partial_are_distinguished(
    changes: dict[str, Any], day: date, state: Freshness
) -> None:
    assert freshness_of(replace(FRESH, **changes), day, NOW) == state


def test_the_line_names_what_an_issue_holds_and_what_it_lacks() -> None:
    late = replace(FRESH, name="arXiv cs.RO", fresh_on=FRIDAY)
    assert (
        listings_line([FRESH, late], MONDAY, NOW) == "arXiv cs.CL of 4 May; arXiv cs.RO of 1 May; awaited: arXiv cs.RO"
    )


def test_a_list_that_is_complete_a_day_later_is_not_awaited_on_its_own_day() -> None:
    daily = replace(FRESH, name="Hugging Face daily papers", fresh_on=FRIDAY, lists_afterwards=True)
    assert freshness_of(daily, MONDAY, NOW) == Freshness.FRESH
    assert listings_line([daily], MONDAY, NOW) == "Hugging Face daily papers of 1 May"
    late = replace(daily, fresh_on=FRIDAY - timedelta(days=1), is_empty=True)
    assert listings_line([late], MONDAY, NOW).endswith("; awaited: Hugging Face daily papers")
    assert freshness_of(replace(daily, fresh_on=FRIDAY - timedelta(days=2)), MONDAY, NOW) == Freshness.STALE


def test_an_empty_category_is_no_holiday_while_others_list_papers() -> None:
    arxiv = replace(FRESH, group="arxiv")
    empty = replace(arxiv, name="arXiv econ", fresh_on=FRIDAY, is_empty=True)
    assert listings_line([arxiv, empty], MONDAY, NOW).endswith("; nothing listed: arXiv econ")


def test_it_is_a_holiday_where_every_category_is_empty() -> None:
    empty = replace(FRESH, group="arxiv", fresh_on=FRIDAY, is_empty=True)
    other = replace(empty, name="arXiv econ")
    assert listings_line([empty, other], MONDAY, NOW).endswith("; holiday: arXiv cs.CL, arXiv econ")


def test_the_line_without_any_listing_states_that_there_is_none() -> None:
    assert listings_line([], MONDAY, NOW) == "no listing"


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 400))
def test_five_days_of_seven_are_weekdays(start: date, weeks: int) -> None:
    assert weekdays_between(start, start + timedelta(weeks=weeks)) == 5 * weeks


@pytest.mark.parametrize(
    ("line", "brief"),
    [
        (
            "Hugging Face daily papers, arXiv cs.CL, arXiv cs.CV and 3 more of 4 May",
            "From Hugging Face and arXiv, 4 May",
        ),
        ("arXiv cs.CL of 30 September; Hugging Face of 29 September", "From arXiv and Hugging Face, up to 30 Sep"),
        ("A lab, Another lab, A third one of 4 May", "From A lab, Another lab and more, 4 May"),
        ("arXiv cs.CL of 4 May; failing: Hugging Face daily papers", "From arXiv, 4 May"),
        ("no listing", ""),
        ("", ""),
    ],
)
def test_the_listings_fit_on_one_line_of_a_phone(line: str, brief: str) -> None:
    assert brief_listings(line) == brief
    assert len(brief) <= 42

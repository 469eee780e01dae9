from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.papers.sources.untrusted_values import MAX_COUNT, count_at, instant_at, shorten


@settings(deadline=None)
@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_shortened_text_is_never_longer_than_asked(text: str, limit: int) -> None:
    short = shorten(text, limit)

    assert len(short) <= limit
    assert short == text or short.endswith("…")


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7, 7),
        ("7", 7),
        (MAX_COUNT, MAX_COUNT),
        (MAX_COUNT + 1, None),
        (-1, None),
        (True, None),
        (1.5, None),
        ("7 votes", None),
        ("²", None),
        ("9" * 5_000, None),
        (None, None),
        ([1], None),
    ],
)
def test_a_count_is_a_whole_number_that_a_column_holds(value: Any, count: int | None) -> None:
    assert count_at({"votes": value}, "votes") == count


@settings(deadline=None)
@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d|Z)?", fullmatch=True))
def test_an_instant_is_utc_or_unknown(text: str) -> None:
    moment = instant_at({"at": text}, "at")

    assert moment is None or str(moment.tzinfo) == "UTC"

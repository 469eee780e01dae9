from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Finding, Listing
from newsletter.papers.sources.parser_protocol import error_line, listing_line, read_line

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNTS = st.none() | st.integers(min_value=0, max_value=2**31 - 1)
FINDINGS = st.builds(
    Finding,
    key=WORDS,
    title=WORDS,
    abstract=WORDS,
    authors=st.lists(WORDS, max_size=3).map(tuple),
    categories=st.lists(WORDS, max_size=3).map(tuple),
    listed_on=st.none() | st.dates(),
    published_at=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2)),
    withdrawn=st.booleans(),
    votes=COUNTS,
    rank=COUNTS,
)
LISTINGS = st.builds(
    Listing,
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    listed_on=st.none() | st.dates(),
    refused=st.lists(WORDS, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(LISTINGS, st.booleans())
def test_a_listing_arrives_as_it_was_sent_on_one_line(listing: Listing, is_last: bool) -> None:
    line = listing_line(listing, is_last=is_last)

    assert line.index(b"\n") == len(line) - 1
    assert read_line(line) == (listing, is_last)


def test_an_error_arrives_with_its_words() -> None:
    found, is_last = read_line(error_line("Not a feed.", permanent=True, is_last=False))

    assert isinstance(found, SourceError)
    assert (str(found), found.permanent, is_last) == ("Not a feed.", True, False)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"7", b'{"listing": {}}', b'{"listing": {"findings": [{"key": 1}]}}', b'{"err']
)
def test_a_mangled_line_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its words are for nobody)
        read_line(line)

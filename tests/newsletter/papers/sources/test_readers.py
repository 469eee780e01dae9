"""What holds for every reader, whatever bytes it is given."""

import json
import random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.papers.sources import READERS, SourceError
from newsletter.papers.sources.finding import Listing
from tests.newsletter.papers.sources.conftest import PAYLOADS

FEEDS = sorted(PAYLOADS.iterdir())
ADDRESSES = st.sampled_from(["https://rss.arxiv.org/rss/cs.CL", "x?date=2026-05-04", "?date=\ud800", "[", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["2605.90001", "0"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["paper", "id", "title", "summary", "authors", "name", "upvotes", "items", "version"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def check(kind: str, body: bytes, address: str) -> None:
    """Parse, and make sure that what comes out is well-formed and can be passed on."""
    try:
        listing = READERS[kind].parse(body, address)
    except SourceError:
        return
    assert isinstance(listing, Listing)
    assert len({finding.key for finding in listing.findings}) == len(listing.findings)
    assert orjson.dumps(listing)


@pytest.mark.parametrize("kind", READERS)
@settings(deadline=None)
@given(body=st.binary(max_size=2_000), address=ADDRESSES)
def test_any_bytes_give_a_listing_or_a_source_error(kind: str, body: bytes, address: str) -> None:
    check(kind, body, address)


@pytest.mark.parametrize("kind", ["hf_daily", "feed"])
@settings(deadline=None)
@given(value=VALUES, address=ADDRESSES)
def test_any_json_gives_a_listing_or_a_source_error(kind: str, value: object, address: str) -> None:
    check(kind, json.dumps(value).encode(), address)


@pytest.mark.parametrize("kind", READERS)
@settings(deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32), feed=st.sampled_from(FEEDS))
def test_a_damaged_feed_gives_a_listing_or_a_source_error(kind: str, seed: int, feed: object) -> None:
    check(kind, damaged(PAYLOADS.joinpath(str(feed)).read_bytes(), random.Random(seed)), "x?date=2026-05-04")


def damaged(body: bytes, dice: random.Random) -> bytes:
    """Cut, repeat, overwrite and swap pieces of `body`, as `dice` fall."""
    for _ in range(dice.randint(1, 6)):
        start, length = dice.randrange(len(body)), dice.choice([1, 1, 3, 20, 300])
        piece = dice.choice(
            [b"", bytes([dice.randrange(256)]), b"<", b"&", b'"', b"\xff", b"<![CDATA[", body[start : start + length]]
        )
        at = dice.randrange(len(body))
        body = body[:at] + piece * dice.choice([1, 1, 2, 30]) + body[at + length :] or b" "
    return body

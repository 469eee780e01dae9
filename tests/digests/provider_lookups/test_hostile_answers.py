"""Answers of any shape: none names a mail that it is not about, and none stops the questions that follow."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests.provider_lookups import LOOKUPS, interface
from digests.provider_lookups.interface import Lookup, LookupFailed
from tests.digests.provider_lookups.answers import DOUBT, RECORDS, Server, answering, asking, rows_from

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with answering() as listening:
        yield listening


def delivery_ids(lookup: Lookup, server: Server, answer: Any) -> list[int | None]:
    """Return whose events an answer gives."""
    return [row.delivery_id for row in rows_from(lookup, server, answer)]


def test_each_provider_has_a_record_here() -> None:
    assert RECORDS.keys() == LOOKUPS.keys()


@pytest.mark.parametrize("name", RECORDS)
@given(data=st.data())
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_record_with_anything_in_it_is_about_our_mail_or_skipped(server: Server, name: str, data: Any) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record]}) == [7]
        changed = record | {data.draw(st.sampled_from(sorted(record))): data.draw(ANY_JSON)}
        # A record that cannot be read has no delivery, and is not stored.
        assert set(delivery_ids(lookup, server, {rows: [data.draw(ANY_JSON), changed]})) <= {7, None}


@pytest.mark.parametrize("name", RECORDS)
@given(answer=ANY_JSON)
@hypothesis_settings(max_examples=30, deadline=None)
def test_an_answer_of_another_form_is_no_answer(server: Server, name: str, answer: Any) -> None:
    with asking(server, name) as lookup:
        if (name, answer) == ("brevo", {}):  # its answer without events
            assert delivery_ids(lookup, server, answer) == []
            return
        with pytest.raises(LookupFailed, match="another form"):
            delivery_ids(lookup, server, answer)


OTHERS = {
    "mailgun": {"user-variables": {"delivery": "8"}},
    "postmark": {"Metadata": {"delivery": "8"}},
    "sendgrid": {"to_email": "bo@example.org"},
    "brevo": {"email": "bo@example.org"},
    "resend": {"to": ["bo@example.org"]},
}
ELSEWHERE = {
    "postmark": {"Recipients": ["bo@example.org"]},
    "brevo": {"date": "2026-05-03T08:30:00Z"},
    "resend": {"created_at": "2026-05-04T10:30:00+00:00"},
}
OTHER_SUBJECTS = {name: {"subject": "[Test] Papers of today"} for name in ("brevo", "resend")}
CHANGES = [(name, change) for changes in (OTHERS, ELSEWHERE, OTHER_SUBJECTS) for name, change in changes.items()]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_filter_that_is_not_understood_gives_no_mail_of_another(
    server: Server, name: str, change: dict[str, Any]
) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record | change]}) == []


@pytest.mark.parametrize(("name", "key"), [("brevo", "messageId"), ("resend", "id")])
def test_two_mails_that_look_alike_settle_nothing(server: Server, name: str, key: str) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        assert delivery_ids(lookup, server, {rows: [record, record | {key: "another"}]}) == []


def test_a_list_that_never_ends_is_not_read_on(server: Server) -> None:
    _, record = RECORDS["resend"]
    server.answer = json.dumps({"has_more": True, "data": [record | {"to": ["bo@example.org"]}]}).encode()
    with asking(server, "resend") as lookup:
        assert lookup.ask([DOUBT], "").after == "a"
        with pytest.raises(LookupFailed, match="cannot be read on"):
            lookup.ask([DOUBT], "a")


def test_an_answer_without_end_is_cut() -> None:
    response = requests.Response()
    response.raw = io.BytesIO(b"x" * (interface.MOST_BYTES + 1))
    with pytest.raises(LookupFailed, match="longer than 4,000,000 bytes"):
        interface.read_bounded(response, deadline=float("inf"))


def test_an_answer_that_trickles_is_given_up() -> None:
    response = requests.Response()
    response.raw = io.BytesIO(b"x")
    with pytest.raises(LookupFailed, match="too long"):
        interface.read_bounded(response, deadline=0.0)

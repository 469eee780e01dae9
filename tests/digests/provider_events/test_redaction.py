import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.provider_events.redaction import body_without_addresses, redacted_body


def body_of(raw: Any, recipient: str | None = "Ada.Reader@example.org") -> Any:
    return redacted_body(SimpleNamespace(esp_event=raw, recipient=recipient))


def test_the_readers_address_is_taken_out_wherever_it_stands() -> None:
    raw = {
        "to": "ada.reader@EXAMPLE.org",
        "ada.reader@example.org": [{"said": "550 <Ada.Reader@example.org> unknown"}],
    }
    assert "reader@example" not in json.dumps(body_of(raw)).lower()
    assert body_of({"from": "papers@example.net"}) == {"from": "papers@example.net"}


@pytest.mark.parametrize("address", ["ada@example.org", "a+b@x.example", "ada%40example.org", "用户@例え.jp"])
def test_where_it_is_unknown_whose_event_it_is_no_address_stays(address: str) -> None:
    raw = {"a": f"to <{address}>, please", address: [address, {"b": f"mailto:{address}?x"}]}
    assert address not in json.dumps(body_without_addresses(raw), ensure_ascii=False)
    assert body_without_addresses({"a": "no such user", "n": 7}) == {"a": "no such user", "n": 7}


def test_what_is_too_large_or_too_deep_is_left_out() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert body_of({"x": "y" * 40_000}).keys() == body_of(deep).keys() == {"left out"}


@given(st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_what_is_stored_is_json_of_postgresql(raw: Any) -> None:
    text = json.dumps(body_without_addresses([raw]), allow_nan=False)
    assert "\\u0000" not in text
    text.encode()


def test_a_long_text_is_redacted_in_a_moment() -> None:
    began = time.process_time()
    body_without_addresses({"x": "y" * 32_000})
    assert time.process_time() - began < 1

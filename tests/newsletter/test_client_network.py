import pytest
from django.conf import LazySettings
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from newsletter.client_network import client_address, network_of

PROXY = "198.51.100.1"


def seen(forwarded: str | None, remote: str = PROXY) -> str | None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "203.0.113.9", PROXY),
        (0, None, PROXY),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the left one was written by the client
        (2, "1.2.3.4, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (2, "203.0.113.9", PROXY),  # a hop was left out
        (1, None, PROXY),
        (1, "nonsense", PROXY),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "203.0.113.9:51000", "203.0.113.9"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_trusted_hops_are_believed(
    settings: LazySettings, hops: int, forwarded: str | None, address: str
) -> None:
    settings.TRUSTED_HOPS = hops
    assert seen(forwarded) == address


def test_a_server_behind_a_socket_tells_no_address() -> None:
    assert seen(None, remote="") is None
    assert network_of(None) == "unknown"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_an_address_is_counted_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.text())
def test_any_text_has_a_network_that_fits_its_column(text: str) -> None:
    assert 0 < len(network_of(text)) <= 50

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.addresses.mistyped_domain import BIG_PROVIDERS, RIGHT_AS_TYPED, suggest_address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ada@gmial.com", "ada@gmail.com"),
        ("ada@gmail.con", "ada@gmail.com"),
        ("ada@gmail.co", "ada@gmail.com"),
        ("ada@gmailcom", "ada@gmail.com"),
        ("Ada+papers@GMAI.com", "Ada+papers@gmail.com"),
        ("ada@hotmial.com", "ada@hotmail.com"),
        ("ada@outlok.com", "ada@outlook.com"),
        ("ada@yahooo.com", "ada@yahoo.com"),
    ],
)
def test_a_slip_in_a_big_providers_domain_is_noticed(typed: str, meant: str) -> None:
    assert suggest_address(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "mail.com",
        "gmx.at",
        "hotmail.de",
        "hotmail.ca",
        "yahoo.ca",
        "tum.de",
        "ox.ac.uk",
        "gmail.example.org",
        "qq.com",
        "",
    ],
)
def test_other_domains_are_left_alone(domain: str) -> None:
    assert suggest_address(f"ada@{domain}") == ""


@given(st.text(max_size=64), st.sampled_from(sorted({*BIG_PROVIDERS, *RIGHT_AS_TYPED})))
def test_a_known_domain_is_never_questioned(local: str, domain: str) -> None:
    assert suggest_address(f"{local}@{domain}") == ""

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail.return_address import (
    LONGEST_LOCAL_PART,
    LONGEST_NAME,
    Purpose,
    ReturnAddresses,
    Returned,
    find_tokens,
    key_of,
    read_token,
    return_addresses,
)

HASH = "0123456789abcdef" * 4
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._=-", max_size=LONGEST_NAME)
IDS = st.integers(0, 2**63 - 1)
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture(autouse=True)
def addresses(settings: LazySettings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@example.org"


def made() -> ReturnAddresses:
    addresses = return_addresses()
    assert addresses is not None
    return addresses


def read(address: str) -> list[Returned | None]:
    return [read_token(token) for token in find_tokens(address)]


def test_without_a_setting_there_are_no_signed_addresses(settings: LazySettings) -> None:
    settings.BOUNCE_ADDRESS = ""
    assert return_addresses() is None


@given(st.sampled_from(Purpose), IDS, NAMES, st.sampled_from([str.lower, str.upper, str.swapcase, str.title]))
def test_an_address_says_which_mail_it_is_of_in_any_case(purpose: Purpose, pk: int, name: str, change: object) -> None:
    before = f"{name}+" if name else ""
    address = ReturnAddresses(before, "@bounces.example.org", made().key).sign(purpose, pk, HASH)
    local_part = address.rpartition("@")[0]
    assert len(local_part) <= LONGEST_LOCAL_PART
    assert local_part == local_part.lower()
    assert callable(change)
    assert read(f"Papers <{change(address)}>") == [Returned(purpose, pk, HASH[:6])]


@given(IDS, st.integers(0, 31), st.sampled_from(LETTERS))
def test_a_token_with_another_letter_is_none_of_ours(pk: int, at: int, letter: str) -> None:
    (token,) = find_tokens(made().sign(Purpose.DELIVERY, pk, HASH))
    forged = token[:at] + letter + token[at + 1 :]
    assert (read_token(forged) is None) == (forged != token)


@given(st.text(max_size=60))
def test_whatever_stands_there_is_read_without_an_error(text: str) -> None:
    assert read_token(text) is None
    assert list(find_tokens(f"{text}@")) == [] or all(read_token(token) is None for token in find_tokens(f"{text}@"))


def test_a_domain_of_its_own_needs_no_plus(settings: LazySettings) -> None:
    settings.BOUNCE_ADDRESS = "@bounces.example.org"
    address = made().sign(Purpose.LETTER, 7, HASH)
    assert len(address.removesuffix("@bounces.example.org")) == 32
    assert read(address) == [Returned(Purpose.LETTER, 7, HASH[:6])]


def test_addresses_signed_with_a_former_key_are_read(settings: LazySettings) -> None:
    address = made().sign(Purpose.DELIVERY, 7, HASH)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a-new-key" * 6, [settings.SECRET_KEY]
    assert read(address) == [Returned(Purpose.DELIVERY, 7, HASH[:6])]
    settings.SECRET_KEY_FALLBACKS = []
    assert read(address) == [None]


def test_nobody_without_the_key_can_sign() -> None:
    other = ReturnAddresses("bounces+", "@example.org", key_of("another"))
    assert read(other.sign(Purpose.DELIVERY, 7, HASH)) == [None]


def test_a_mail_to_a_former_address_is_told_from_one_to_the_present() -> None:
    (returned,) = read(made().sign(Purpose.DELIVERY, 7, HASH))
    assert returned is not None
    assert returned.is_of(HASH)
    assert not returned.is_of("f" * 64)

import json

import pytest
from django.conf import LazySettings
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.addresses.canonical import AddressError, canonical_address, hash_address, readable_address
from tests.recordings import SHARED

RECORDED = SHARED / "data" / "email" / "odd_addresses.jsonl"

words = st.text(min_size=1, max_size=20)
addresses = st.builds("{}@{}.{}".format, words, words, st.sampled_from(["org", "de", "рф", "商務"]))


def is_fixed_point(text: str) -> bool:
    """Say whether `text` is refused as it should be, or has a canonical form that stays as it is."""
    try:
        canonical = canonical_address(text)
    except AddressError:
        return True
    return canonical_address(canonical) == canonical


@given(st.text() | addresses | st.emails())
@example("\ud800@example.org")
@example("ß" * 40 + "@example.org")
@example("İstanbul@example.org")
@example("ẞ\u0323@example.org")
def test_any_text_is_no_address_or_has_one_spelling(text: str) -> None:
    assert is_fixed_point(text)


@given(st.emails())
def test_capitals_and_spaces_around_make_no_other_reader(address: str) -> None:
    try:
        canonical = canonical_address(address)
    except AddressError:
        return
    assert canonical_address(f"  {address}\n") == canonical
    if address.isascii():
        assert canonical_address(address.upper()) == canonical


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("ada@bücher.example.de", "ada@xn--bcher-kva.example.de"),
        ("ada@BÜCHER.example.de", "ada@xn--bcher-kva.example.de"),
        ("ada@xn--bcher-kva.example.de", "ada@xn--bcher-kva.example.de"),
        ("Юзер@екзампл.ком", "юзер@xn--80ajglhfv.xn--j1aef"),
        ("ada+papers@example.org", "ada+papers@example.org"),
    ],
)
def test_an_address_has_one_spelling(typed: str, canonical: str) -> None:
    assert canonical_address(typed) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "ada", "ada@", "@example.org", "ada@localhost", "ada@exa mple.org", "ada@@example.org", "ada@.",
        "ada@example..org", "Ada <ada@example.org>", "ada@[127.0.0.1]", "ada@example.org, bo@example.org",
        "ada@example.org\r\nBcc: bo@example.org", "a\x00da@example.org", "a" * 300 + "@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(AddressError, match=r".+\."):
        canonical_address(text)


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recorded addresses are not at hand")
def test_recorded_odd_addresses_are_refused_or_have_one_spelling() -> None:
    for line in RECORDED.read_text("utf-8").splitlines():
        row = json.loads(line)
        assert is_fixed_point(row["address"]), row
        kind = row["source"].partition("/")[2]
        is_trimmed = row["address"] == row["address"].strip()
        if is_trimmed and (kind == "test_email_invalid_syntax" or "_ERR" in row.get("category", "")):
            with pytest.raises(AddressError):
                canonical_address(row["address"])
        elif kind == "test_email_valid_intl_local_part":
            assert canonical_address(row["address"]).rpartition("@")[2].isascii()


def test_the_hash_of_an_address_depends_on_the_key(settings: LazySettings) -> None:
    settings.ADDRESS_KEY = "one"
    first = hash_address("ada@example.org")
    assert first == hash_address("ada@example.org") != hash_address("bo@example.org")
    settings.ADDRESS_KEY = "another"
    assert hash_address("ada@example.org") != first


@pytest.mark.parametrize(
    "local_part",
    ["noreply", "No-Reply", "no_reply+tag", "no.reply", "donotreply", "noreply-papers", "postmaster", "MAILER-DAEMON",
     "abuse", "root", "papers-bounces", "owner-papers", "papers-request", "bounces+ada=example.org"],
)  # fmt: skip
def test_an_address_that_no_reader_reads_is_refused(local_part: str) -> None:
    assert canonical_address(f"{local_part}@example.org")
    with pytest.raises(AddressError, match="an address that you read yourself"):
        readable_address(f"{local_part}@example.org")


@pytest.mark.parametrize("local_part", ["ada", "lab", "info", "office", "rootsy", "abuser", "request", "ada-owner1"])
def test_an_address_that_people_read_is_welcome(local_part: str) -> None:
    assert readable_address(f"{local_part}@example.org") == f"{local_part}@example.org"


def test_a_local_part_of_65_letters_is_refused_and_one_of_64_is_not() -> None:
    assert canonical_address("a" * 64 + "@example.org") == "a" * 64 + "@example.org"
    with pytest.raises(AddressError, match="too long: mail servers take 64 letters there"):
        canonical_address("a" * 65 + "@example.org")


@pytest.mark.parametrize("provider", ["mailbox", "smtp", "postmark", "amazon_ses"])
def test_a_unicode_local_part_is_refused_unless_the_provider_is_known_to_take_it(
    settings: LazySettings, provider: str
) -> None:
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "mailgun"
    assert readable_address("用户@example.org") == "用户@example.org"
    settings.EMAIL_LETTERS_PROVIDER = provider
    with pytest.raises(AddressError, match="cannot deliver to addresses with letters such as “用” before the @"):
        readable_address("用户@example.org")


def test_a_unicode_domain_is_welcome_with_every_provider() -> None:
    assert readable_address("ada@bücher.example.de") == "ada@xn--bcher-kva.example.de"

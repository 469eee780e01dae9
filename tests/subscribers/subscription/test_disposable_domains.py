import os
from pathlib import Path

import pytest
from disposable_email_domains import blocklist
from django.conf import LazySettings

from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.subscription.disposable_domains import ALSO_DISPOSABLE, domains, is_disposable, shipped_domains
from tests.recordings import SHARED

RECORDED = SHARED / "data" / "email" / "disposable_domains.txt"


@pytest.fixture
def own(settings: LazySettings, tmp_path: Path) -> Path:
    """An operator's list."""
    file = tmp_path / "domains.txt"
    file.write_text("# ours\nThrowaway.Example.NET\n- mailinator.com\nBÜCHER.example.de\n.\n", "utf-8")
    settings.DISPOSABLE_DOMAINS_FILE = str(file)
    return file


@pytest.mark.parametrize("address", ["x@mailinator.com", "x@deep.below.mailinator.com", "x@33mail.com"])
def test_a_throw_away_domain_counts_with_all_below_it(address: str) -> None:
    assert is_disposable(address)


@pytest.mark.parametrize("address", ["x@example.org", "x@notmailinator.example", "x@mailinator.com.example.org"])
def test_other_domains_do_not_count(address: str) -> None:
    assert not is_disposable(address)


@pytest.mark.usefixtures("own")
def test_an_operator_adds_domains_and_takes_them_away() -> None:
    assert is_disposable("x@throwaway.example.net")
    assert is_disposable("x@xn--bcher-kva.example.de")
    assert is_disposable("x@yopmail.com")
    assert not is_disposable("x@mailinator.com")
    assert "" not in domains()


def test_a_changed_list_holds_at_once(own: Path) -> None:
    assert not is_disposable("x@later.example.net")
    own.write_text("later.example.net\n", "utf-8")
    os.utime(own, ns=(1, 1))
    assert is_disposable("x@later.example.net")
    assert not is_disposable("x@throwaway.example.net")


def test_the_domains_we_add_are_those_that_the_package_lacks() -> None:
    assert not ALSO_DISPOSABLE & blocklist
    assert {canonical_address(f"x@{domain}") for domain in ALSO_DISPOSABLE} == {f"x@{own}" for own in ALSO_DISPOSABLE}
    assert shipped_domains() > ALSO_DISPOSABLE


def can_be_typed(domain: str) -> bool:
    try:
        return bool(canonical_address(f"x@{domain}"))
    except AddressError:
        return False


@pytest.mark.skipif(not RECORDED.exists(), reason="needs the recorded domains")
def test_a_long_list_of_others_serves_as_it_is(settings: LazySettings) -> None:
    settings.DISPOSABLE_DOMAINS_FILE = str(RECORDED)
    recorded = [domain for domain in RECORDED.read_text("utf-8").split() if can_be_typed(domain)]
    assert len(recorded) > 8000
    assert all(is_disposable(f"x@mail.{domain}") for domain in recorded)

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import LazySettings

from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.own_smtp import check_names, check_tls
from digests.mail_setup.resolver import NoAnswer, Resolver
from tests.digests.mail_setup.setup import OWN_SERVER, SENDER, finding_of, findings_of
from tests.outside.provider import Provider, providing

REVERSE = "7.2.0.192.in-addr.arpa"
NAMED = {f"{REVERSE} PTR": ["mx.example.org."]}


@contextmanager
def mail_server(settings: LazySettings, **options: Any) -> Iterator[Provider]:
    with providing("smtp", **options) as server:
        for name, value in server.settings.items():
            setattr(settings, name, value)
        yield server


def judge_tls() -> Finding:
    # Nothing is looked up for TLS, so that no name server is needed.
    (finding,) = check_tls(OWN_SERVER, Resolver("127.0.0.1:9"))
    return finding


def test_an_address_whose_name_leads_back_to_it_is_good() -> None:
    finding = finding_of(check_names, NAMED, OWN_SERVER)
    assert (finding.level, finding.found) == (Level.GOOD, "192.0.2.7 is mx.example.org, which leads back to it.")


def test_an_address_without_a_name_gets_the_record() -> None:
    finding = finding_of(check_names, {}, OWN_SERVER)
    assert finding.level == Level.FAULT
    assert str(finding.record) == f"{REVERSE}  PTR  mail.example.org."


def test_a_name_that_leads_elsewhere_is_a_fault() -> None:
    finding = finding_of(check_names, NAMED | {"mx.example.org A": ["192.0.2.8"]}, OWN_SERVER)
    assert finding.level == Level.FAULT
    assert str(finding.record) == "mx.example.org  A  192.0.2.7"


def test_each_address_of_either_kind_is_checked() -> None:
    found = findings_of(check_names, NAMED, OWN_SERVER, sending_addresses=("192.0.2.7", "2001:db8::7"))
    assert [finding.level for finding in found] == [Level.GOOD, Level.FAULT]


def test_addresses_that_are_not_set_are_asked_for() -> None:
    finding = finding_of(check_names, {}, OWN_SERVER, sending_addresses=())
    assert finding.level == Level.UNKNOWN
    assert "SENDING_ADDRESSES" in finding.found


def test_a_provider_or_a_relay_has_names_of_its_own() -> None:
    assert findings_of(check_names, {}, SENDER) == []
    assert findings_of(check_names, {}, OWN_SERVER, sending_addresses=(), is_relayed=True) == []
    assert findings_of(check_tls, {}, SENDER) == []


def test_a_server_with_a_trusted_certificate_is_good(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server(settings, tls=True) as server:
        monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
        assert judge_tls().level == Level.GOOD
        assert server.entries() == []


def test_a_certificate_that_nobody_trusts_is_a_fault(settings: LazySettings) -> None:
    with mail_server(settings, tls=True):
        finding = judge_tls()
    assert finding.level == Level.FAULT
    assert "is not trusted" in finding.found


def test_a_server_without_tls_is_a_fault_where_it_is_asked_for(settings: LazySettings) -> None:
    with mail_server(settings):
        assert judge_tls().level == Level.GOOD
        settings.EMAIL_USE_TLS = True
        assert "offers no TLS, and EMAIL_URL asks for it" in judge_tls().found


def test_an_open_way_to_another_machine_is_a_warning(settings: LazySettings) -> None:
    with mail_server(settings, tls=True):
        # Loopback under an address that does not say so.
        settings.EMAIL_HOST, settings.EMAIL_USE_TLS = "0.0.0.0", False
        finding = judge_tls()
    assert (finding.level, finding.action) == (Level.WARNING, "Write EMAIL_URL as “submission://…”.")


def test_a_server_that_does_not_answer_is_a_fault(settings: LazySettings) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = bound.getsockname()
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        assert "does not answer" in judge_tls().found


def test_after_the_time_for_all_checks_nothing_is_connected_to() -> None:
    with pytest.raises(NoAnswer):
        check_tls(OWN_SERVER, Resolver("127.0.0.1:9", seconds=0))

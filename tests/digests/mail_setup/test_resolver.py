import socket
import time

import pytest

from digests.mail_setup.checks import CHECKS, run_checks
from digests.mail_setup.finding import Level
from digests.mail_setup.resolver import NoAnswer, Resolver
from tests.digests.mail_setup.nameserver import BROKEN, naming
from tests.digests.mail_setup.setup import SENDER, resolving, sound_zone


def test_what_does_not_exist_is_empty() -> None:
    with resolving({"example.org": ["x"]}) as resolver:
        assert resolver.txt("example.net") == []
        assert resolver.exchangers("example.org") == []
        assert resolver.txt(f"{'a' * 64}.example.org") == []
        assert resolver.txt("a..example.org") == []
        assert resolver.txt("a\\.example.org") == []
        assert resolver.txt("") == []


def test_texts_of_several_strings_are_joined() -> None:
    with resolving({"example.org": ["a" * 300]}) as resolver:
        assert resolver.txt("example.org") == ["a" * 300]


def test_addresses_of_both_kinds_lead_to_names() -> None:
    records = {
        "mx.example.org A": ["192.0.2.7"],
        "mx.example.org AAAA": ["2001:db8::7"],
        "7.2.0.192.in-addr.arpa PTR": ["MX.example.org."],
    }
    with resolving(records) as resolver:
        assert resolver.addresses("mx.example.org") == ["192.0.2.7", "2001:db8::7"]
        assert resolver.names("192.0.2.7") == ["mx.example.org"]


def test_a_server_that_answers_with_an_error_leaves_it_open() -> None:
    with resolving({"example.org": BROKEN}) as resolver, pytest.raises(NoAnswer, match="answer with an error"):
        resolver.txt("example.org")


def test_one_broken_domain_leaves_the_other_checks_alone() -> None:
    with naming(sound_zone() | {"_dmarc.example.org": BROKEN}) as server:
        levels = {found[0].subject: found[0].level for found in run_checks(SENDER, Resolver(server)) if found}
    assert levels["SPF"] == levels["DKIM"] == Level.GOOD
    assert levels["DMARC"] == levels["BIMI"] == Level.UNKNOWN


@pytest.mark.real_clock
def test_silent_name_servers_cost_no_more_than_the_time_for_all() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        started = time.monotonic()
        found = list(run_checks(SENDER, Resolver(f"127.0.0.1:{silent.getsockname()[1]}", seconds=0.3)))
    assert time.monotonic() - started < 2.0
    assert len(found) == len(CHECKS)
    assert [findings[0].level for findings in found[:5]] == [Level.UNKNOWN] * 5
    assert found[0][0].found.startswith("No name server answered in time about example.org")
    assert found[1][0].found == "The time for all look-ups was over."

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests import tasks
from digests.mail_setup import last_check
from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.models import MailSetup
from newsletter import clock
from tests.digests.mail_setup.conftest import Zone
from tests.factories import MORNING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("zone")]


def test_a_check_that_finds_nothing_wrong_is_passed() -> None:
    assert last_check.ask_for_check()
    assert last_check.load_last_check().is_running
    assert last_check.run_wanted_check()
    check = last_check.load_last_check()
    assert check.setup is not None
    assert (check.is_running, check.is_passed, check.fault_count) == (False, True, 0)
    assert check.setup.done_count == check.total_count == 8
    assert check.setup.passed_at == clock.now()


def test_the_worst_is_told_first_and_comes_back_as_it_was(zone: Zone) -> None:
    zone["_dmarc.example.org"], zone["pm._domainkey.example.org"] = [], ["v=DKIM1; t=y; p="]
    last_check.ask_for_check()
    last_check.run_wanted_check()
    check = last_check.load_last_check()
    assert [finding.level for finding in check.findings[:2]] == [Level.FAULT, Level.FAULT]
    assert check.findings[-1].level == Level.GOOD
    (record,) = [finding.record for finding in check.findings if finding.record]
    assert record == DnsRecord("_dmarc.example.org", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org")
    assert not check.is_passed


def test_one_check_at_a_time_is_asked_for_and_run() -> None:
    assert last_check.ask_for_check()
    assert not last_check.ask_for_check()
    assert last_check.run_wanted_check()
    assert not last_check.run_wanted_check()
    assert last_check.ask_for_check()


def test_a_check_that_was_lost_may_be_asked_for_again(set_clock: Callable[[datetime], None]) -> None:
    last_check.ask_for_check()
    MailSetup.objects.update(started_at=clock.now())
    set_clock(MORNING + timedelta(minutes=2))
    assert not last_check.load_last_check().is_running
    assert last_check.ask_for_check()
    assert last_check.run_wanted_check()


def test_a_later_fault_leaves_the_time_of_the_pass(zone: Zone, set_clock: Callable[[datetime], None]) -> None:
    last_check.check_now()
    zone["_dmarc.example.org"] = []
    set_clock(MORNING + timedelta(days=1))
    last_check.check_now()
    setup = MailSetup.objects.get()
    assert (setup.passed_at, setup.finished_at) == (MORNING, MORNING + timedelta(days=1))


def test_another_from_domain_has_not_passed(settings: LazySettings) -> None:
    last_check.check_now()
    settings.DEFAULT_FROM_EMAIL = "papers@example.net"
    assert last_check.load_last_check().setup is None


def test_the_days_own_check_runs_unasked_and_not_in_a_trial(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER = "mailbox"
    tasks.check_mail_setup()
    assert not MailSetup.objects.exists()
    settings.EMAIL_PROVIDER = "mailgun"
    tasks.check_mail_setup()
    assert MailSetup.objects.get().passed_at == clock.now()


def test_a_finding_comes_back_from_storage_as_it_was() -> None:
    for finding in (
        Finding("SPF", Level.GOOD, "found"),
        Finding("MX", Level.FAULT, "found", "meaning", "action", DnsRecord("example.org", "MX", "10 mx.example.org.")),
    ):
        assert Finding.from_json(finding.to_json()) == finding


def test_what_dns_holds_cannot_break_the_check_the_page_or_a_terminal(zone: Zone) -> None:
    zone["_dmarc.example.org"] = ["v=DMARC1; p=none", "v=DMARC1; p=\0\x1b]0;owned\x07"]
    last_check.check_now()
    (fault,) = [finding for finding in last_check.load_last_check().findings if finding.level == Level.FAULT]
    assert fault.found.startswith("_dmarc.example.org has 2 records: “v=DMARC1; p= ]0;owned ”")
    assert fault.record is not None
    assert "\x1b" not in str(fault.record)


def test_a_finding_quotes_no_endless_record() -> None:
    assert len(Finding("SPF", Level.FAULT, "%% " * 20_000).found) <= 2_000

"""`manage.py check_mail`, of the setup and of a mail as it was received."""

import io
import sys

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from digests.models import MailSetup
from tests.digests.mail_setup.conftest import Zone
from tests.digests.mail_setup.signing import signed
from tests.digests.mail_setup.test_received_mail import DIGEST, RECEIVED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("zone")]


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """What stands on the standard input."""
    given = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given))
    return given


def test_a_sound_setup_is_told_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_mail")
    said = capsys.readouterr().out
    assert "DKIM: good. The key at pm._domainkey.example.org is there (2048 bits)." in said
    assert said.endswith("Nothing is wrong.\n")
    assert MailSetup.objects.get(domain="example.org").passed_at is not None


def test_a_fault_ends_with_status_1_and_the_record_on_a_line_of_its_own(
    zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    zone["_dmarc.example.org"] = []
    with pytest.raises(CommandError, match="Something is wrong"):
        call_command("check_mail")
    record = "    _dmarc.example.org  TXT  v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org"
    assert record in capsys.readouterr().out.splitlines()


def test_a_mail_on_the_standard_input_is_judged(typed: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    typed.write(RECEIVED + signed(DIGEST))
    typed.seek(0)
    call_command("check_mail")
    assert "DMARC: good. The mail passes DMARC by DKIM and SPF" in capsys.readouterr().out
    assert not MailSetup.objects.exists()


def test_a_mail_that_is_none_is_refused(typed: io.BytesIO) -> None:
    typed.write(b"Hello")
    typed.seek(0)
    with pytest.raises(CommandError, match="This is no mail"):
        call_command("check_mail")


def test_the_standard_input_may_be_left_alone(typed: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    typed.write(b"Hello")
    typed.seek(0)
    call_command("check_mail", no_input=True)
    assert "Nothing is wrong." in capsys.readouterr().out


def test_a_process_may_have_no_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    call_command("check_mail")
    assert "Nothing is wrong." in capsys.readouterr().out


def test_a_trial_has_nothing_to_look_up(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER = "mailbox"
    with pytest.raises(CommandError, match="This is a trial"):
        call_command("check_mail")

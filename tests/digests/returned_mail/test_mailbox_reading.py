"""Returned mail is read from a mailbox, and each mail is moved once all that follows from it is stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from digests import tasks
from digests.models import Delivery, ProviderEvent, ReturnedMail, ReturnMailbox
from digests.returned_mail import imap_mailbox, intake, mailbox_reading
from digests.returned_mail.intake import Intake
from newsletter import advisory_locks
from newsletter.advisory_locks import Lock
from tests.digests.returned_mail.returning import address_of, delivery_report, failed, plain
from tests.digests.sending.handing import later
from tests.factories.returns import sent_delivery
from tests.imap_server import NAME, PASSWORD, ImapServer, imap_serving
from tests.provider import answering, http_error, sent
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ImapServer]:
    with imap_serving() as server:
        yield server


@pytest.fixture
def server(dovecot: ImapServer, settings: LazySettings) -> Iterator[ImapServer]:
    settings.BOUNCE_MAILBOX = url_of(dovecot)
    yield dovecot
    for folder in (*dovecot.mails.rglob("cur"), *dovecot.mails.rglob("new")):
        for path in folder.iterdir():
            path.unlink()


@pytest.fixture
def maildir(tmp_path: Path, settings: LazySettings) -> Path:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "a maildir" / part).mkdir(parents=True)
    settings.BOUNCE_MAILBOX = f"maildir://{quote(str(tmp_path / 'a maildir'))}"
    return tmp_path / "a maildir"


def url_of(
    server: ImapServer, *, scheme: str = "imap", password: str = PASSWORD, host: str = "127.0.0.1", port: int = 0
) -> str:
    return f"{scheme}://{quote(NAME, '')}:{quote(password, '')}@{host}:{port or server.port}/INBOX"


def in_folder(mails: Path, folder: str = "") -> int:
    """Count the mails in a folder of a maildir."""
    return sum(len(list((mails / folder / part).glob("*"))) for part in ("cur", "new"))


def three_mails() -> tuple[bytes, bytes, bytes]:
    """Return a bounce, a person's mail, and a mail of a server without a meaning."""
    address = address_of(sent_delivery())
    return delivery_report(address, failed()), plain(address), plain(address, "Welcome!", {"Return-Path": "<>"})


def check_three_mails(mails: Path) -> None:
    assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 2, Intake.KEPT: 1}
    assert (in_folder(mails), in_folder(mails, ".Read"), in_folder(mails, ".Not understood")) == (0, 2, 1)
    assert ProviderEvent.objects.get().kind == ProviderEvent.Kind.BOUNCED
    assert {row.why for row in ReturnedMail.objects.all()} == {"forwarded", "odd"}
    assert len(sent()) == 1
    assert mailbox_reading.read_configured_mailbox() == {}
    row = ReturnMailbox.objects.get()
    assert (row.fault, row.failing_since) == ("", None)


def test_mails_are_read_over_imap_and_moved(server: ImapServer) -> None:
    server.deliver(*three_mails())
    check_three_mails(server.mails)


def test_mails_are_read_over_tls(server: ImapServer, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BOUNCE_MAILBOX = url_of(server, scheme="imaps", host="localhost", port=server.secure_port)
    server.deliver(*three_mails())
    assert mailbox_reading.read_configured_mailbox() == {}
    assert "certificate" in ReturnMailbox.objects.get().fault.lower()
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    check_three_mails(server.mails)


def test_a_server_that_cannot_move_copies_and_deletes(settings: LazySettings) -> None:
    with imap_serving(capability="IMAP4rev1") as old:
        settings.BOUNCE_MAILBOX = url_of(old)
        old.deliver(*three_mails())
        check_three_mails(old.mails)


def test_mails_are_read_from_a_maildir_and_moved(maildir: Path) -> None:
    for number, raw in enumerate(three_mails()):
        (maildir / ("new" if number else "cur") / f"{number}.mail:2,S").write_bytes(raw)
    (maildir / "new" / "a link").symlink_to("/etc/passwd")
    (maildir / "new" / ".hidden").write_bytes(b"")
    assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 2, Intake.KEPT: 1}
    assert (in_folder(maildir, ".Read"), in_folder(maildir, ".Not understood")) == (2, 1)
    assert {path.name for path in (maildir / "new").iterdir()} == {"a link", ".hidden"}


def test_more_mails_than_a_page_are_read_while_others_stay(
    server: ImapServer, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEND_BREAKER_FAILURES = 100
    monkeypatch.setattr(imap_mailbox, "PAGE", 3)
    address = address_of(sent_delivery())
    bounce = delivery_report(address, failed())
    mails = [bounce if number % 3 else plain(address, str(number)) for number in range(20)]
    server.deliver(*mails)
    with answering(http_error(401)):
        assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 13, Intake.LATER: 7}
    assert in_folder(server.mails) == 7
    with later(minutes=2):  # the refused key has opened the breaker
        assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 7}


@pytest.mark.django_db(transaction=True)
def test_a_mail_stays_where_the_database_goes_away(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Intake:
        raise OperationalError("gone")

    server.deliver(*three_mails())
    with monkeypatch.context() as patch:
        patch.setattr(mailbox_reading, "take_in", fail)
        with pytest.raises(OperationalError):
            mailbox_reading.read_configured_mailbox()
    check_three_mails(server.mails)


def test_a_mail_that_breaks_us_stays_and_stops_no_other(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_once(raw: bytes, **more: Any) -> Intake:
        if b"Welcome!" in raw:
            raise ZeroDivisionError
        return intake.take_in(raw, **more)

    monkeypatch.setattr(mailbox_reading, "take_in", fail_once)
    server.deliver(*three_mails())
    assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 2}
    assert in_folder(server.mails) == 1


def test_a_large_mail_is_read_by_its_beginning(server: ImapServer) -> None:
    address = address_of(sent_delivery())
    server.deliver(plain(address, "x" * 76 + "\n" + "y\n" * 6_000_000))
    assert mailbox_reading.read_configured_mailbox() == {Intake.KEPT: 1}
    row = ReturnedMail.objects.get()
    assert row.size > 12_000_000
    assert "too large" in row.note
    assert len(row.text) == 4_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "AUTHENTICATIONFAILED"),
        ({"port": 1}, "refused"),
        ({"host": "no-such-host.invalid"}, "gaierror"),
    ],
)
def test_a_mailbox_that_cannot_be_read_says_so_without_its_password(
    server: ImapServer, settings: LazySettings, changes: dict[str, Any], words: str
) -> None:
    settings.BOUNCE_MAILBOX = url_of(server, **changes)
    assert mailbox_reading.read_configured_mailbox() == {}
    row = ReturnMailbox.objects.get()
    assert words in row.fault
    assert PASSWORD not in row.fault
    assert row.failing_since is not None


def test_a_missing_maildir_is_a_fault(settings: LazySettings) -> None:
    settings.BOUNCE_MAILBOX = "maildir:///no/such/folder"
    mailbox_reading.read_configured_mailbox()
    assert "/no/such/folder" in ReturnMailbox.objects.get().fault


def test_without_a_mailbox_nothing_is_read() -> None:
    tasks.read_returned_mail()
    assert not ReturnMailbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_worker_at_a_time_reads(server: ImapServer) -> None:
    server.deliver(*three_mails())

    def read() -> int:
        return sum(mailbox_reading.read_configured_mailbox().values())

    assert sum(at_once(read, read)) == 3
    with advisory_locks.held(Lock.RETURNED_MAIL) as is_mine:
        assert is_mine
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "coded"), [("Read", '"Read"'), ('a "b"\\&', '"a \\"b\\"\\\\&-"'), ("Gelöscht", '"Gel&APY-scht"')]
)
def test_names_of_folders_are_written_as_imap_has_them(name: str, coded: str) -> None:
    assert imap_mailbox.quoted(name) == coded

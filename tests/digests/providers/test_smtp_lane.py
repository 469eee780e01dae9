"""The SMTP lane: what replies mean for a mail, and what becomes of connections."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_string, policy
from email.utils import parseaddr
from typing import Any

import pytest
from django.conf import LazySettings

from digests.mail import headers
from digests.providers import Copy, Mail
from digests.providers.smtp_lane import Smtp
from newsletter import clock
from tests.digests.providers.mails import CONTENT, copy_of, mails, sending_to, statuses, titled
from tests.outside import faults
from tests.outside import provider as outside
from tests.smtp_server import FRIENDLY, HANG_UP, SILENCE, SmtpServer, serving

Both = tuple[outside.Provider, Smtp]


@pytest.fixture
def both(settings: LazySettings) -> Iterator[Both]:
    settings.SMTP_CONNECTIONS = 2
    with sending_to("smtp", settings, bodies=True) as (server, ours):
        assert isinstance(ours, Smtp)
        yield server, ours


@pytest.fixture
def plain(settings: LazySettings) -> Iterator[SmtpServer]:
    """A server without any extension, that says what a test wrote down."""
    with serving() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 5
        yield server


def submitted(count: int = 1) -> list[str]:
    with Smtp(1) as ours:
        return statuses(ours, mails(count))


@pytest.mark.parametrize(
    ("at", "status", "expected"),
    [
        ("rcpt", 450, "not_accepted"),
        ("rcpt", 550, "refused"),
        ("rcpt", 421, "not_accepted"),
        ("data", 451, "not_accepted"),
        ("data", 554, "refused"),
        ("dot", 452, "not_accepted"),
        ("dot", 552, "refused"),
        ("dot", 421, "not_accepted"),
    ],
)
def test_a_refused_mail_leaves_the_others_their_connections(both: Both, at: str, status: int, expected: str) -> None:
    server, ours = both
    server.plan(faults.failing(status, at=at, addresses="reader2@*"))
    assert statuses(ours, mails(5)) == ["accepted", expected, "accepted", "accepted", "accepted"]
    assert len(server.accepted()) == 4


def test_a_connection_cut_before_the_dot_took_nothing(both: Both) -> None:
    server, ours = both
    for at in ("rcpt", "data"):
        server.plan(faults.cut(at=at, times=1))
        assert statuses(ours, mails(1)) == ["not_accepted"]
        ours.close()
    assert server.accepted() == []


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_connection_cut_after_the_dot_says_nothing_of_its_mail_alone(both: Both, is_taken: bool) -> None:
    server, ours = both
    server.plan(faults.cut(at="dot", accepts=is_taken, addresses="reader2@*"))
    assert statuses(ours, mails(4)) == ["accepted", "unknown", "accepted", "accepted"]
    assert len(server.accepted()) == 3 + is_taken


def test_a_kept_connection_that_ended_costs_no_mail(both: Both) -> None:
    server, ours = both
    assert statuses(ours, mails(2)) == ["accepted"] * 2
    server.plan(faults.cut(at="rcpt", times=1), faults.failing(421, at="rcpt", times=1))
    assert statuses(ours, mails(4)) == ["accepted"] * 4
    assert len(server.accepted()) == 6


class Counting(dict[str, str]):
    """A script whose second MAIL is answered with a 421, as a server says that a connection had its share."""

    asked = 0

    def get(self, verb: str, otherwise: Any = None) -> Any:
        self.asked += verb == "MAIL"
        return "421 enough" if verb == "MAIL" and self.asked == 2 else super().get(verb, otherwise)


def test_a_mail_whose_kept_connection_had_its_share_gets_a_new_one(plain: SmtpServer) -> None:
    plain.answers = Counting(FRIENDLY)
    assert submitted(3) == ["accepted"] * 3
    assert len(plain.messages) == 3


def test_a_server_that_ends_every_mail_with_421_is_not_asked_for_ever(both: Both) -> None:
    server, ours = both
    server.plan(faults.failing(421, at="dot"))
    assert statuses(ours, mails(4)) == ["not_accepted"] * 4


def test_a_greeting_that_refuses_leaves_all_mails_waiting(both: Both) -> None:
    server, ours = both
    server.plan(faults.failing(421, at="greeting"))
    assert statuses(ours, mails(3)) == ["not_accepted"] * 3
    assert server.entries() == []


def test_one_connection_is_enough_where_the_server_takes_no_more(both: Both) -> None:
    server, ours = both
    server.plan(faults.failing(421, at="greeting", after=1))
    assert statuses(ours, mails(3)) == ["accepted"] * 3
    assert len(ours.connections) == 1


def test_mail_goes_over_tls_with_a_password(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with sending_to("smtp", settings, tls=True, auth=True) as (server, ours):
        monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
        assert statuses(ours, mails(3)) == ["accepted"] * 3
        settings.EMAIL_HOST_PASSWORD = "wrong"
        ours.close()
        (outcome,) = ours.submit(mails(1))
    assert outcome.status == "not_accepted"
    assert "password" in outcome.reason


def test_a_server_whose_certificate_is_not_known_gets_nothing(settings: LazySettings) -> None:
    with sending_to("smtp", settings, tls=True) as (server, ours):
        assert statuses(ours, mails(2)) == ["not_accepted"] * 2
        assert server.entries() == []


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("CONNECT", "554 go away", "not_accepted"),
        ("EHLO", "421 too busy", "not_accepted"),
        ("MAIL", "451 later", "not_accepted"),
        ("MAIL", "530 a password first", "not_accepted"),
        ("RCPT", "450 mailbox busy", "not_accepted"),
        ("RCPT", "550 no such user", "refused"),
        ("RCPT", HANG_UP, "not_accepted"),
        ("RCPT", SILENCE, "not_accepted"),
        ("DATA", "554 no", "refused"),
        ("DATA", "hello", "not_accepted"),
        (".", "452 disk full", "not_accepted"),
        (".", "552 too big", "refused"),
        (".", HANG_UP, "unknown"),
        (".", "taken, thank you", "unknown"),
        (".", SILENCE, "unknown"),
    ],
)
def test_a_server_without_pipelining_is_asked_step_by_step(
    plain: SmtpServer, settings: LazySettings, command: str, answer: str, expected: str
) -> None:
    settings.EMAIL_TIMEOUT = 0.4 if answer == SILENCE else 5
    plain.answers[command] = answer
    assert submitted() == [expected]
    assert plain.messages == []


def test_a_server_with_pipelining_has_the_next_envelope_before_it_answers_a_mail(plain: SmtpServer) -> None:
    plain.answers["EHLO"], plain.held = "250-here\r\n250 PIPELINING", 4
    assert submitted(5) == ["accepted"] * 5
    assert (len(plain.messages), plain.connections) == (5, 1)


@pytest.mark.parametrize("held", [0, 1])
def test_a_refused_reader_behind_another_mail_leaves_both_neighbours_theirs(plain: SmtpServer, held: int) -> None:
    plain.answers, plain.held = Refusing(FRIENDLY | {"EHLO": "250-here\r\n250 PIPELINING"}), held
    assert submitted(3) == ["accepted", "refused", "accepted"]
    # The message of the refused one was ended at once, and nobody gets it.
    assert [message != "" for message in plain.messages] == [True, False, True]


class Refusing(dict[str, str]):
    """A script that refuses the second reader, and still awaits a message, as some servers do."""

    asked = 0

    def get(self, verb: str, otherwise: Any = None) -> Any:
        self.asked += verb == "RCPT"
        return "550 5.1.1 nobody" if verb == "RCPT" and self.asked == 2 else super().get(verb, otherwise)


def test_a_plain_server_gets_lines_of_ascii(plain: SmtpServer) -> None:
    with Smtp(1) as ours:
        assert statuses(ours, [Mail(titled("Über ☃" * 200), copy_of(1))]) == ["accepted"]
    (sent,) = plain.messages
    assert sent.isascii()
    assert max(map(len, sent.split("\r\n"))) <= 78
    message = message_from_string(sent, policy=policy.default)
    assert message["Subject"] == "Über ☃" * 200


@pytest.mark.parametrize(
    ("words", "is_permanent"),
    [
        ("550 no such user", True),
        ("550 5.1.1 no such user", True),
        ("550 5.7.1 not your kind", False),
        ("552 5.2.2 mailbox full", False),
        ("552 mailbox full", False),
    ],
)
def test_only_an_address_that_does_not_exist_is_refused_for_good(
    plain: SmtpServer, words: str, is_permanent: bool
) -> None:
    plain.answers["RCPT"] = words
    with Smtp(1) as ours:
        (outcome,) = ours.submit(mails(1))
    assert (outcome.status, outcome.code, outcome.is_permanent) == ("refused", words[:3], is_permanent)


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(both: Both) -> None:
    _, ours = both
    (outcome,) = ours.submit([Mail(CONTENT, copy_of(1, "jürgen@example.org"))])
    assert (outcome.status, outcome.code, outcome.is_permanent) == ("refused", "smtputf8", False)


def test_the_message_id_is_the_copys_at_any_time_and_the_date_is_now(both: Both, settings: LazySettings) -> None:
    server, ours = both
    settings.DEFAULT_FROM_EMAIL = '"Größe, Inc." <papers@exämple.org>'
    with clock.at(datetime(2026, 5, 4, 7, tzinfo=UTC)):
        ours.submit(mails(1))
    ours.submit([Mail(replace(CONTENT, key=2), copy_of(1))])
    first, second = server.accepted()
    assert first.headers["Message-ID"] == second.headers["Message-ID"] == "<message1@xn--exmple-cua.org>"
    assert first.headers["Date"] == "Mon, 04 May 2026 07:00:00 +0000"
    assert first.headers["From"] == "Größe, Inc. <papers@xn--exmple-cua.org>"
    assert first.headers["X-Delivery"] == "1"


@pytest.mark.parametrize("name", ["Café Papers", "Papers, daily", "Paper Round", "A =?utf-8?q?trick?= B"])
def test_the_lists_name_arrives_letter_by_letter(both: Both, settings: LazySettings, name: str) -> None:
    server, ours = both
    settings.PUBLICATION_NAME = name
    ours.submit([Mail(replace(CONTENT, headers=headers.headers_on(date(2026, 5, 4))), copy_of(1))])
    (mail,) = server.accepted()
    shown, address = parseaddr(mail.headers["List-Id"])
    assert (shown, address) == (name, settings.LIST_ID)


def test_bounces_return_to_an_address_of_each_mail(both: Both) -> None:
    server, ours = both
    marked = replace(copy_of(1), return_to="bounces+abc@example.org")
    assert statuses(ours, [Mail(CONTENT, marked), Mail(CONTENT, copy_of(2))]) == ["accepted"] * 2
    found = {mail.address: mail.headers["Return-Path"] for mail in server.accepted()}
    assert found == {
        "reader1@example.org": "<bounces+abc@example.org>",
        "reader2@example.org": "<papers@paper-round.invalid>",
    }


def test_a_reader_may_unsubscribe_by_mail_too(both: Both) -> None:
    server, ours = both
    ours.submit([Mail(CONTENT, replace(copy_of(1), unsubscribe_to="bounces+abc@example.org"))])
    (mail,) = server.accepted()
    link = copy_of(1).links["unsubscribe_url"]
    expected = f"<{link}>, <mailto:bounces+abc@example.org?subject=unsubscribe>"
    assert mail.headers["List-Unsubscribe"] == expected
    assert mail.headers["From"] == "Paper Round <papers@paper-round.invalid>"


def test_a_server_that_can_is_asked_to_return_headers_only(plain: SmtpServer) -> None:
    plain.answers["EHLO"] = "250-here\r\n250 DSN"
    assert submitted() == ["accepted"]
    assert any(line.startswith("MAIL") and "RET=HDRS" in line for line in plain.commands)
    plain.answers["EHLO"], plain.commands[:] = FRIENDLY["EHLO"], []
    assert submitted() == ["accepted"]
    assert not any("RET=" in line for line in plain.commands)


def test_a_connection_that_was_idle_is_asked_first(both: Both) -> None:
    server, ours = both
    ours.submit(mails(2))
    for connection in ours.connections:
        connection.used_at -= 60
    ours.connections[0].smtp.close()
    assert statuses(ours, mails(2)) == ["accepted"] * 2
    assert len(server.accepted()) == 4


def test_a_slow_server_leaves_the_rest_waiting(both: Both, settings: LazySettings) -> None:
    server, ours = both
    settings.EMAIL_TIMEOUT = 0.6
    server.plan(faults.slow(0.35, at="dot"))
    # When the first two are answered, the envelopes of the next two are open.
    assert statuses(ours, mails(6)) == ["accepted"] * 4 + ["not_accepted"] * 2


def test_nobody_is_sent_an_address_with_a_command_in_it(both: Both) -> None:
    server, ours = both
    evil = Copy(1, "a@example.org>\r\nRCPT TO:<eve@example.org", copy_of(1).links, "message1")
    assert statuses(ours, [Mail(CONTENT, evil)]) == ["refused"]
    assert server.entries() == []


def test_a_message_that_lost_its_unsubscribe_header_is_not_sent(both: Both) -> None:
    server, ours = both
    ours.contents[CONTENT.key, True] = (b"Subject: Papers\r\n\r\nList-Unsubscribe: <>\r\n",)
    outcomes = ours.submit([*mails(1), Mail(replace(CONTENT, key=2), copy_of(2))])
    assert [(outcome.status, outcome.code) for outcome in outcomes] == [("refused", "unsubscribe"), ("accepted", "")]
    assert [entry.address for entry in server.entries()] == ["reader2@example.org"]

import asyncio
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from tests.outside import faults
from tests.outside.faults import Rule
from tests.outside.ledger import body_hash
from tests.outside.provider import Provider, providing, providing_apart
from tests.outside.smtp import read_data

TEXT = "Grüße,\n.a line with a dot\n..and with two\n.\n"
HTML = "<p>Grüße</p>\n"


def letter(address: str = "ada@example.com") -> EmailMultiAlternatives:
    headers = {"X-Delivery": "7", "List-Unsubscribe": f"<https://papers.example.org/u/{'7' * 90}>"}
    message = EmailMultiAlternatives("Grüße", TEXT, "papers@papers.example.org", [address], headers=headers)
    message.attach_alternative(HTML, "text/html")
    return message


@pytest.fixture
def server() -> Iterator[Provider]:
    with providing("smtp", bodies=True) as provider, override_settings(**provider.settings):
        yield provider


def test_a_mail_of_stock_django_lands_in_the_ledger(server: Provider) -> None:
    letter().send()
    [entry] = server.accepted()
    assert (entry.address, entry.delivery, entry.subject) == ("ada@example.com", "7", "Grüße")
    assert entry.headers["List-Unsubscribe"] == f"<https://papers.example.org/u/{'7' * 90}>"
    assert (entry.text, entry.html) == (TEXT, HTML)
    assert entry.body_hash == body_hash(TEXT, HTML)


def test_many_mails_go_over_one_connection(server: Provider) -> None:
    with get_connection() as connection:
        connection.send_messages([letter(f"r{number}@example.com") for number in range(5)])
    assert [entry.request for entry in server.accepted()] == [1, 2, 3, 4, 5]


def test_a_mail_goes_encrypted_and_with_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with providing("smtp", tls=True, auth=True) as provider, override_settings(**provider.settings):
        with pytest.raises(ssl.SSLCertVerificationError):
            letter().send()
        monkeypatch.setenv("SSL_CERT_FILE", provider.certificate)
        letter().send()
        assert len(provider.accepted()) == 1


def test_nothing_is_taken_without_the_password() -> None:
    with providing("smtp", auth=True) as provider, override_settings(**provider.settings):
        with override_settings(EMAIL_HOST_PASSWORD="wrong"), pytest.raises(smtplib.SMTPAuthenticationError):
            letter().send()
        with override_settings(EMAIL_HOST_USER=""), pytest.raises(smtplib.SMTPSenderRefused):
            letter().send()
        assert provider.entries() == []


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_both_ways_to_say_the_password_work(mechanism: str) -> None:
    with providing("smtp", auth=True) as provider, smtplib.SMTP("127.0.0.1", port(provider)) as client:
        client.ehlo()
        client.user, client.password = "papers", "password-of-smtp"
        code, _ = client.auth(mechanism[5:].upper(), getattr(client, mechanism))
    assert code == 235


@pytest.mark.parametrize(
    ("rule", "error", "accepted"),
    [
        (faults.failing(421, at="greeting"), smtplib.SMTPConnectError, []),
        (faults.failing(450, at="rcpt"), smtplib.SMTPRecipientsRefused, [False]),
        (faults.failing(550, at="rcpt"), smtplib.SMTPRecipientsRefused, [False]),
        (faults.refused("ada@*"), smtplib.SMTPRecipientsRefused, [False]),
        (faults.failing(451, at="data"), smtplib.SMTPDataError, [False]),
        (faults.failing(554), smtplib.SMTPDataError, [False]),
        (faults.failing(451, accepts=True), smtplib.SMTPDataError, [True]),
        (faults.cut(at="rcpt"), smtplib.SMTPServerDisconnected, []),
        (faults.cut(), smtplib.SMTPServerDisconnected, [False]),
        (faults.cut(accepts=True), smtplib.SMTPServerDisconnected, [True]),
    ],
)
def test_each_fault_is_seen_and_the_ledger_knows_better(
    server: Provider, rule: Rule, error: type[Exception], accepted: list[bool]
) -> None:
    server.plan(rule)
    with pytest.raises(error):
        letter().send()
    assert [entry.accepted for entry in server.entries()] == accepted
    server.plan()
    letter().send()
    assert server.entries()[-1].accepted


def test_a_slow_answer_runs_into_the_timeout_and_is_accepted_all_the_same(server: Provider) -> None:
    server.plan(faults.slow(0.3))
    with override_settings(EMAIL_TIMEOUT=0.1), pytest.raises(smtplib.SMTPServerDisconnected):
        letter().send()
    letter("grace@example.com").send()
    assert [entry.address for entry in server.accepted()] == ["ada@example.com", "grace@example.com"]


def test_commands_sent_in_one_go_are_answered_in_order(server: Provider) -> None:
    said = talk(
        server,
        b"EHLO us\r\nMAIL FROM:<p@example.org>\r\nRCPT TO:<ada@example.com>\r\nRCPT TO:<no address>\r\nDATA\r\n",
        b"X-Delivery: 9\r\n\r\n..\r\n.\r\nRSET\r\nMAIL FROM:<p@example.org>\r\nQUIT\r\n",
    )
    codes = [line[:3] for line in said if line[3:4] != "-"]
    assert codes == ["220", "250", "250", "250", "550", "354", "250", "250", "250", "221"]
    assert "250-PIPELINING" in said
    [entry] = server.accepted()
    assert (entry.delivery, entry.text) == ("9", ".\n")


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"one\ntwo\r\n", "bare"), (b"x" * 999 + b"\r\n", "998"), (b"one\rtwo\r\n", "bare")],
)
def test_a_mail_that_is_wrong_on_the_wire_is_refused(server: Provider, body: bytes, why: str) -> None:
    said = talk(
        server,
        b"EHLO us\r\nMAIL FROM:<p@example.org>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n",
        b"X-Delivery: 9\r\n\r\n" + body + b".\r\nQUIT\r\n",
    )
    assert any(line.startswith("550 ") and why in line.lower() for line in said)
    [entry] = server.entries()
    assert not entry.accepted


def test_plain_commands_sent_after_starttls_are_discarded() -> None:
    with providing("smtp", tls=True) as provider:
        context = ssl.create_default_context(cafile=provider.certificate)
        with socket.create_connection(("127.0.0.1", port(provider)), 10) as plain:
            plain.recv(1000)
            plain.sendall(b"STARTTLS\r\nMAIL FROM:<intruder@example.org>\r\n")
            assert plain.recv(1000).startswith(b"220 ")
            with context.wrap_socket(plain, server_hostname="localhost") as secret:
                secret.sendall(b"MAIL FROM:<p@example.org>\r\n")
                assert secret.recv(1000).startswith(b"250 ")


@given(st.lists(st.text(".a\r\n", max_size=6), max_size=6), st.integers(1, 9))
def test_a_message_comes_as_it_was_before_its_dots_were_doubled(lines: list[str], piece: int) -> None:
    data = "".join(line.replace("\r", "").replace("\n", "") + "\r\n" for line in lines).encode()
    wire = re.sub(rb"(?m)^\.", b"..", data) + b".\r\n"
    assert asyncio.run(read_in_pieces(wire, piece)) == data


async def read_in_pieces(wire: bytes, piece: int) -> bytes:
    reader = asyncio.StreamReader()
    for start in range(0, len(wire), piece):
        reader.feed_data(wire[start : start + piece])
    return await read_data(reader)


def test_a_server_of_its_own_process_that_counts_reads_headers_alone() -> None:
    with providing_apart("smtp", counting=True) as provider, override_settings(**provider.settings):
        letter().send()
        [entry] = provider.accepted()
    assert (entry.delivery, entry.body_hash) == ("7", "")


def talk(server: Provider, *parts: bytes) -> list[str]:
    """Send each part in one write, the second after DATA is answered; return all lines of the answers."""
    with socket.create_connection(("127.0.0.1", port(server)), 10) as connection:
        said = b""
        for part in parts:
            connection.sendall(part)
            while b"354 " not in said and (more := connection.recv(10_000)):
                said += more
        while more := connection.recv(10_000):
            said += more
    return said.decode().splitlines()


def port(server: Provider) -> int:
    return int(server.url.rpartition(":")[2])

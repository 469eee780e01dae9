import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
from anymail.exceptions import (
    AnymailAPIError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailUnsupportedFeature,
)
from anymail.message import AnymailMessage
from botocore.exceptions import ClientError
from django.conf import LazySettings

from newsletter import clock
from newsletter.mail import message as mail
from newsletter.mail.refusal import Blame
from tests.outside.certificate import server_context
from tests.ports import free_port
from tests.provider import answering, http_error, sent
from tests.smtp_server import HANG_UP, SILENCE, SmtpServer, serving


@pytest.fixture
def smtp(settings: LazySettings) -> Iterator[SmtpServer]:
    """Hand mail over to a real SMTP server."""
    with serving() as server:
        settings.EMAIL_PROVIDER = "smtp"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 5
        yield server


def letter(**more: object) -> AnymailMessage:
    fields: dict[str, object] = {"tag": "test"} | more
    return mail.build("ada@example.org", "Papers", "Read.\n", "<p>Read.</p>", **fields)  # type: ignore[arg-type]


def status() -> str:
    return mail.hand_over(letter()).status


# The identity without which nothing leaves


@pytest.mark.parametrize(
    ("sender", "address", "missing"),
    [
        ("Paper Round <papers@example.org>", "1 Example Street", ""),
        ("Paper Round", "1 Example Street", "FROM_EMAIL"),
        ("Paper Round <papers@example.org>", "  ", "POSTAL_ADDRESS"),
        ("", "", "FROM_EMAIL and POSTAL_ADDRESS"),
    ],
)
def test_nothing_is_mailed_without_sender_and_postal_address(
    settings: LazySettings, sender: str, address: str, missing: str
) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.POSTAL_ADDRESS = sender, address
    message = AnymailMessage("Papers", "Read.", "papers@example.org", ["ada@example.org"])

    outcome = mail.hand_over(message)

    assert outcome.is_accepted == (not missing)
    assert len(sent()) == (not missing)
    assert outcome.reason == (f"Nothing is mailed without {missing}." if missing else "")


# What a mail is made of


def test_every_mail_has_two_parts_a_reply_address_and_says_that_a_machine_wrote_it(settings: LazySettings) -> None:
    settings.REPLY_TO = "editors@example.org"
    mail.hand_over(letter(headers={"List-Id": "x"}, metadata={"delivery": "7"}))
    (message,) = sent()
    assert message.body == "Read.\n"
    assert message.alternatives[0][0] == "<p>Read.</p>"
    assert message.reply_to == ["editors@example.org"]
    assert message.extra_headers == {"Auto-Submitted": "auto-generated", "List-Id": "x"}
    assert (message.tags, message.metadata) == (["test"], {"delivery": "7"})


def test_a_subject_is_one_line() -> None:
    message = mail.build("ada@example.org", "Papers\r\nBcc: eve@example.org", "", "", tag="test")
    assert mail.hand_over(message).is_accepted
    assert sent()[0].subject == "Papers Bcc: eve@example.org"


def test_a_composed_mail_holds_its_folders_words_and_its_styles_in_each_element() -> None:
    context = {"confirm_url": "https://example.org/confirm/x/", "sent_to": "ada@example.org"}
    message = mail.compose("subscribers/mail/confirm", context, "ada@example.org", tag="confirm")
    assert "\n" not in message.subject
    assert "https://example.org/confirm/x/" in str(message.body)
    assert 'style="' in str(message.alternatives[0][0])
    assert "@media (prefers-color-scheme: dark)" in str(message.alternatives[0][0])


# What is known after a call to a provider over HTTP


def amazon_error(code: str, status: int) -> AnymailAPIError:
    """Return what Anymail raises for an answer of Amazon's with this code."""
    error = AnymailAPIError("refused")
    error_of_amazon = {"Code": code, "Message": "Email address is not verified: papers@example.org"}
    answer: Any = {"Error": error_of_amazon, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.__cause__ = ClientError(answer, "SendEmail")
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http_error(400), "refused"),
        (http_error(401), "not_accepted"),
        (http_error(403), "not_accepted"),
        (http_error(404), "not_accepted"),
        (http_error(409), "unknown"),
        (http_error(413), "refused"),
        (http_error(422), "refused"),
        (http_error(429), "not_accepted"),
        (http_error(500), "unknown"),
        (http_error(503), "unknown"),
        (http_error(302), "unknown"),
        (AnymailRecipientsRefused(), "refused"),
        (AnymailInvalidAddress("no"), "refused"),
        (AnymailUnsupportedFeature("no"), "refused"),
        (AnymailAPIError("unreadable"), "unknown"),
        (amazon_error("MessageRejected", 400), "refused"),
        (amazon_error("TooManyRequestsException", 429), "not_accepted"),
        (amazon_error("InternalFailure", 500), "unknown"),
        (TimeoutError("timed out"), "unknown"),
        (ConnectionResetError("reset"), "unknown"),
        (ConnectionRefusedError("refused"), "not_accepted"),
        (socket.gaierror("no such host"), "not_accepted"),
    ],
)
def test_an_answer_is_clear_or_unknown(error: Exception, expected: str) -> None:
    with answering(error):
        outcome = mail.hand_over(letter())
    assert outcome.status == expected
    assert outcome.reason
    assert outcome.is_worth_repeating == (expected == "not_accepted")


def test_a_refusal_by_amazon_has_its_sentence_and_is_our_fault() -> None:
    with answering(amazon_error("MessageRejected", 400)):
        refused = mail.hand_over(letter())
    assert (refused.answer, refused.blame) == ("Email address is not verified: (an address)", Blame.US)
    with answering(amazon_error("AccessDeniedException", 403)):
        waiting = mail.hand_over(letter())
    assert waiting.reason.endswith("It says: “Email address is not verified: (an address)”.")


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999", 3600),
        ("", 60),
        ("soon", 60),
        ("²", 60),
        ("Mon, 04 May 2026 07:02:00 GMT", 120),
        ("Mon, 04 May 2026 06:59:00 GMT", 0),
        ("Tue, 05 May 2026 07:00:00 GMT", 3600),
        ("Mon, 04 May 2026 07:02:00 -0000", 60),
    ],
)
def test_a_provider_that_asks_for_a_pause_is_given_it_up_to_an_hour(wish: str, seconds: int) -> None:
    with answering(http_error(429, Retry_After=wish)), clock.at(datetime(2026, 5, 4, 7, tzinfo=UTC)):
        assert mail.hand_over(letter()).wait == timedelta(seconds=seconds)


def test_a_provider_whose_certificate_is_not_known_got_nothing(settings: LazySettings, tmp_path: Path) -> None:
    context, _ = server_context(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=shake_hands, args=(listener, context), daemon=True).start()
        settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v3"
        settings.ANYMAIL = {"MAILGUN_API_KEY": "k", "MAILGUN_API_URL": url}
        assert status() == "not_accepted"


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with suppress(OSError):
        context.wrap_socket(connection, server_side=True).close()


def test_a_call_to_amazon_that_times_out_is_not_repeated(settings: LazySettings) -> None:
    with serving() as server:
        server.answers = {"CONNECT": SILENCE}
        ours: Any = settings.ANYMAIL["AMAZON_SES_CLIENT_PARAMS"]
        config = ours["config"] | {"read_timeout": 0.2}
        here = {"endpoint_url": f"http://127.0.0.1:{server.port}", "region_name": "eu-west-1", "config": config}
        here |= {"aws_access_key_id": "k", "aws_secret_access_key": "k"}
        settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
        settings.ANYMAIL = {"AMAZON_SES_CLIENT_PARAMS": here}
        assert status() == "unknown"
        assert server.connections == 1


def test_no_outcome_holds_an_address() -> None:
    for error in (AnymailInvalidAddress("ada@example.org"), AnymailRecipientsRefused("ada@example.org")):
        with answering(error):
            assert "@" not in mail.hand_over(letter()).reason


def test_a_provider_that_cannot_be_reached_got_nothing(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {"MAILGUN_API_KEY": "k", "MAILGUN_API_URL": f"http://127.0.0.1:{free_port()}/v3"}
    assert status() == "not_accepted"


@pytest.mark.parametrize("answer", ["", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"])
def test_a_provider_whose_answer_breaks_off_or_cannot_be_read_may_have_sent_it(
    settings: LazySettings, answer: str
) -> None:
    with serving() as server:
        server.answers = {"CONNECT": answer}  # not a mail server: what any client gets, and then the end
        settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
        settings.ANYMAIL = {"MAILGUN_API_KEY": "k", "MAILGUN_API_URL": f"http://127.0.0.1:{server.port}/v3"}
        assert status() == "unknown"


# What is known after a call to an SMTP server


def test_a_mail_leaves_over_smtp_with_its_headers(smtp: SmtpServer) -> None:
    assert mail.hand_over(letter(headers={"List-Unsubscribe": "<https://example.org/u/x/>"})).is_accepted
    message = message_from_string(smtp.messages[0], policy=policy.default)
    assert message["To"] == "ada@example.org"
    assert message["List-Unsubscribe"] == "<https://example.org/u/x/>"
    assert message["Message-ID"].endswith("@paper-round.invalid>")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_letters_message_id_has_the_domain_as_dns_writes_it(smtp: SmtpServer, settings: LazySettings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Papers <papers@bücher.example>"
    assert mail.hand_over(letter()).is_accepted
    message = message_from_string(smtp.messages[0], policy=policy.default)
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("CONNECT", "421 too busy", "not_accepted"),
        ("CONNECT", "554 go away", "not_accepted"),
        ("MAIL", "451 later", "not_accepted"),
        ("MAIL", "550 not from you", "refused"),
        ("RCPT", "450 mailbox busy", "not_accepted"),
        ("RCPT", "550 no such user", "refused"),
        ("DATA", "451 later", "not_accepted"),
        ("DATA", "554 no", "refused"),
        (".", "452 disk full", "not_accepted"),
        (".", "552 too big", "refused"),
        # From here on nobody knows: it may have been taken.
        (".", HANG_UP, "unknown"),
        (".", "taken, thank you", "unknown"),
        (".", SILENCE, "unknown"),
    ],
)
def test_a_mail_servers_answer_says_what_became_of_the_mail(
    smtp: SmtpServer, settings: LazySettings, command: str, answer: str, expected: str
) -> None:
    settings.EMAIL_TIMEOUT = 0.3 if answer == SILENCE else 5
    smtp.answers[command] = answer
    assert status() == expected
    assert smtp.messages == []


def test_a_wrong_password_costs_no_mail(smtp: SmtpServer, settings: LazySettings) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "papers", "wrong"
    smtp.answers |= {"EHLO": "250 AUTH PLAIN", "AUTH": "535 who are you?"}
    assert status() == "not_accepted"


def test_a_mail_server_that_is_not_there_got_nothing(smtp: SmtpServer, settings: LazySettings) -> None:
    settings.EMAIL_PORT = free_port()
    assert status() == "not_accepted"

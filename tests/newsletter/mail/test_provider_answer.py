"""Whose fault a provider's own refusal is: what is said while a mail is handed over, before any receiver has it."""

from smtplib import SMTPRecipientsRefused

import pytest
from anymail.exceptions import AnymailRequestsAPIError
from requests import Response

from newsletter.mail.provider_answer import SendOutcome, outcome_of_http, outcome_of_smtp
from newsletter.mail.refusal import Blame


def answer_of_http(status: int, said: str) -> SendOutcome:
    response = Response()
    response.status_code = status
    response._content = said.encode()
    return outcome_of_http(AnymailRequestsAPIError("refused", response=response))


def answer_of_server(code: int, said: str) -> SendOutcome:
    return outcome_of_smtp(SMTPRecipientsRefused({"ada@example.org": (code, said.encode())}))


@pytest.mark.parametrize(
    "said", ["", "400 Bad Request", '{"message": "Daily quota exceeded"}', '{"error": "Temporarily not possible"}']
)
def test_an_http_answer_tells_of_no_mailbox(said: str) -> None:
    assert answer_of_http(400, said).blame is Blame.US


def test_an_http_answer_may_tell_that_an_address_is_none() -> None:
    assert answer_of_http(400, '{"message": "Invalid recipient"}').blame is Blame.ADDRESS


@pytest.mark.parametrize(
    ("code", "said", "blame"),
    [
        (550, "No such user", Blame.ADDRESS),
        (552, "5.2.2 Mailbox full", Blame.MAILBOX),
        (550, "Your account has been disabled", Blame.US),
        (550, "Not today", Blame.US),
        (553, "Delivery is not possible", Blame.US),
    ],
)
def test_a_mail_servers_refusal_blames_an_address_only_by_its_words(code: int, said: str, blame: Blame) -> None:
    outcome = answer_of_server(code, said)
    assert (outcome.status, outcome.blame, outcome.is_permanent) == ("refused", blame, blame is Blame.ADDRESS)


def test_a_delay_is_told_in_the_servers_own_words() -> None:
    outcome = answer_of_server(450, "4.7.1 <ada@example.org>: too many mails")
    assert outcome.status == "not_accepted"
    assert outcome.reason.endswith("It says: “450 4.7.1 <(an address)>: too many mails”.")

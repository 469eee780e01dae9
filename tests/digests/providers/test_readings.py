"""Answers that a provider gives rarely: what each says of the mails of its call."""

from datetime import timedelta

import orjson
import pytest
from anymail.exceptions import AnymailRequestsAPIError
from requests import Response

from digests.providers.http_lane import outcomes_of_refusal
from digests.providers.mailjet import outcome_of_errors
from digests.providers.postmark import outcome_of_code, outcomes_of_call
from newsletter.mail.refusal import Blame
from tests.digests.providers.mails import mails


def refusal(status: int, said: str) -> AnymailRequestsAPIError:
    response = Response()
    response.status_code = status
    response._content = said.encode()
    return AnymailRequestsAPIError("refused", response=response)


@pytest.mark.parametrize(
    "said",
    [
        "'to' parameter is not a valid address: reader2@example.org",
        '{"message": "to: <READER2@example.org>, is no address"}',
        '{"error": "reader2@example.org."}',
    ],
)
def test_a_refused_call_that_names_an_address_lets_the_others_go(said: str) -> None:
    outcomes = outcomes_of_refusal(refusal(400, said), mails(3))
    assert [outcome.status for outcome in outcomes] == ["not_accepted", "refused", "not_accepted"]
    assert [outcome.is_worth_splitting for outcome in outcomes] == [False] * 3
    assert outcomes[1].is_permanent
    assert outcomes[0].wait == timedelta(0)


def test_an_answer_that_names_the_reader_and_blames_us_suppresses_nobody() -> None:
    said = "Mail to reader1@example.org was refused: the DKIM signature does not verify"
    (outcome,) = outcomes_of_refusal(refusal(400, said), mails(1))
    assert (outcome.status, outcome.is_permanent, outcome.blame) == ("refused", False, Blame.US)
    assert outcome.answer == "Mail to (an address) was refused: the DKIM signature does not verify"


def test_an_address_that_only_holds_a_readers_is_another() -> None:
    outcomes = outcomes_of_refusal(refusal(400, "xreader2@example.org and reader2@example.organic"), mails(3))
    assert all(outcome.is_worth_splitting for outcome in outcomes)


def test_an_answer_that_repeats_the_whole_call_refuses_nobody_for_good() -> None:
    said = "subject too long: reader1@example.org, reader2@example.org, reader3@example.org"
    outcomes = outcomes_of_refusal(refusal(400, said), mails(3))
    assert [(one.status, one.is_worth_splitting) for one in outcomes] == [("not_accepted", True)] * 3


@pytest.mark.parametrize(
    "said",
    [
        "'from' parameter is not a valid address. please check documentation",
        '{"code":"invalid_parameter","message":"Sending has been rejected because the sender you used is not valid."}',
        '{"message":"Your account is temporarily disabled"}',
        '{"message":"You have not enough credits"}',
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_what_a_refusal_says_of_our_sender_or_account_leaves_the_mails_waiting(said: str, count: int) -> None:
    outcomes = outcomes_of_refusal(refusal(400, said), mails(count))
    assert [(outcome.status, outcome.is_worth_splitting) for outcome in outcomes] == [("not_accepted", False)] * count


@pytest.mark.parametrize(("status", "count"), [(413, 5), (422, 2), (400, 2)])
def test_a_call_that_is_refused_as_a_whole_is_worth_a_smaller_one(status: int, count: int) -> None:
    outcomes = outcomes_of_refusal(refusal(status, "no"), mails(count))
    assert [outcome.is_worth_splitting for outcome in outcomes] == [True] * count
    (alone,) = outcomes_of_refusal(refusal(status, "no"), mails(1))
    assert (alone.status, alone.code, alone.is_permanent) == ("refused", str(status), False)


@pytest.mark.parametrize(
    ("said", "is_permanent"),
    [
        ("'to' parameter is not a valid address. please check documentation", True),
        ("to parameter is not a valid address", True),
        ("email is not valid in to", True),
        ("Invalid `to` field. The email address needs to follow the format.", True),
        ("htmlContent is not valid, refer to the documentation", False),
        ("", False),
    ],
)
def test_only_an_error_about_the_address_refuses_it_for_good(said: str, is_permanent: bool) -> None:
    (outcome,) = outcomes_of_refusal(refusal(400, said), mails(1))
    assert (outcome.status, outcome.is_permanent) == ("refused", is_permanent)


@pytest.mark.parametrize("status", [408, 409, 425, 302, 500])
def test_other_statuses_prove_nothing(status: int) -> None:
    assert outcomes_of_refusal(refusal(status, "reader1@example.org"), mails(1))[0].status == "unknown"


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (406, "marked as inactive", ("refused", True)),
        (300, "Invalid 'To' address: 'x'.", ("refused", True)),
        (300, "Error parsing 'To': Illegal email domain", ("refused", True)),
        (300, "Invalid metadata content.", ("refused", False)),
        (300, "Invalid 'From' address: 'x'.", ("not_accepted", False)),
        (400, "Sender signature not found", ("not_accepted", False)),
        (405, "Not allowed to send", ("not_accepted", False)),
        (412, "Account is pending", ("not_accepted", False)),
        (429, "Rate limit exceeded", ("not_accepted", False)),
        (100, "Maintenance", ("not_accepted", False)),
        (411, "Forbidden attachment type", ("refused", False)),
        (9999, "New", ("unknown", False)),
    ],
)
def test_postmarks_codes(code: int, said: str, expected: tuple[str, bool]) -> None:
    outcome = outcome_of_code({"ErrorCode": code, "Message": said})
    assert (outcome.status, outcome.is_permanent) == expected
    assert outcome.code == str(code)


def test_postmark_refusing_a_call_as_too_long_asks_for_a_smaller_one() -> None:
    answer = {"ErrorCode": 410, "Message": "Too many batch messages"}
    assert [outcome.is_worth_splitting for outcome in outcomes_of_call(answer, 2)] == [True, True]
    assert outcomes_of_call(answer, 1)[0].status == "refused"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"StatusCode": 400, "ErrorRelatedTo": ["To[0].Email"]}, ("refused", True)),
        ({"StatusCode": 400, "ErrorRelatedTo": ["HTMLPart"]}, ("refused", False)),
        ({"StatusCode": 403, "ErrorRelatedTo": ["From"]}, ("not_accepted", False)),
        ({"StatusCode": 429}, ("not_accepted", False)),
        ({"StatusCode": 500}, ("unknown", False)),
        ({}, ("unknown", False)),
    ],
)
def test_mailjets_errors(error: dict[str, object], expected: tuple[str, bool]) -> None:
    outcome = outcome_of_errors([error])
    assert (outcome.status, outcome.is_permanent) == expected
    assert orjson.dumps(outcome.code) == b'""'

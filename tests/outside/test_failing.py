import time
from email.utils import formatdate

import pytest
import requests
from anymail.exceptions import AnymailAPIError, AnymailRequestsAPIError
from django.test import override_settings

from tests.outside import faults
from tests.outside.faults import Rule
from tests.outside.letters import HTTP, letter, letters
from tests.outside.provider import providing, providing_apart


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("accepts", [False, True])
def test_an_error_says_nothing_of_acceptance_and_the_ledger_does(name: str, accepts: bool) -> None:
    assert fate(name, faults.failing(503, accepts=accepts)) == (AnymailRequestsAPIError, 503, accepts)


@pytest.mark.parametrize("accepts", [False, True])
def test_a_connection_is_cut_before_or_after_acceptance(accepts: bool) -> None:
    error, status, was_accepted = fate("mailgun", faults.cut(accepts=accepts))
    assert issubclass(error, requests.ConnectionError)
    assert (status, was_accepted) == (None, accepts)


def test_an_answer_breaks_off_after_acceptance() -> None:
    error, _, was_accepted = fate("mailgun", faults.broken_off())
    assert issubclass(error, requests.RequestException)
    assert was_accepted


@pytest.mark.parametrize("name", HTTP)
def test_a_truncated_answer_cannot_be_read(name: str) -> None:
    error, status, was_accepted = fate(name, faults.truncated())
    assert issubclass(error, AnymailAPIError)
    assert status in (200, 201)
    assert was_accepted


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("accepts", [False, True])
def test_a_foreign_page_looks_like_success_and_cannot_be_read(name: str, accepts: bool) -> None:
    assert fate(name, faults.foreign(accepts=accepts)) == (AnymailRequestsAPIError, 200, accepts)


def fate(name: str, rule: Rule) -> tuple[type[Exception], int | None, bool]:
    """Send one mail under a rule; return the error, the status it names and whether the mail was accepted."""
    with providing(name) as provider, override_settings(**provider.settings):
        provider.plan(rule)
        with pytest.raises(AnymailAPIError) as caught:
            letter().send()
        [entry] = provider.entries()
    assert entry.why == rule.fault
    return type(caught.value), caught.value.status_code, entry.accepted


@pytest.mark.parametrize("wait", ["7", formatdate(2_000_000_000, usegmt=True)])
def test_the_answer_to_a_throttled_call_names_the_wait(wait: str) -> None:
    with providing("postmark") as provider, override_settings(**provider.settings):
        provider.plan(faults.throttled(wait))
        with pytest.raises(AnymailRequestsAPIError) as caught:
            letter().send()
        assert provider.accepted() == []
    assert (caught.value.status_code, caught.value.response.headers["Retry-After"]) == (429, wait)


def test_a_slow_answer_runs_into_the_timeout_and_is_accepted_all_the_same() -> None:
    with providing("mailgun") as provider, override_settings(**provider.settings):
        provider.plan(faults.slow(0.3))
        message = letter()
        impatient = override_settings(ANYMAIL=provider.settings["ANYMAIL"] | {"REQUESTS_TIMEOUT": 0.1})
        with impatient, pytest.raises(requests.Timeout):
            message.send()
        began = time.monotonic()
        letter("grace@example.com").send()
        assert time.monotonic() - began >= 0.3
        assert [entry.address for entry in provider.accepted()] == ["ada@example.com", "grace@example.com"]


def test_a_rule_holds_for_the_next_calls_only() -> None:
    with providing("mailgun") as provider:
        provider.plan(faults.failing(500, after=1, times=2))
        assert statuses(provider.url, 5) == [200, 500, 500, 200, 200]


def test_a_rule_holds_for_a_share_of_the_calls_the_same_at_each_run() -> None:
    with providing("mailgun") as provider:
        rule = faults.failing(500, share=0.5, seed=3)
        provider.plan(rule)
        first = statuses(provider.url, 40)
        provider.plan(rule)
        assert statuses(provider.url, 40) == first
    assert 10 <= first.count(500) <= 30


def test_a_rule_holds_for_a_time() -> None:
    with providing("mailgun") as provider:
        provider.plan(faults.failing(500, seconds=0), faults.failing(502, seconds=60))
        assert statuses(provider.url, 1) == [502]


def test_a_rule_holds_for_calls_to_some_addresses() -> None:
    with providing("mailgun") as provider:
        provider.plan(faults.failing(500, addresses="*@slow.example"))
        assert statuses(provider.url, 1) + statuses(provider.url, 1, "ada@slow.example") == [200, 500]


def test_a_plan_is_replaced_while_a_process_runs() -> None:
    with providing_apart("mailgun") as provider:
        provider.plan(faults.failing(500))
        failed = statuses(provider.url, 1)
        provider.plan()
        assert failed + statuses(provider.url, 1) == [500, 200]


def statuses(url: str, times: int, address: str = "ada@example.com") -> list[int]:
    with requests.Session() as session:
        session.auth = ("api", "key-of-mailgun")
        form = {"to": address, "text": "Papers"}
        return [session.post(f"{url}/v3/papers.example.org/messages", form).status_code for _ in range(times)]


READERS = ["ada@example.com", "grace@example.com", "emmy@example.com"]


def test_postmark_refuses_and_doubts_single_messages_of_a_batch() -> None:
    with providing("postmark") as provider, override_settings(**provider.settings):
        provider.plan(faults.refused("grace@*"), faults.invalid("emmy@*"))
        message = letters(READERS)
        message.send()
        entries = provider.entries()
    assert [(entry.accepted, entry.why) for entry in entries] == [(True, ""), (False, "refused"), (False, "invalid")]
    found = {address: status.status for address, status in message.anymail_status.recipients.items()}
    assert found == {READERS[0]: "sent", READERS[1]: "rejected", READERS[2]: "invalid"}


def test_mailjet_answers_400_where_one_message_of_many_failed() -> None:
    with providing("mailjet") as provider, override_settings(**provider.settings):
        provider.plan(faults.invalid("grace@*"))
        message = letters(READERS)
        message.send()
        accepted = [entry.address for entry in provider.accepted()]
    assert accepted == [READERS[0], READERS[2]]
    found = {address: status.status for address, status in message.anymail_status.recipients.items()}
    assert found == {READERS[0]: "sent", READERS[1]: "failed", READERS[2]: "sent"}


@pytest.mark.parametrize(("name", "status"), [("mailgun", 400), ("brevo", 400), ("resend", 422)])
def test_one_invalid_address_spoils_the_whole_call(name: str, status: int) -> None:
    with providing(name) as provider, override_settings(**provider.settings):
        provider.plan(faults.invalid("grace@*"))
        with pytest.raises(AnymailRequestsAPIError) as caught:
            letters(READERS).send()
        assert [entry.why for entry in provider.entries()] == ["with others", "invalid", "with others"]
        assert provider.accepted() == []
    assert caught.value.status_code == status


def test_resend_takes_what_is_valid_where_the_caller_is_permissive() -> None:
    with providing("resend") as provider:
        provider.plan(faults.invalid("grace@*"))
        headers = {"Authorization": "Bearer key-of-resend", "x-batch-validation": "permissive"}
        messages = [{"to": [address], "subject": "Papers", "text": "One"} for address in READERS]
        answer = requests.post(f"{provider.url}/emails/batch", json=messages, headers=headers, timeout=10).json()
        assert [entry.address for entry in provider.accepted()] == [READERS[0], READERS[2]]
    assert len(answer["data"]) == 2
    assert [error["index"] for error in answer["errors"]] == [1]


def test_a_share_of_the_recipients_is_refused_at_every_repetition() -> None:
    readers = [f"r{number}@example.com" for number in range(40)]
    with providing("postmark") as provider, override_settings(**provider.settings):
        provider.plan(faults.refused(share=0.25))
        letters(readers).send()
        letters(readers).send()
        entries = provider.entries()
    assert [entry.why for entry in entries[:40]] == [entry.why for entry in entries[40:]]
    assert 3 <= sum(entry.accepted for entry in entries[:40]) <= 37


def test_calls_beyond_those_of_a_minute_are_refused_for_now() -> None:
    with providing("brevo", calls_a_minute=2) as provider, override_settings(**provider.settings):
        assert "SEND_CALLS_A_MINUTE" not in provider.settings
        for _ in range(2):
            letter("ada@example.com").send()
        with pytest.raises(AnymailRequestsAPIError) as refusal:
            letter("ada@example.com").send()
        assert refusal.value.status_code == 429
        assert len(provider.accepted()) == 2

import pytest
import requests
from anymail.exceptions import AnymailRequestsAPIError
from django.core.mail import get_connection
from django.test import override_settings

from tests.outside.ledger import body_hash
from tests.outside.letters import HTTP, MERGE_FIELDS, letter, letters
from tests.outside.provider import providing, providing_apart

READERS = ["ada@example.com", "grace@example.com", "emmy@example.com"]


@pytest.mark.parametrize("name", HTTP)
def test_a_mail_of_stock_anymail_lands_in_the_ledger(name: str) -> None:
    with providing(name) as provider, override_settings(**provider.settings):
        message = letter("Ada@example.com")
        message.send()
        [entry] = provider.accepted()
    assert (entry.provider, entry.request, entry.address, entry.delivery) == (name, 1, "Ada@example.com", "7")
    assert entry.headers["List-Unsubscribe"] == "<https://papers.example.org/u/7>"
    assert entry.body_hash == body_hash("Two papers.", "<p>Two papers.</p>")
    assert entry.message_id == message.anymail_status.recipients["Ada@example.com"].message_id
    assert (entry.text, entry.html) == ("", "")


@pytest.mark.parametrize("name", MERGE_FIELDS)
def test_a_shared_body_is_filled_for_each_reader(name: str) -> None:
    with providing(name, bodies=True) as provider, override_settings(**provider.settings):
        letters(READERS, MERGE_FIELDS[name]).send()
        entries = provider.accepted()
    assert [(entry.address, entry.delivery, entry.request) for entry in entries] == [
        (address, str(number), 1) for number, address in enumerate(READERS)
    ]
    assert [entry.headers["List-Unsubscribe"][-3:] for entry in entries] == ["/0>", "/1>", "/2>"]
    assert [(entry.subject, entry.text, entry.html) for entry in entries] == [
        (f"Papers for R{number}", f"Dear R{number}.\n", f"<p>Dear R{number}.</p>\n") for number in range(3)
    ]
    assert entries[1].body_hash == body_hash("Dear R1.", "<p>Dear R1.</p>")


@pytest.mark.parametrize("name", ["postmark", "resend"])
def test_a_batch_of_messages_is_answered_message_by_message(name: str) -> None:
    with providing(name) as provider, override_settings(**provider.settings):
        message = letters(READERS)
        message.send()
        entries = provider.accepted()
    assert [(entry.address, entry.delivery, entry.request) for entry in entries] == [
        (address, str(number), 1) for number, address in enumerate(READERS)
    ]
    assert [entry.headers["List-Unsubscribe"][-3:] for entry in entries] == ["/0>", "/1>", "/2>"]
    answered = message.anymail_status.recipients
    assert [answered[entry.address].message_id for entry in entries] == [entry.message_id for entry in entries]
    assert len({entry.message_id for entry in entries}) == 3


@pytest.mark.parametrize("name", MERGE_FIELDS)
def test_a_value_that_looks_like_a_field_stays_as_it_is(name: str) -> None:
    with providing(name, bodies=True) as provider, override_settings(**provider.settings):
        message = letters(READERS, MERGE_FIELDS[name])
        message.merge_data[READERS[0]]["name"] = MERGE_FIELDS[name]
        message.send()
        entry = provider.accepted()[0]
    assert entry.text == f"Dear {MERGE_FIELDS[name]}.\n"


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("mailgun", "To %recipient%: 5 % of %recipient.nobody%", "To ada@example.com: 5 % of %recipient.nobody%"),
        ("brevo", "{{x}} and {% if y %}{{ params.nobody }}", " and "),
        ("mailjet", "{{x}} and [[var:nobody]][[x]]", "{{x}} and [[x]]"),
        ("postmark", "{{x}}", "{{x}}"),
        ("resend", "{{x}}", "{{x}}"),
    ],
)
def test_text_that_is_a_field_by_accident_is_read_as_one(name: str, text: str, seen: str) -> None:
    with providing(name, bodies=True) as provider, override_settings(**provider.settings):
        message = letter()
        message.body = text
        message.send()
        [entry] = provider.accepted()
    assert entry.text == seen


@pytest.mark.parametrize("name", HTTP)
def test_a_wrong_key_is_answered_401_and_leaves_no_trace(name: str) -> None:
    with providing(name) as provider, override_settings(**provider.settings):
        connection = get_connection(api_key="wrong", server_token="wrong")
        message = letter()
        message.connection = connection
        with pytest.raises(AnymailRequestsAPIError) as refusal:
            message.send()
        assert provider.entries() == []
    assert refusal.value.status_code == 401


@pytest.mark.parametrize(("name", "limit"), [("postmark", 500), ("resend", 100), ("mailjet", 50), ("mailgun", 1000)])
def test_a_call_over_the_provider_s_limit_is_refused_whole(name: str, limit: int) -> None:
    with providing(name) as provider, override_settings(**provider.settings):
        with pytest.raises(AnymailRequestsAPIError):
            letters([f"r{number}@example.com" for number in range(limit + 1)]).send()
        assert provider.entries() == []
        letters([f"r{number}@example.com" for number in range(limit)]).send()
        assert len(provider.accepted()) == limit


def test_a_form_with_attachments_reads_the_same() -> None:
    with providing("mailgun") as provider, override_settings(**provider.settings):
        plain, attached = letter(), letter()
        attached.attach("papers.csv", "a,b\n", "text/csv")
        plain.send()
        attached.send()
        one, other = provider.accepted()
    assert (one.address, one.delivery, one.headers, one.body_hash) == (
        other.address,
        other.delivery,
        other.headers,
        other.body_hash,
    )


def test_a_key_makes_a_repetition_harmless() -> None:
    with providing("resend") as provider:
        call = {"from": "papers@papers.example.org", "to": ["ada@example.com"], "subject": "Papers", "text": "One"}
        first, again, other = (resend(provider.url, [content]) for content in (call, call, call | {"text": "Two"}))
        assert [entry.why for entry in provider.entries()] == ["", "repeated", "repeated"]
        assert len(provider.accepted()) == 1
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (other.status_code, other.json()["name"]) == (409, "invalid_idempotent_request")


def resend(url: str, content: object) -> requests.Response:
    headers = {"Authorization": "Bearer key-of-resend", "Idempotency-Key": "batch 7"}
    return requests.post(f"{url}/emails/batch", json=content, headers=headers, timeout=10)


def test_a_provider_of_its_own_process_that_counts_leaves_bodies_out() -> None:
    with providing_apart("mailgun", counting=True) as provider, override_settings(**provider.settings):
        letters(READERS, "%recipient.name%").send()
        entries = provider.accepted()
    assert [(entry.delivery, entry.body_hash) for entry in entries] == [("0", ""), ("1", ""), ("2", "")]
    assert entries[2].headers == {"List-Unsubscribe": "<https://papers.example.org/u/2>"}

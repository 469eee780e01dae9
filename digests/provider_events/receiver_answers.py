"""Finds the receiver's own sentence in what a provider posted, with the enhanced status code beside it."""

from collections.abc import Callable
from typing import Any

from digests.provider_events.redaction import redact_words, storable_text

LONGEST = 500  # characters that are kept of an answer


def value_at(body: Any, *path: str) -> Any:
    """Return the value at `path` of a parsed body, None if there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def text_at(body: Any, *path: str) -> str:
    """Return the value at `path` as text, an empty string if there is none."""
    value = value_at(body, *path)
    return "" if value is None else str(value)


def amazon_ses_answer(event: Any) -> list[str]:
    recipients = value_at(event.esp_event, "bounce", "bouncedRecipients")
    mine = [
        text_at(one, "status")
        for one in (recipients if isinstance(recipients, list) else [])
        if text_at(one, "emailAddress") == event.recipient
    ]
    return [*mine[:1], str(event.mta_response or "")]


def mailgun_answer(event: Any) -> list[str]:
    status = value_at(event.esp_event, "event-data", "delivery-status")
    return [text_at(status, "code"), text_at(status, "enhanced-code"), str(event.mta_response or "")]


def mailjet_answer(event: Any) -> list[str]:
    return [text_at(event.esp_event, name) for name in ("smtp_reply", "comment", "error")]


def mandrill_answer(event: Any) -> list[str]:
    message = value_at(event.esp_event, "msg")
    return [text_at(message, "diag"), text_at(message, "bounce_description").replace("_", " ")]


def mailersend_answer(event: Any) -> list[str]:
    return [text_at(event.esp_event, "data", "morph", name) for name in ("readable_reason", "reason")]


def resend_answer(event: Any) -> list[str]:
    bounce = value_at(event.esp_event, "data", "bounce")
    diagnostics = value_at(bounce, "diagnosticCode")
    return [*map(str, diagnostics if isinstance(diagnostics, list) else []), text_at(bounce, "message")]


def sendgrid_answer(event: Any) -> list[str]:
    return [text_at(event.esp_event, "status"), str(event.mta_response or "")]


ANSWERS: dict[str, Callable[[Any], list[str]]] = {
    "Amazon SES": amazon_ses_answer,
    "MailerSend": mailersend_answer,
    "Mailgun": mailgun_answer,
    "Mailjet": mailjet_answer,
    "Mandrill": mandrill_answer,
    "Resend": resend_answer,
    "SendGrid": sendgrid_answer,
}
# Their descriptions are examples of what may have happened: “ex: unknown user, mailbox not found”.
ONLY_MTA = {"Postmark", "Brevo", "SparkPost"}


def answer_of(provider: str, event: Any) -> str:
    """Return what the receiver answered, without addresses; an empty string if the provider does not say it."""
    if provider in ANSWERS:
        parts = ANSWERS[provider](event)
    else:
        description = "" if provider in ONLY_MTA else event.description
        parts = [str(event.mta_response or ""), str(description or "")]
    distinct = [part for at, part in enumerate(parts) if part and not any(part in one for one in parts[at + 1 :])]
    return redact_words(storable_text(" ".join(" ".join(distinct).split())))[:LONGEST]

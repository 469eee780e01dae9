"""What the records of each provider mean, read as its webhooks are."""

from collections.abc import Iterator
from typing import Any

import pytest
from anymail.webhooks.mailgun import MailgunTrackingWebhookView

from digests.provider_events.event_rows import build_rows
from digests.provider_events.posted_events import PostedEvents
from tests.digests.provider_lookups.answers import RECORDS, Server, answering, asking, rows_from

NO_SUCH = {"code": 550, "enhanced-code": "5.1.1", "message": "The email account does not exist."}
DKIM = {"code": 550, "enhanced-code": "5.7.26", "message": "Your mail is not authenticated: DKIM = did not pass"}
# provider, what differs in its record, the event's kind, and whose fault it is
WORDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("mailgun", {"event": "accepted"}, "accepted", ""),
    ("mailgun", {"event": "delivered"}, "delivered", ""),
    ("mailgun", {"event": "failed", "severity": "permanent", "delivery-status": NO_SUCH}, "bounced", "address"),
    ("mailgun", {"event": "failed", "severity": "permanent", "delivery-status": DKIM}, "bounced", "us"),
    ("mailgun", {"event": "failed", "severity": "temporary", "delivery-status": {"code": 452}}, "accepted", ""),
    ("mailgun", {"event": "complained"}, "complained", ""),
    ("postmark", {"Status": "Queued"}, "accepted", ""),
    ("sendgrid", {"status": "processed"}, "accepted", ""),
    ("sendgrid", {"status": "not_delivered"}, "accepted", ""),
    ("sendgrid", {"status": "delivered"}, "delivered", ""),
    ("brevo", {"event": "requests"}, "accepted", ""),
    ("brevo", {"event": "delivered"}, "delivered", ""),
    ("brevo", {"event": "hardBounces", "reason": "550 5.1.1 No such user"}, "bounced", "address"),
    ("brevo", {"event": "softBounces", "reason": "452 4.2.2 Mailbox full"}, "soft_bounced", "mailbox"),
    ("brevo", {"event": "blocked"}, "rejected", "address"),
    ("brevo", {"event": "spam"}, "complained", ""),
    ("resend", {"last_event": "queued"}, "accepted", ""),
    ("resend", {"last_event": "clicked"}, "delivered", ""),
    ("resend", {"last_event": "complained"}, "complained", ""),
    ("resend", {"last_event": "bounced"}, "soft_bounced", "unknown"),  # it does not say for how long
    ("resend", {"last_event": "suppressed"}, "rejected", "address"),
    ("resend", {"last_event": "failed"}, "rejected", "us"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with answering() as listening:
        yield listening


@pytest.mark.parametrize(("name", "change", "kind", "blame"), WORDS)
def test_a_record_is_read_as_the_webhook_would_be(
    server: Server, name: str, change: dict[str, Any], kind: str, blame: str
) -> None:
    rows, record = RECORDS[name]
    with asking(server, name) as lookup:
        [row] = rows_from(lookup, server, {rows: [record | change]})
    assert (row.kind, row.blame, row.delivery_id) == (kind, blame, 7)
    assert "ada@example.org" not in str(row.body)


def test_an_event_that_mailgun_also_posted_is_stored_once(server: Server) -> None:
    rows, record = RECORDS["mailgun"]
    posted = MailgunTrackingWebhookView(webhook_signing_key="a key").esp_to_anymail_event(
        {"signature": {"token": "x"}, "event-data": record}
    )
    [from_webhook] = build_rows("Mailgun", PostedEvents([posted], []))
    with asking(server, "mailgun") as lookup:
        [asked_for] = rows_from(lookup, server, {rows: [record]})
    assert asked_for.key == from_webhook.key


def test_what_a_reader_did_with_a_mail_is_not_kept(server: Server) -> None:
    rows, record = RECORDS["brevo"]
    with asking(server, "brevo") as lookup:
        [row] = rows_from(lookup, server, {rows: [record, record | {"event": "opened", "ip": "192.0.2.1"}]})
    assert row.kind == "delivered"

"""Every row of every provider's table, each from a recorded post or from the form that its documentation shows."""

from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, EventType
from django.test import Client

from digests.models import ProviderEvent
from digests.provider_events.classification import classify
from digests.provider_events.provider_words import TABLES
from tests.digests.provider_events.webhooks import Event, post, post_body
from tests.factories import MORNING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock", "secrets")]


# provider, recorded post, word, kind, why the provider has stopped
RECORDED = [
    ("amazon_ses", "bounced", "Permanent", "bounced", ""),
    ("amazon_ses", "soft_bounced", "Transient/MailboxFull", "soft_bounced", ""),
    ("amazon_ses", "transient", "Transient", "soft_bounced", ""),
    ("amazon_ses", "content_rejected", "Transient/ContentRejected", "soft_bounced", ""),
    ("amazon_ses", "attachment_rejected", "Transient/AttachmentRejected", "soft_bounced", ""),
    ("amazon_ses", "too_large", "Transient/MessageTooLarge", "soft_bounced", ""),
    ("amazon_ses", "no_email", "Permanent/NoEmail", "bounced", ""),
    ("amazon_ses", "undetermined", "Undetermined", "soft_bounced", ""),
    ("amazon_ses", "suppressed_by_amazon", "Permanent/Suppressed", "rejected", "bounced"),
    ("amazon_ses", "suppressed_by_account", "Permanent/OnAccountSuppressionList", "rejected", "bounced"),
    ("amazon_ses", "unsubscribed_recipient", "Permanent/UnsubscribedRecipient", "rejected", "unsubscribed"),
    ("amazon_ses", "suppressed_for_complaint", "Complaint/OnAccountSuppressionList", "rejected", "complained"),
    ("amazon_ses", "complained", "", "complained", ""),
    ("brevo", "bounced", "hard_bounce", "bounced", ""),
    ("brevo", "soft_bounced", "soft_bounce", "soft_bounced", ""),
    ("brevo", "blocked", "blocked", "rejected", "blocked"),
    ("brevo", "invalid_email", "invalid_email", "rejected", "invalid"),
    ("brevo", "unsubscribed", "unsubscribed", "unsubscribed", ""),
    ("brevo", "unsubscribe", "", "unsubscribed", ""),
    ("brevo", "error", "", "rejected", ""),
    ("brevo", "complained", "", "complained", ""),
    ("mailersend", "bounced", "hard_bounced", "bounced", ""),
    ("mailersend", "soft_bounced", "soft_bounced", "soft_bounced", ""),
    ("mailersend", "hard_after_complaint", "hard_bounced/spam_complaint", "rejected", "complained"),
    ("mailersend", "soft_after_complaint", "soft_bounced/spam_complaint", "rejected", "complained"),
    ("mailersend", "hard_after_unsubscribing", "hard_bounced/recipient_unsubscribe", "rejected", "unsubscribed"),
    ("mailersend", "soft_after_unsubscribing", "soft_bounced/recipient_unsubscribe", "rejected", "unsubscribed"),
    ("mailersend", "complained", "", "complained", ""),
    ("mailgun", "bounced", "failed", "bounced", ""),
    ("mailgun", "given_up", "old", "soft_bounced", ""),
    ("mailgun", "temporary_code", "4xx", "soft_bounced", ""),
    ("mailgun", "suppressed_after_bounce", "suppress-bounce", "rejected", "bounced"),
    ("mailgun", "suppressed_after_complaint", "suppress-complaint", "rejected", "complained"),
    ("mailgun", "suppressed_after_unsubscribing", "suppress-unsubscribe", "rejected", "unsubscribed"),
    ("mailgun", "rejected", "", "rejected", ""),
    ("mailgun", "complained", "", "complained", ""),
    ("mailjet", "bounced", "hard_bounce", "bounced", ""),
    ("mailjet", "soft_bounced", "soft_bounce", "soft_bounced", ""),
    ("mailjet", "preblocked", "preblocked", "rejected", "bounced"),
    ("mailjet", "blocked_spam_reporter", "spam reporter", "rejected", "complained"),
    ("mailjet", "blocked_blacklisted", "blacklisted", "rejected", "blocked"),
    ("mailjet", "blocked_typo", "typofix", "rejected", "invalid"),
    ("mailjet", "content_blocked", "", "rejected", ""),
    ("postmark", "bounced", "HardBounce", "bounced", ""),
    ("postmark", "soft_bounced", "SoftBounce", "soft_bounced", ""),
    ("postmark", "bad_address", "BadEmailAddress", "rejected", "invalid"),
    ("postmark", "deactivated", "ManuallyDeactivated", "rejected", "blocked"),
    ("postmark", "spam_notification", "SpamNotification", "soft_bounced", ""),
    ("postmark", "blocked_by_receiver", "Blocked", "soft_bounced", ""),
    ("postmark", "suppressed_by_customer", "ManualSuppression by Customer", "rejected", "blocked"),
    ("postmark", "suppressed_by_admin", "ManualSuppression by Admin", "rejected", "blocked"),
    ("postmark", "suppressed_after_bounce", "HardBounce", "bounced", ""),
    ("postmark", "suppressed_after_complaint", "", "complained", ""),
    ("postmark", "unsubscribed", "", "unsubscribed", ""),
    ("postmark", "reactivated", "", "other", ""),
    ("postmark", "complained", "", "complained", ""),
    ("resend", "bounced", "Permanent", "bounced", ""),
    ("resend", "bounced_untyped", "hard bounce", "bounced", ""),
    ("resend", "soft_bounced", "Transient/MailboxFull", "soft_bounced", ""),
    ("resend", "transient", "Transient", "soft_bounced", ""),
    ("resend", "no_email", "Permanent/NoEmail", "bounced", ""),
    ("resend", "undetermined", "Undetermined", "soft_bounced", ""),
    ("resend", "suppressed", "email.suppressed", "rejected", "blocked"),
    ("resend", "kept_back", "suppressed sending", "rejected", "blocked"),
    ("resend", "suppressed_by_amazon", "Permanent/Suppressed", "rejected", "bounced"),
    ("resend", "suppressed_by_account", "Permanent/OnAccountSuppressionList", "rejected", "bounced"),
    ("resend", "failed", "email.failed", "rejected", ""),
    ("sendgrid", "bounced", "bounce", "bounced", ""),
    ("sendgrid", "blocked", "blocked", "soft_bounced", ""),
    ("sendgrid", "expired", "expired", "soft_bounced", ""),
    ("sendgrid", "dropped_bounced", "dropped: bounced", "rejected", "bounced"),
    ("sendgrid", "dropped_spam_reporting", "dropped: spam reporting", "rejected", "complained"),
    ("sendgrid", "dropped_unsubscribed", "dropped: unsubscribed", "rejected", "unsubscribed"),
    ("sendgrid", "dropped_invalid", "dropped: invalid", "rejected", "invalid"),
    ("sendgrid", "dropped_header", "", "rejected", ""),
    ("sparkpost", "bounced", "10", "bounced", ""),
    ("sparkpost", "no_recipient", "30", "bounced", ""),
    ("sparkpost", "unsubscribed", "90", "unsubscribed", ""),
    ("sparkpost", "content", "52", "soft_bounced", ""),
    ("sparkpost", "mailbox_full", "22", "soft_bounced", ""),
    ("sparkpost", "admin_failure", "25", "soft_bounced", ""),
    ("sparkpost", "mail_block", "50", "soft_bounced", ""),
    ("sparkpost", "spam_block", "51", "soft_bounced", ""),
    ("sparkpost", "attachment", "53", "soft_bounced", ""),
    ("sparkpost", "relaying", "54", "soft_bounced", ""),
    ("sparkpost", "suppressed", "suppressed", "rejected", "blocked"),
    ("sparkpost", "suppressed_at_injection", "suppressed", "rejected", "blocked"),
]
# provider, recorded post, whose fault it is
BLAMED = [
    ("amazon_ses", "bounced", "unknown"),  # Permanent/General, and no word of the receiver
    ("amazon_ses", "no_user", "address"),
    ("amazon_ses", "no_email", "address"),
    ("amazon_ses", "unauthenticated", "us"),
    ("amazon_ses", "content_rejected", "us"),
    ("amazon_ses", "soft_bounced", "mailbox"),
    ("amazon_ses", "suppressed_by_amazon", "address"),
    ("brevo", "bounced", "address"),
    ("brevo", "unauthenticated", "us"),
    ("brevo", "blocked", "address"),
    ("mailersend", "bounced", "address"),
    ("mailersend", "soft_bounced", "unknown"),
    ("mailersend", "unauthenticated", "us"),
    ("mailgun", "bounced", "address"),
    ("mailgun", "unauthenticated", "us"),
    ("mailgun", "authentication_level", "us"),
    ("mailgun", "block_listed", "us"),
    ("mailgun", "mailbox_full", "mailbox"),
    ("mailgun", "temporary_code", "mailbox"),
    ("mailgun", "unexplained", "unknown"),
    ("mailgun", "suppressed_after_bounce", "address"),
    ("mailjet", "bounced", "address"),
    ("mailjet", "soft_bounced", "mailbox"),
    ("mailjet", "sender_blocked", "us"),
    ("mailjet", "content_blocked", "us"),
    ("mailjet", "preblocked", "address"),
    ("postmark", "bounced", "address"),
    ("postmark", "soft_bounced", "mailbox"),
    ("postmark", "unauthenticated", "us"),
    ("postmark", "refused_by_policy", "us"),
    ("postmark", "spam_notification", "us"),
    ("postmark", "blocked_by_receiver", "us"),
    ("postmark", "unexplained", "unknown"),
    ("postmark", "bad_address", "address"),
    ("resend", "bounced", "unknown"),
    ("resend", "soft_bounced", "mailbox"),
    ("resend", "no_email", "address"),
    ("resend", "unauthenticated", "us"),
    ("resend", "suppressed", "address"),
    ("sendgrid", "bounced", "address"),
    ("sendgrid", "blocked", "us"),
    ("sendgrid", "unauthenticated", "us"),
    ("sendgrid", "dropped_bounced", "address"),
    ("sparkpost", "bounced", "address"),
    ("sparkpost", "no_recipient", "address"),
    ("sparkpost", "mailbox_full", "mailbox"),
    ("sparkpost", "spam_block", "us"),
    ("sparkpost", "content", "us"),
    ("sparkpost", "relaying", "us"),
    ("mailgun", "delivered", ""),
    ("mailgun", "complained", ""),
]
# provider, Anymail's type, body, word, kind, why the provider has stopped: the older form of Mailgun, and Mandrill
DOCUMENTED: list[tuple[str, str, Any, str, str, str]] = [
    ("Mailgun", EventType.REJECTED, {"event": "dropped", "code": "605"}, "code 605", "rejected", "bounced"),
    ("Mailgun", EventType.REJECTED, {"event": "dropped", "code": "606"}, "code 606", "rejected", "unsubscribed"),
    ("Mailgun", EventType.REJECTED, {"event": "dropped", "code": "607"}, "code 607", "rejected", "complained"),
    ("Mandrill", EventType.BOUNCED, {"event": "hard_bounce"}, "hard_bounce", "bounced", ""),
    ("Mandrill", EventType.BOUNCED, {"event": "soft_bounce"}, "soft_bounce", "soft_bounced", ""),
]
NAMES = {"amazon_ses": "Amazon SES", "mailersend": "MailerSend", "sendgrid": "SendGrid", "sparkpost": "SparkPost"}


@pytest.mark.parametrize(("provider", "name", "word", "kind", "stopped_for"), RECORDED)
def test_a_recorded_post_means_what_the_table_says(
    client: Client, provider: str, name: str, word: str, kind: str, stopped_for: str
) -> None:
    event = Event(provider, name, "ada@example.org", MORNING, {"delivery": "7"})
    assert post(client, event).status_code == 200
    row = ProviderEvent.objects.get()
    assert (row.provider_word, row.kind, row.stopped_for, row.put_aside) == (word, kind, stopped_for, "")


@pytest.mark.parametrize(("provider", "name", "blame"), BLAMED)
def test_a_recorded_refusal_tells_whose_fault_it_is(client: Client, provider: str, name: str, blame: str) -> None:
    event = Event(provider, name, "ada@example.org", MORNING, {"delivery": "7"})
    assert post(client, event).status_code == 200
    assert ProviderEvent.objects.get().blame == blame


def test_the_receivers_own_sentence_is_kept_without_the_address(client: Client) -> None:
    event = Event("postmark", "unauthenticated", "ada@example.org", MORNING, {"delivery": "7"})
    body = event.body() | {"Details": "smtp;550 5.7.1 <ada@example.org>: not taken"}
    post_body(client, "postmark", body)
    assert ProviderEvent.objects.get().answer == "smtp;550 5.7.1 <(an address)>: not taken"


@pytest.mark.parametrize(("provider", "event_type", "body", "word", "kind", "stopped_for"), DOCUMENTED)
def test_a_documented_form_means_what_the_table_says(
    provider: str, event_type: str, body: Any, word: str, kind: str, stopped_for: str
) -> None:
    report = classify(provider, AnymailTrackingEvent(event_type=event_type, esp_event=body))
    assert report is not None
    assert (report.word, report.meaning.kind, report.meaning.stopped_for or "") == (word, kind, stopped_for)


def test_no_row_of_a_table_is_without_a_test() -> None:
    tested = {(NAMES.get(row[0], row[0].capitalize()), row[2]) for row in RECORDED}
    tested |= {(row[0], row[3]) for row in DOCUMENTED}
    assert {(provider, word) for provider, table in TABLES.items() for word in table.meanings} <= tested

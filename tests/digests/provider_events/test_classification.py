"""What a provider's own words say of a mail: whether its address is gone, whether to try again, or neither."""

from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

from digests.models import ProviderEvent
from digests.provider_events.classification import classify

Kind = ProviderEvent.Kind


def kind_of(provider: str, body: Any = None, event_type: str = EventType.BOUNCED, **fields: Any) -> Kind | None:
    report = classify(provider, AnymailTrackingEvent(event_type=event_type, esp_event=body, **fields))
    return report.meaning.kind if report else None


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        (EventType.QUEUED, "accepted"),
        (EventType.SENT, "accepted"),
        (EventType.DEFERRED, "accepted"),
        (EventType.AUTORESPONDED, "accepted"),
        (EventType.DELIVERED, "delivered"),
        (EventType.COMPLAINED, "complained"),
        (EventType.UNSUBSCRIBED, "unsubscribed"),
        (EventType.REJECTED, "rejected"),
        (EventType.FAILED, "rejected"),
        (EventType.SUBSCRIBED, "other"),
        ("a type of next year", "other"),
        (EventType.OPENED, None),
        (EventType.CLICKED, None),
    ],
)
def test_what_is_no_bounce_means_the_same_of_every_provider(event_type: str, kind: str | None) -> None:
    assert {kind_of(provider, {}, event_type) for provider in ("Mailgun", "Postmark", "Somebody")} == {kind}


GONE: list[tuple[str, Any]] = [
    ("Amazon SES", {"bounce": {"bounceType": "Permanent"}}),
    ("Brevo", {"event": "hard_bounce"}),
    ("MailerSend", {"type": "activity.hard_bounced"}),
    ("MailerSend", {"data": {"type": "hard_bounced"}}),
    ("Mailgun", {"event-data": {"reason": "generic", "delivery-status": {"code": 550}}}),
    ("Mailgun", {"reason": "bounce", "delivery-status": {"code": 554}}),
    ("Mailjet", {"hard_bounce": True}),
    ("Mandrill", {"event": "hard_bounce"}),
    ("Postmark", {"Type": "HardBounce"}),
    ("Postmark", {"SuppressionReason": "HardBounce"}),
    ("Resend", {"data": {"bounce": {"type": "Permanent"}}}),
    ("Resend", {"data": {"bounce": {"message": "The server sent a hard bounce message."}}}),
    ("SendGrid", {"type": "bounce"}),
    ("SparkPost", {"msys": {"message_event": {"bounce_class": "10"}}}),
    ("SparkPost", {"msys": {"message_event": {"bounce_class": 30}}}),
]
WORTH_ANOTHER_TRY: list[tuple[str, Any]] = [
    ("Amazon SES", {"bounce": {"bounceType": "Transient"}}),
    ("Amazon SES", {"bounce": {"bounceType": "Undetermined"}}),
    ("Brevo", {"event": "soft_bounce"}),
    ("MailerSend", {"type": "activity.soft_bounced"}),
    ("MailerSend", {"data": {"type": "soft_bounced"}}),
    ("Mailgun", {"event-data": {"reason": "generic", "delivery-status": {"code": 452}}}),
    ("Mailgun", {"event-data": {"reason": "old", "delivery-status": {"code": 602}}}),
    ("Mailjet", {"hard_bounce": False}),
    ("Mailjet", {"hard_bounce": "yes"}),
    ("Mandrill", {"event": "soft_bounce"}),
    ("Postmark", {"Type": "SoftBounce"}),
    ("Resend", {"data": {"bounce": {"type": "Transient", "message": "Not a hard bounce."}}}),
    ("Resend", {"data": {"bounce": {"message": "The mailbox is full."}}}),
    ("SendGrid", {"type": "blocked"}),
    ("SparkPost", {"msys": {"message_event": {"bounce_class": "20"}}}),
    ("SparkPost", {"bounce_class": "50"}),
]


@pytest.mark.parametrize(("provider", "body"), GONE)
def test_an_address_that_is_gone_bounced_for_good(provider: str, body: Any) -> None:
    assert kind_of(provider, body) == Kind.BOUNCED


@pytest.mark.parametrize(("provider", "body"), WORTH_ANOTHER_TRY)
def test_what_may_be_better_tomorrow_is_a_soft_bounce(provider: str, body: Any) -> None:
    assert kind_of(provider, body) == Kind.SOFT_BOUNCED


@pytest.mark.parametrize(("provider", "body"), GONE)
def test_no_word_of_a_provider_makes_a_bounce_of_what_went_well(provider: str, body: Any) -> None:
    waiting = (EventType.QUEUED, EventType.SENT, EventType.DEFERRED, EventType.AUTORESPONDED)
    assert {kind_of(provider, body, event_type) for event_type in waiting} == {Kind.ACCEPTED}
    assert kind_of(provider, body, EventType.DELIVERED) == Kind.DELIVERED


UNREADABLE: list[Any] = [None, [], "text", {}, {"msys": {}}, {"data": "text"}, {"event-data": 7}]


@pytest.mark.parametrize("provider", sorted({provider for provider, _ in GONE} - {"Mailgun"}))
@pytest.mark.parametrize("body", UNREADABLE)
def test_a_bounce_in_unknown_words_suppresses_nobody(provider: str, body: Any) -> None:
    assert kind_of(provider, body) == Kind.SOFT_BOUNCED


@pytest.mark.parametrize("body", UNREADABLE)
def test_mailgun_reports_as_bounced_what_failed_for_good_unless_the_code_is_temporary(body: Any) -> None:
    assert kind_of("Mailgun", body) == Kind.BOUNCED


@pytest.mark.parametrize("reason", ["suppress-complaint", "suppress-unsubscribe"])
def test_what_mailgun_kept_back_by_its_own_list_never_left(reason: str) -> None:
    body = {"event-data": {"reason": reason, "delivery-status": {"code": 607}}}
    assert kind_of("Mailgun", body) == Kind.REJECTED
    assert kind_of("Mailgun", body["event-data"]) == Kind.REJECTED


def test_what_resend_kept_back_by_its_own_list_never_left() -> None:
    kept_back = {"type": "Permanent", "message": "Resend has suppressed sending to this address."}
    assert kind_of("Resend", {"data": {"bounce": kept_back}}) == Kind.REJECTED
    assert kind_of("Resend", {"data": {"bounce": {"type": "Permanent"}}}) == Kind.BOUNCED


@pytest.mark.parametrize(
    ("reason", "stopped_for"),
    [
        (RejectReason.BOUNCED, "bounced"),
        (RejectReason.INVALID, "invalid"),
        (RejectReason.UNSUBSCRIBED, "unsubscribed"),
        (RejectReason.BLOCKED, None),
        (RejectReason.SPAM, None),
        (RejectReason.OTHER, None),
        (None, None),
    ],
)
def test_a_provider_without_a_table_has_stopped_where_the_reason_is_about_the_address(
    reason: str | None, stopped_for: str | None
) -> None:
    report = classify("Somebody", AnymailTrackingEvent(event_type=EventType.REJECTED, reject_reason=reason))
    assert report is not None
    assert report.meaning[:2] == (Kind.REJECTED, stopped_for)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("550 5.1.1 no such user", Kind.BOUNCED),
        ("smtp; 5.7.512", Kind.BOUNCED),
        ("452 4.2.2 mailbox full", Kind.SOFT_BOUNCED),
        ("550 no such user", Kind.SOFT_BOUNCED),
        ("from 5.1.1.2, try later", Kind.SOFT_BOUNCED),
        ("from 10.5.1.1, try later", Kind.SOFT_BOUNCED),
        ("15.1.1", Kind.SOFT_BOUNCED),
        ("5.1234.1", Kind.SOFT_BOUNCED),
        (None, Kind.SOFT_BOUNCED),
    ],
)
def test_of_any_other_provider_the_servers_status_code_decides(answer: str | None, kind: Kind) -> None:
    assert kind_of("Somebody", {}, mta_response=answer) == kind
    assert kind_of("Somebody", {}, description=answer) == kind

import json
from typing import Any

import pytest
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.conf import LazySettings
from django.http import HttpRequest
from django.test import RequestFactory

from digests.provider_events.posted_events import TooManyEvents, read_events


@pytest.fixture(autouse=True)
def secrets(settings: LazySettings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": ["papers:a-secret"], "MANDRILL_WEBHOOK_KEY": "a-key"}


def as_json(body: Any) -> HttpRequest:
    request = RequestFactory().post("/", json.dumps(body), content_type="application/json")
    request._body = request.read()  # as the webhook reads it, past Django's limit for forms
    return request


def as_mandrill(events: list[Any]) -> HttpRequest:
    return RequestFactory().post("/", {"mandrill_events": json.dumps(events)})


MAILJET = {"event": "sent", "time": 1498093527, "MessageID": 7, "email": "ada@example.org"}
SPARKPOST = {"msys": {"message_event": {"type": "delivery", "raw_rcpt_to": "ada@example.org", "rcpt_meta": {}}}}
MAILTRAP = {"event": "delivery", "message_id": "7", "email": "ada@example.org", "timestamp": 1498093527}
MANDRILL = {"event": "send", "_id": "7", "ts": 1365109999, "msg": {"email": "ada@example.org"}}


@pytest.mark.parametrize(
    ("view", "good", "broken", "post"),
    [
        (MailjetTrackingWebhookView, MAILJET, MAILJET | {"time": 1e17}, as_json),
        (MailjetTrackingWebhookView, MAILJET, {"what": "is this"}, as_json),
        (MailjetTrackingWebhookView, MAILJET, None, as_json),
        (SparkPostTrackingWebhookView, SPARKPOST, {"msys": {"message_event": 7}}, as_json),
        (SparkPostTrackingWebhookView, SPARKPOST, {"msys": {"one": {}, "two": {}}}, as_json),
        (MailtrapTrackingWebhookView, MAILTRAP, MAILTRAP | {"event": 7}, lambda events: as_json({"events": events})),
        (MandrillCombinedWebhookView, MANDRILL, MANDRILL | {"ts": "noon"}, as_mandrill),
    ],
)
def test_one_event_that_cannot_be_read_costs_no_other(view: Any, good: Any, broken: Any, post: Any) -> None:
    posted = read_events(view(), post([good, broken, good, good]))
    assert [event.recipient for event in posted.events] == ["ada@example.org"] * 3
    assert posted.unreadable == [broken]


def test_the_only_event_of_a_post_is_kept_where_it_cannot_be_read() -> None:
    broken = {"RecordType": "Bounce", "Type": []}
    assert read_events(PostmarkTrackingWebhookView(), as_json(broken)) == ([], [broken])


@pytest.mark.parametrize("body", [7, None, "text", 1.5, True])
def test_a_post_without_any_event_cannot_be_read(body: Any) -> None:
    with pytest.raises(ValueError, match="holds no event"):
        read_events(PostmarkTrackingWebhookView(), as_json(body))


def test_more_events_than_any_provider_posts_at_once_are_refused() -> None:
    assert len(read_events(MailjetTrackingWebhookView(), as_json([MAILJET] * 10_000)).events) == 10_000
    with pytest.raises(TooManyEvents):
        read_events(MailjetTrackingWebhookView(), as_json([MAILJET] * 10_001))


@pytest.mark.parametrize(("count", "is_read"), [(50, True), (51, False)])
def test_one_event_is_about_as_many_recipients_as_a_mail_may_have(count: int, is_read: bool) -> None:
    message = {"eventType": "Delivery", "mail": {}, "delivery": {"recipients": ["ada@example.org"] * count}}
    request = as_json({"Type": "Notification", "Message": json.dumps(message)})
    if is_read:
        assert len(read_events(AmazonSESTrackingWebhookView(), request).events) == count
    else:
        with pytest.raises(TooManyEvents):
            read_events(AmazonSESTrackingWebhookView(), request)

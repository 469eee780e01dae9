import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests.models import ProviderEvent
from digests.provider_events import application
from tests.digests.provider_events.webhooks import FILL, PAYLOADS, SETTINGS, Event, post, post_body, signature
from tests.factories import MORNING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock", "secrets")]
PROVIDERS = ("mailgun", "postmark", "resend", "brevo")
ADDRESS = "Ada.Reader@example.org"


def event(provider: str, name: str = "bounced", at: datetime = MORNING, delivery: int = 7) -> Event:
    return Event(provider, name, ADDRESS, at, {"delivery": str(delivery)})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_is_stored_raw_and_answered_200(client: Client, provider: str) -> None:
    assert post(client, event(provider)).status_code == 200
    row = ProviderEvent.objects.get()
    assert (row.kind, row.delivery_id, row.happened_at) == ("bounced", 7, MORNING)
    assert row.domain == "example.org"
    assert row.applied_at is None
    assert row.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_event_forty_six_times_is_stored_once(client: Client, provider: str) -> None:
    for _ in range(46):
        assert post(client, event(provider)).status_code == 200
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_readers_address_is_not_stored(client: Client, provider: str) -> None:
    post(client, event(provider))
    row = ProviderEvent.objects.values().get()
    assert ADDRESS.lower() not in str(row).lower()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("secret", ["papers:a-guess", ""])
def test_a_post_without_the_secret_is_refused_and_stores_nothing(client: Client, provider: str, secret: str) -> None:
    assert post_body(client, provider, event(provider).body(), secret=secret).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_a_forged_signature_of_mailgun_is_refused_and_stores_nothing(client: Client) -> None:
    body = event("mailgun").body()
    body["signature"]["signature"] = "0" * 64
    assert post_body(client, "mailgun", body).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_a_forged_signature_of_resend_is_refused_and_stores_nothing(client: Client) -> None:
    forged = {"svix-signature": "v1," + "A" * 43 + "="}
    assert post_body(client, "resend", event("resend").body(), **forged).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_without_any_secret_the_webhook_is_closed_rather_than_open(client: Client, settings: LazySettings) -> None:
    settings.ANYMAIL = {}
    for provider in ("postmark", "mailgun"):
        assert post_body(client, provider, event(provider).body()).status_code == 503
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize(
    ("provider", "name", "kind"),
    [
        ("mailgun", "delivered", "delivered"),
        ("mailgun", "deferred", "accepted"),
        ("mailgun", "given_up", "soft_bounced"),
        ("mailgun", "complained", "complained"),
        ("mailgun", "rejected", "rejected"),
        ("postmark", "delivered", "delivered"),
        ("postmark", "soft_bounced", "soft_bounced"),
        ("postmark", "complained", "complained"),
        ("postmark", "unsubscribed", "unsubscribed"),
        ("resend", "accepted", "accepted"),
        ("resend", "soft_bounced", "soft_bounced"),
        ("resend", "kept_back", "rejected"),
        ("resend", "complained", "complained"),
        ("brevo", "accepted", "accepted"),
        ("brevo", "soft_bounced", "soft_bounced"),
        ("brevo", "complained", "complained"),
        ("brevo", "blocked", "rejected"),
        ("mailjet", "bounced", "bounced"),
        ("mailjet", "soft_bounced", "soft_bounced"),
        ("amazon_ses", "bounced", "bounced"),
        ("amazon_ses", "soft_bounced", "soft_bounced"),
    ],
)
def test_what_a_provider_means_is_read_from_its_own_words(client: Client, provider: str, name: str, kind: str) -> None:
    assert post(client, event(provider, name)).status_code == 200
    assert ProviderEvent.objects.get().kind == kind


def test_what_readers_open_is_not_kept(client: Client) -> None:
    assert post(client, event("mailgun", "opened")).status_code == 200
    assert not ProviderEvent.objects.exists()


def test_a_post_of_many_events_stores_each(client: Client) -> None:
    events = [event("mailjet", "delivered", delivery=number).body() for number in range(1, 501)]
    assert post_body(client, "mailjet", events).status_code == 200
    assert ProviderEvent.objects.count() == 500


def test_a_post_larger_than_any_provider_makes_is_refused(client: Client) -> None:
    body = event("postmark").body() | {"Content": "x" * settings.WEBHOOK_MAX_BYTES}
    assert post_body(client, "postmark", body).status_code == 413
    assert not ProviderEvent.objects.exists()


def test_a_long_body_is_left_out_and_its_event_kept(client: Client) -> None:
    body = event("postmark").body() | {"Content": "x" * 300_000}
    assert post_body(client, "postmark", body).status_code == 200
    assert ProviderEvent.objects.get().body.keys() == {"left out"}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("[", 400),
        ("7", 400),
        ("null", 400),
        ('"text"', 400),
        ("[" * 100_000, 400),
        ("\udcff", 400),
        ("1" * 5000, 400),
        ("[]", 200),
        ('{"RecordType": 7}', 200),
        ('{"RecordType": []}', 200),
        ('{"RecordType": "Bounce", "Type": {}, "Email": ["a@example.org"]}', 200),
        ('{"RecordType": "Bounce", "BouncedAt": 1e999}', 200),
        ('{"RecordType": "Bounce", "Metadata": "delivery"}', 200),
        ("[" + "0," * 9_999 + "0]", 200),
        ("[" + "0," * 10_000 + "0]", 413),
    ],
)
def test_what_cannot_be_read_is_answered_and_never_an_error_of_ours(client: Client, text: str, status: int) -> None:
    body = text.encode("utf-8", "surrogateescape").decode("latin-1")
    assert post_body(client, "postmark", body).status_code == status
    assert not ProviderEvent.objects.exclude(kind="other").exists()


def test_letters_that_no_column_holds_are_left_out(client: Client) -> None:
    body = event("postmark").body() | {"Details": "a\0b\ud800c", "Score": float("nan"), "Metadata": {"delivery": "９"}}
    assert post_body(client, "postmark", body).status_code == 200
    row = ProviderEvent.objects.get()
    assert (row.body["Details"], row.body["Score"], row.delivery_id) == ("ab?c", None, None)


def test_an_event_is_never_too_old_and_keeps_its_own_time(client: Client) -> None:
    for days in (7, 400):
        at = MORNING - timedelta(days=days)
        assert post(client, event("postmark", at=at)).status_code == 200
        assert ProviderEvent.objects.get(happened_at=at).put_aside == ""


def test_an_event_from_the_future_happened_when_it_was_received(client: Client) -> None:
    for _ in range(2):
        assert post(client, event("postmark", at=MORNING + timedelta(days=1000))).status_code == 200
    assert ProviderEvent.objects.get().happened_at == MORNING


@pytest.mark.parametrize("epoch", [1604933623, 0, -1])
def test_a_time_before_there_was_any_mail_of_ours_is_a_mistake(client: Client, epoch: int) -> None:
    body = event("brevo").body() | {"ts_epoch": epoch}
    assert post_body(client, "brevo", body).status_code == 200
    assert ProviderEvent.objects.get().happened_at == MORNING


def test_amazon_is_asked_for_the_secret_that_it_sends_only_then(client: Client) -> None:
    answer = post_body(client, "amazon_ses", event("amazon_ses").body(), secret="")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="Webhooks"')
    assert post_body(client, "amazon_ses", event("amazon_ses").body(), secret="papers:a-guess").status_code == 403


def test_a_thousand_events_with_one_that_cannot_be_read_store_the_others_and_keep_it_aside(client: Client) -> None:
    events = [event("mailjet", "delivered", delivery=number).body() for number in range(1, 1001)]
    events[499] = {"event": "sent", "time": "at noon", "email": "Ada.Reader@example.org", "MessageID": 7}

    assert post_body(client, "mailjet", events).status_code == 200

    assert ProviderEvent.objects.pending().count() == 999
    aside = ProviderEvent.objects.get(put_aside=ProviderEvent.Aside.UNREADABLE)
    assert (aside.provider, aside.body["posted"]["time"], aside.applied_at) == ("Mailjet", "at noon", MORNING)
    assert ADDRESS.lower() not in str(ProviderEvent.objects.filter(pk=aside.pk).values()).lower()


def test_a_used_signature_with_another_body_is_refused_and_kept_aside(client: Client) -> None:
    body = event("mailgun", "opened").body()
    assert post_body(client, "mailgun", body).status_code == 200
    forged = event("mailgun", "complained").body() | {"signature": body["signature"]}
    for _ in range(2):
        assert post_body(client, "mailgun", forged).status_code == 403

    row = ProviderEvent.objects.get()
    assert (row.put_aside, row.kind, row.applied_at) == (ProviderEvent.Aside.REFUSED, "other", MORNING)
    assert "used before" in row.body["refused"]
    assert ADDRESS.lower() not in str(ProviderEvent.objects.values().get()).lower()


def test_an_old_signature_is_refused_whatever_its_event_says(client: Client) -> None:
    body = event("mailgun").body() | {"signature": signature(MORNING - timedelta(days=4))}
    assert post_body(client, "mailgun", body).status_code == 403
    assert ProviderEvent.objects.get().put_aside == ProviderEvent.Aside.REFUSED


def test_only_tracking_of_known_providers_is_served(client: Client) -> None:
    assert post_body(client, "pigeon", {}).status_code == 404
    assert client.post("/anymail/resend/inbound/").status_code == 404
    assert client.get("/anymail/postmark/tracking/").status_code == 405


@pytest.mark.parametrize("provider", ["mandrill", "sendgrid", "sparkpost", "postal", "nobody", "smtp"])
def test_only_the_webhooks_of_configured_providers_exist(
    client: Client, settings: LazySettings, caplog: pytest.LogCaptureFixture, provider: str
) -> None:
    settings.WEBHOOK_FORMER_PROVIDERS = []
    settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER = "postmark", "mailgun"
    for method in ("post", "head", "get"):
        assert getattr(client, method)(f"/anymail/{provider}/tracking/").status_code == 404
    assert not [record for record in caplog.records if record.exc_info]
    assert post(client, event("postmark")).status_code == 200
    assert post(client, event("mailgun", delivery=8)).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic ####", "Basic //46eA==", "Basic cGFwZXJz", "Bearer x", "x" * 5000, "Basic Ã©"]
)
def test_a_malformed_secret_is_refused(client: Client, header: str) -> None:
    answer = post_body(client, "postmark", event("postmark").body(), secret="", Authorization=header)
    assert answer.status_code == 403


def test_a_confirmation_that_amazon_does_not_take_can_be_asked_for_again(
    client: Client, settings: LazySettings
) -> None:
    nowhere = {"endpoint_url": "http://127.0.0.1:9", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    settings.ANYMAIL = SETTINGS | {"AMAZON_SES_CLIENT_PARAMS": nowhere}
    body = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "7",
        "TopicArn": "arn:aws:sns:eu-west-1:1:2",
        "Token": "x",
    }
    assert post_body(client, "amazon_ses", body).status_code == 503
    assert post_body(client, "amazon_ses", body | {"TopicArn": "nonsense"}).status_code == 200
    assert ProviderEvent.objects.get().put_aside == ProviderEvent.Aside.UNREADABLE


def test_a_former_provider_may_still_report(client: Client, settings: LazySettings) -> None:
    settings.WEBHOOK_FORMER_PROVIDERS = ["brevo"]
    assert post(client, event("brevo")).status_code == 200
    assert post(client, event("resend")).status_code == 404


def test_a_post_without_the_secret_is_refused_before_its_body_is_read(client: Client) -> None:
    body = "x" * (settings.WEBHOOK_MAX_BYTES + 1)
    assert post_body(client, "postmark", body).status_code == 413
    assert post_body(client, "postmark", body, secret="papers:a-guess").status_code == 403


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
RECORDED = [(name, form) for name in FILL for form in json.loads((PAYLOADS / f"{name}.json").read_text())]


def exchange(body: Any, value: Any, pick: Callable[[int], int]) -> Any:
    """Put `value` in the place of some part of `body`, which `pick` chooses level by level."""
    keys = list(body) if isinstance(body, dict) else list(range(len(body))) if isinstance(body, list) else []
    chosen = pick(len(keys))
    if chosen == len(keys):
        return value
    body[keys[chosen]] = exchange(body[keys[chosen]], value, pick)
    return body


@given(recorded=st.sampled_from(RECORDED), value=ANY_JSON, data=st.data())
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_whatever_stands_in_a_part_of_a_post_it_is_answered_and_can_be_applied(
    client: Client, recorded: tuple[str, str], value: Any, data: st.DataObject
) -> None:
    provider, name = recorded
    body = exchange(event(provider, name).body(), value, lambda count: data.draw(st.integers(0, count)))
    if provider == "amazon_ses" and not (isinstance(body, dict) and {"Type", "MessageId"} <= body.keys()):
        return
    assert post_body(client, provider, body).status_code in {200, 400, 403}
    application.apply_events()
    assert not ProviderEvent.objects.filter(put_aside=ProviderEvent.Aside.FAILED).exists()

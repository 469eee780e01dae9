"""When the other side refuses our mail: no reader pays for it, and nobody can overlook it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client, override_settings

from digests.assembly import assemble
from digests.models import Batch, Card, Delivery, Digest, Notice, ProviderEvent, SwitchChange
from digests.monitoring import alerts, heartbeat
from digests.monitoring.obstacles import find_obstacles
from digests.provider_events import application
from digests.sending import switch
from newsletter import clock
from newsletter.papers.models import Paper, Topic
from subscribers.models import LiftedSuppression, Subscriber, Suppression
from tests.digests.monitoring.listening import listening
from tests.digests.provider_events import webhooks
from tests.digests.sending.handing import go_on, handing_to, later, planned, sent_count, statuses
from tests.factories import PaperFactory, SubscriberFactory, published_issue
from tests.factories.returns import heard, sent_delivery
from tests.outside import faults
from tests.smtp_server import SmtpServer, serving

pytestmark = pytest.mark.django_db(transaction=True)
READERS, DIGESTS = 60, 2
PAUSED = "sending has paused itself"
RELAY_DENIED = "554 5.7.1 <reader@example.org>: Relay access denied"
UNAUTHENTICATED = "550 5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp"


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "operator@example.org")]
    settings.ANYMAIL, settings.WEBHOOK_FORMER_PROVIDERS = webhooks.SETTINGS, list(webhooks.FILL)


@contextmanager
def handing_to_server() -> Iterator[SmtpServer]:
    """Send digests to a mail server that answers as a test wrote down."""
    with serving() as server, override_settings(
        EMAIL_PROVIDER="smtp",
        EMAIL_LETTERS_PROVIDER="smtp",
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=server.port,
    ):  # fmt: skip
        yield server


def titles() -> list[str]:
    alerts.update_alerts()
    return list(Notice.objects.order_by("pk").values_list("title", flat=True))


def is_pinged_when_over() -> bool:
    """Return whether the heartbeat is pinged for the issue once its day is over."""
    with listening() as listener, override_settings(HEARTBEAT_URL=listener.url), later(hours=25):
        go_on()
        Subscriber.objects.update(next_digest_at=clock.now() + timedelta(days=1))
        heartbeat.ping_finished_issues()
        return bool(listener.heard)


def test_four_hundred_mails_refused_for_a_broken_signature_cost_no_reader(client: Client) -> None:
    readers = [SubscriberFactory(email=f"reader{n}@example{n % 4}.org") for n in range(400)]
    at = clock.now()
    for number, reader in enumerate(readers):
        delivery = sent_delivery(reader, at, covered_from=at - timedelta(days=1), covered_to=at)
        Subscriber.objects.filter(pk=reader.pk).update(covered_through=at)
        name = "authentication_level" if number % 2 else "unauthenticated"
        metadata = {"delivery": str(delivery.pk)}
        event = webhooks.Event("mailgun", name, reader.canonical, at + timedelta(milliseconds=number), metadata)
        assert webhooks.post(client, event).status_code == 200
    application.apply_events()

    assert not Suppression.objects.exists()
    assert not ProviderEvent.objects.held().exists()
    assert Subscriber.objects.active().filter(covered_through=at - timedelta(days=1)).count() == 400
    assert titles() == [PAUSED]
    reason = switch.current_permission().reason
    assert "refuses your mail because neither SPF nor DKIM proves that it comes from your From domain" in reason
    assert "400 mails at 4 domains were refused" in reason


REFUSALS = [
    ("mailgun", "unauthenticated"),
    ("mailgun", "authentication_level"),
    ("mailgun", "block_listed"),
    ("mailgun", "mailbox_full"),
    ("postmark", "refused_by_policy"),
    ("postmark", "spam_notification"),
    ("brevo", "unauthenticated"),
    ("amazon_ses", "bounced"),
    ("amazon_ses", "unauthenticated"),
]


@pytest.mark.parametrize(("provider", "name"), REFUSALS)
def test_one_refusal_that_blames_no_address_costs_no_reader(client: Client, provider: str, name: str) -> None:
    reader = SubscriberFactory()
    event = webhooks.Event(provider, name, reader.canonical, clock.now(), {"delivery": str(sent_delivery(reader).pk)})
    assert webhooks.post(client, event).status_code == 200
    application.apply_events()
    reader.refresh_from_db()
    assert ProviderEvent.objects.get().put_aside == ""
    assert not Suppression.objects.exists()
    assert (reader.status, switch.is_paused()) == (Subscriber.Status.ACTIVE, False)


@pytest.mark.parametrize(("provider", "name"), [("mailgun", "bounced"), ("amazon_ses", "no_user")])
def test_one_refusal_that_blames_the_address_suppresses_it(client: Client, provider: str, name: str) -> None:
    reader = SubscriberFactory()
    event = webhooks.Event(provider, name, reader.canonical, clock.now(), {"delivery": str(sent_delivery(reader).pk)})
    webhooks.post(client, event)
    application.apply_events()
    assert Suppression.holds(reader.canonical)


def test_a_server_that_relays_nothing_opens_the_breaker_and_every_mail_waits(settings: LazySettings) -> None:
    settings.SEND_BREAKER_FAILURES = 2
    with handing_to_server() as server:
        server.answers["RCPT"] = RELAY_DENIED
        planned(READERS, DIGESTS)
        for minutes in range(4):
            with later(minutes=2 * minutes):
                go_on(1)
        (one,) = find_obstacles()
        assert one.headline.startswith("smtp has taken no mail since ")
        assert "It says: “554 5.7.1 <(an address)>: Relay access denied”." in one.text
        assert "Compare the name and password in EMAIL_URL, and FROM_EMAIL" in one.text
        assert titles() == ["smtp fails, and mail waits"]
        assert (statuses(), sent_count()) == ({None: 120}, 0)

        server.answers["RCPT"] = "250 ok"
        with later(hours=1):
            go_on()
        assert len(server.messages) == 120


def test_a_server_that_relays_nothing_all_day_keeps_the_heartbeat_silent() -> None:
    with handing_to_server() as server:
        server.answers["RCPT"] = RELAY_DENIED
        planned(READERS, DIGESTS)
        go_on(1)
        assert not is_pinged_when_over()
    assert statuses() == {"skipped": 120}


def test_mails_refused_after_data_pause_sending_at_once_and_give_their_spans_back() -> None:
    with handing_to_server() as server:
        server.answers["."] = UNAUTHENTICATED
        planned(READERS, DIGESTS)
        go_on(3)
        application.apply_events()
        assert switch.is_paused()
        assert titles() == [PAUSED]
        refused = statuses()["rejected"]
        assert 20 <= refused <= 50
        assert "Gmail refuses your mail because neither SPF nor DKIM proves" in switch.current_permission().reason
        assert not Suppression.objects.exists()
        waiting = Delivery.objects.filter(status="rejected").values("subscriber")
        assert set(Subscriber.objects.filter(pk__in=waiting).values_list("covered_through", flat=True)) == {None}

        server.answers["."] = "250 taken"
        switch.resume("Ada")
        go_on()
        assert len(server.messages) == 120 - refused
        assert not is_pinged_when_over()


@pytest.mark.parametrize("digests", [1, 60])
def test_a_provider_that_refuses_every_call_is_told_in_its_own_words(digests: int) -> None:
    with handing_to("mailgun") as provider:
        provider.plan(faults.failing(400))
        planned(60 // digests, digests)
        go_on(200)
        assert titles() == [PAUSED] if digests == 1 else set(titles()) & {PAUSED, "mailgun fails, and mail waits"}
        assert not provider.accepted()
        assert "refuse" in str(find_obstacles()[0])
    assert not Suppression.objects.exists()
    assert not is_pinged_when_over()


def test_a_wrong_key_is_named_as_the_reason(settings: LazySettings) -> None:
    settings.SEND_BREAKER_FAILURES = 1
    with handing_to("mailgun") as provider:
        provider.plan(faults.failing(401))
        planned(3)
        go_on(1)
        (one,) = find_obstacles()
        assert titles() == ["mailgun fails, and mail waits"]
    assert "The provider does not accept our key (401)." in str(one)
    assert statuses() == {None: 3}
    assert Batch.objects.get().status == Batch.Status.PLANNED
    assert not SwitchChange.objects.exists()


LIFT_DAY = "/admin/subscribers/suppression/lift-day/"


def test_one_act_lifts_a_days_wrong_suppressions_and_readers_get_what_they_missed(
    admin_client: Client, settings: LazySettings
) -> None:
    """The readers of Monday's issue bounced, were suppressed by mistake, and missed Tuesday's too."""
    with handing_to("mailgun") as provider:
        planned(3)
        go_on()
        for delivery in Delivery.objects.select_related("subscriber"):
            heard("bounced", delivery, clock.now())
        application.apply_events()
        assert Suppression.objects.count() == 3
        day = clock.today()

        with later(days=1):
            serve_next(Topic.objects.get())
            assert Delivery.objects.filter(reason="suppressed").count() == 3
            values = {"day": f"{day}", "reason": "bounce", "note": "Our signature was broken."}
            page = admin_client.post(LIFT_DAY, values).content.decode()
            assert "3 suppressions of that day are lifted if you go on." in page
            assert Suppression.objects.count() == 3
            admin_client.post(LIFT_DAY, values | {"is_sure_of": "3"})
            assert not Suppression.objects.exists()
            assert set(LiftedSuppression.objects.values_list("note", flat=True)) == {"Our signature was broken."}

        with later(days=2):
            serve_next(Topic.objects.get())
        last = Digest.objects.order_by("pk").last()
        assert last is not None
        papers = set(Card.objects.filter(pk__in=last.card_ids).values_list("entry__paper_id", flat=True))
        assert papers == set(Paper.objects.values_list("pk", flat=True))
        assert len(papers) == 3
        assert Counter(entry.address for entry in provider.accepted()).most_common()[0][1] == 2


def serve_next(topic: Topic) -> None:
    """Publish the issue of a later day with one more paper, and send it to everybody."""
    published_issue(clock.today(), PaperFactory(topics=[topic]))
    Subscriber.objects.update(next_digest_at=clock.now())
    assemble.assemble_due_digests()
    go_on()


def test_complaints_are_not_lifted_by_the_day(admin_client: Client) -> None:
    heard("complained", sent_delivery())
    application.apply_events()
    values = {"day": f"{clock.today()}", "reason": "complaint", "note": "A mistake.", "is_sure_of": "1"}
    assert admin_client.post(LIFT_DAY, values).status_code == 200
    assert Suppression.objects.count() == 1

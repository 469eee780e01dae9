from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests import tasks
from digests.models import Delivery, ProviderEvent
from digests.provider_events import application
from digests.sending import uncertain
from subscribers import letters
from subscribers.models import Letter, Subscriber, Suppression
from tests.digests.provider_events.webhooks import Event, post, post_body
from tests.factories import MORNING, SubscriberFactory
from tests.factories.returns import digest_of, heard, sent_delivery
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock", "secrets")]
HOUR = timedelta(hours=1)
Kind = ProviderEvent.Kind
Status = Delivery.Status


def stored(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_a_posted_event_is_applied_later_by_a_task(client: Client) -> None:
    delivery = sent_delivery(SubscriberFactory(email="ada@example.org"))
    post(client, Event("postmark", "delivered", "Ada@example.org", MORNING, {"delivery": str(delivery.pk)}))
    assert stored(delivery).delivered_at is None

    tasks.apply_events()

    assert stored(delivery).delivered_at == MORNING
    assert ProviderEvent.objects.get().applied_at == MORNING


def test_each_fact_is_a_moment_of_its_own_and_the_earliest_is_kept() -> None:
    delivery = sent_delivery()
    for hours, kind in enumerate((Kind.COMPLAINED, Kind.BOUNCED, Kind.DELIVERED, Kind.SOFT_BOUNCED, Kind.BOUNCED)):
        heard(kind, delivery, MORNING + hours * HOUR)
        application.apply_events()
    row = stored(delivery)
    assert row.complained_at == MORNING
    assert row.bounced_at == MORNING + HOUR
    assert row.delivered_at == MORNING + 2 * HOUR
    assert row.soft_bounced_at == MORNING + 3 * HOUR


def test_an_event_without_our_id_is_found_by_the_providers() -> None:
    delivery = sent_delivery(provider_id="2706ee8a")
    event = heard(Kind.DELIVERED, message_id="2706ee8a")
    application.apply_events()
    event.refresh_from_db()
    assert event.delivery_id == delivery.pk
    assert stored(delivery).delivered_at == MORNING


def test_an_event_of_an_unknown_delivery_is_kept_aside_and_counted() -> None:
    known = sent_delivery()
    events = [heard(Kind.BOUNCED, address_hash="f" * 64), heard(Kind.BOUNCED, known, delivery_id=known.pk + 1)]
    application.apply_events()
    aside = ProviderEvent.objects.filter(put_aside=ProviderEvent.Aside.UNKNOWN)
    assert aside.count() == len(events)
    assert not Suppression.objects.exists()


def test_an_event_of_a_delivery_to_another_address_is_kept_aside() -> None:
    delivery = sent_delivery()
    heard(Kind.COMPLAINED, delivery, address_hash="f" * 64)
    application.apply_events()
    assert ProviderEvent.objects.get().put_aside == ProviderEvent.Aside.ADDRESS
    assert stored(delivery).complained_at is None
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ({Kind.ACCEPTED}, Status.SENT),
        ({Kind.DELIVERED}, Status.SENT),
        ({Kind.BOUNCED}, Status.SENT),
        ({Kind.SOFT_BOUNCED}, Status.SENT),
        ({Kind.COMPLAINED}, Status.SENT),
        ({Kind.REJECTED}, Status.REJECTED),
        ({Kind.ACCEPTED, Kind.REJECTED}, Status.REJECTED),
        ({Kind.REJECTED, Kind.DELIVERED}, Status.SENT),
        ({Kind.OTHER}, Status.UNCERTAIN),
    ],
)
def test_events_settle_an_uncertain_delivery_by_what_they_prove(kinds: set[Kind], status: Status) -> None:
    one, other = sent_delivery(status=Status.UNCERTAIN), sent_delivery(status=Status.UNCERTAIN)
    for delivery, order in ((one, sorted(kinds)), (other, sorted(kinds, reverse=True))):
        for kind in order:
            heard(kind, delivery)
            application.apply_events()
    assert {stored(one).status, stored(other).status} == {status}


def test_a_delivery_that_became_uncertain_after_its_event_is_settled_too() -> None:
    delivery = sent_delivery()
    heard(Kind.DELIVERED, delivery)
    application.apply_events()
    Delivery.objects.update(status=Status.UNCERTAIN, note="no answer")
    tasks.settle_uncertain()
    assert stored(delivery).status == Status.SENT


def test_an_abandoned_delivery_that_left_after_all_is_sent() -> None:
    delivery = sent_delivery(status=Status.ABANDONED)
    heard(Kind.DELIVERED, delivery)
    application.apply_events()
    assert stored(delivery).status == Status.SENT


@pytest.mark.parametrize("status", [Status.REJECTED, Status.SENT, None])
def test_what_a_person_or_an_answer_settled_stays(status: Status | None) -> None:
    delivery = sent_delivery(status=status, note="by Ada")
    heard(Kind.REJECTED, delivery)
    heard(Kind.ACCEPTED, delivery)
    application.apply_events()
    assert (stored(delivery).status, stored(delivery).note) == (status, "by Ada")


def test_fact_and_consequence_are_written_together_or_not_at_all() -> None:
    delivery = sent_delivery()
    heard(Kind.BOUNCED, delivery)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE subscribers_suppression ADD CONSTRAINT no_room CHECK (reason <> 'bounce')")
    with pytest.raises(IntegrityError, match="no_room"), transaction.atomic():
        application.apply_together(ProviderEvent.objects.pending())
    assert stored(delivery).bounced_at is None
    assert ProviderEvent.objects.pending().count() == 1


def test_a_bounced_letter_suppresses_its_address_and_the_next_is_not_sent() -> None:
    reader = SubscriberFactory(status=Subscriber.Status.PENDING)
    letters.send(Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM))
    (message,) = sent()
    heard(Kind.BOUNCED, letter_id=int(message.metadata["letter"]), address_hash=reader.address_hash)
    application.apply_events()

    again = Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM)
    letters.send(again)

    assert again.status == Letter.Status.SKIPPED
    assert len(sent()) == 1


def test_old_events_are_forgotten_and_domains_before(set_clock: Callable[[datetime], None]) -> None:
    delivery = sent_delivery()
    heard(Kind.DELIVERED, delivery)
    heard(Kind.BOUNCED, delivery, held=ProviderEvent.Held.WAITING)
    application.apply_events()
    ProviderEvent.objects.filter(kind=Kind.BOUNCED).update(held=ProviderEvent.Held.WAITING)
    set_clock(MORNING + timedelta(days=3))
    tasks.forget_events()
    assert dict(ProviderEvent.objects.values_list("kind", "domain")) == {"delivered": "", "bounced": "example.org"}
    set_clock(MORNING + timedelta(days=31))
    tasks.forget_events()
    assert not ProviderEvent.objects.exists()


class Story(NamedTuple):
    """What may happen to a delivery, on a day of its own."""

    day: int
    name: str
    hours: int


stories = st.lists(
    st.builds(
        Story,
        st.integers(0, 8),
        st.sampled_from(
            ["accepted", "delivered", "soft_bounced", "soft_bounced", "bounced", "complained", "error", "blocked"]
        ),
        st.integers(0, 23),
    ),
    max_size=14,
)


@given(told=stories, data=st.data())
@hypothesis_settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_any_order_and_any_doubles_come_to_the_same_rows(
    client: Client, told: list[Story], data: st.DataObject
) -> None:
    doubled = told + (data.draw(st.lists(st.sampled_from(told), max_size=10)) if told else [])
    shuffled = data.draw(st.permutations(doubled))
    pauses = data.draw(st.sets(st.integers(0, 24)))
    assert outcome(client, told, set()) == outcome(client, shuffled, pauses)


def outcome(client: Client, told: list[Story], pauses: set[int]) -> Any:
    """Post the events in this order, apply them at `pauses` and at the end, and return all rows that matter."""
    with transaction.atomic():
        reader = SubscriberFactory(email="ada@example.org")
        days = [sent_delivery(reader, MORNING + timedelta(days=day), status=Status.UNCERTAIN) for day in range(9)]
        for number, (day, name, hours) in enumerate(told):
            at = MORNING + timedelta(days=day, hours=hours)
            post(client, Event("brevo", name, reader.canonical, at, {"delivery": str(days[day].pk)}))
            if number in pauses:
                application.apply_events()
        application.apply_events()
        rows = (
            list(Delivery.objects.order_by("pk").values_list("status", *uncertain.FACT_COLUMNS.values())),
            list(Suppression.objects.values_list("reason", "at")),
            Subscriber.objects.get().status,
            sorted(ProviderEvent.objects.values_list("kind", "happened_at", "put_aside", "held")),
        )
        transaction.set_rollback(True)
    return rows


def test_a_letters_soft_bounce_to_a_reader_without_digests_stops_no_event() -> None:
    reader = SubscriberFactory()
    letter = Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM)
    heard(Kind.SOFT_BOUNCED, letter_id=letter.pk, address_hash=reader.address_hash)
    heard(Kind.COMPLAINED, sent_delivery())
    application.apply_events()
    assert Suppression.objects.exists()


def test_an_event_that_cannot_be_applied_is_kept_aside_and_stops_no_other() -> None:
    broken = heard(Kind.DELIVERED, sent_delivery())
    ProviderEvent.objects.filter(pk=broken.pk).update(kind="astonished")
    other = sent_delivery()
    heard(Kind.COMPLAINED, other)

    application.apply_events()

    broken.refresh_from_db()
    assert broken.put_aside == ProviderEvent.Aside.FAILED
    assert Suppression.objects.count() == 1
    assert not ProviderEvent.objects.pending().exists()


def test_what_a_provider_rejected_after_all_gives_its_span_back() -> None:
    reader = SubscriberFactory(covered_through=MORNING)
    span = {"covered_from": MORNING - timedelta(days=1), "covered_to": MORNING}
    delivery = sent_delivery(reader, status=Delivery.Status.UNCERTAIN, digest=digest_of(), **span)
    heard(Kind.REJECTED, delivery)
    application.apply_events()
    reader.refresh_from_db()
    assert reader.covered_through == MORNING - timedelta(days=1)


@pytest.mark.parametrize(
    ("provider", "name", "note"),
    [
        ("postmark", "deactivated", "Postmark: It is on the provider’s own list (ManuallyDeactivated)"),
        ("brevo", "invalid_email", "Brevo: It is no valid address (invalid_email)"),
        ("sendgrid", "dropped_spam_reporting", "SendGrid: The reader called it spam (dropped: spam reporting)"),
        ("resend", "suppressed", "Resend: It is on the provider’s own list (email.suppressed)"),
    ],
)
def test_a_mail_that_the_provider_keeps_back_is_the_last_to_its_address(
    client: Client, provider: str, name: str, note: str
) -> None:
    reader = SubscriberFactory(email="ada@example.org")
    event = Event(provider, name, "ada@example.org", MORNING, {"delivery": str(sent_delivery(reader).pk)})
    assert post(client, event).status_code == 200
    tasks.apply_events()
    assert Suppression.holds(reader.canonical)
    assert Suppression.objects.get().note == note


def test_a_complaint_forged_under_a_used_signature_suppresses_nobody(client: Client) -> None:
    victim = sent_delivery(SubscriberFactory(email="ada@example.org"))
    seen = Event("mailgun", "delivered", "eve@example.org", MORNING, {"delivery": str(sent_delivery().pk)}).body()
    forged = Event("mailgun", "complained", "ada@example.org", MORNING, {"delivery": str(victim.pk)}).body()
    assert post_body(client, "mailgun", seen).status_code == 200
    assert post_body(client, "mailgun", forged | {"signature": seen["signature"]}).status_code == 403
    tasks.apply_events()
    assert not Suppression.objects.exists()
    assert stored(victim).complained_at is None


def test_of_a_thousand_events_with_one_that_cannot_be_read_the_others_are_applied(client: Client) -> None:
    delivery = sent_delivery(SubscriberFactory(email="ada@example.org"))
    names = ["delivered"] * 998 + ["bounced"]
    about = {"delivery": str(delivery.pk)}
    events = [
        Event("mailjet", name, "ada@example.org", MORNING + timedelta(seconds=number), about).body()
        for number, name in enumerate(names)
    ]
    events.insert(500, {"event": ["sent"]})
    assert post_body(client, "mailjet", events).status_code == 200
    tasks.apply_events()
    assert ProviderEvent.objects.counted().exclude(applied_at=None).count() == 999
    assert stored(delivery).delivered_at == MORNING
    assert Suppression.objects.get().reason == Suppression.Reason.BOUNCE


def test_an_upgrade_applies_what_was_put_aside_for_its_age_unless_it_may_be_forged() -> None:
    postmark, mailgun = sent_delivery(), sent_delivery()
    for delivery in (postmark, mailgun):
        heard(Kind.DELIVERED, delivery, put_aside="replay", applied_at=MORNING)
    ProviderEvent.objects.filter(delivery_id=mailgun.pk).update(provider="Mailgun")

    import_module("digests.migrations.0019_apply_late_events").apply_late_events(apps, None)
    application.apply_events()

    assert (stored(postmark).delivered_at, stored(mailgun).delivered_at) == (MORNING, None)
    assert ProviderEvent.objects.get(delivery_id=mailgun.pk).put_aside == ProviderEvent.Aside.REFUSED

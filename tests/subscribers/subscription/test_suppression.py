from datetime import timedelta
from itertools import permutations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from subscribers.models import Subscriber, Suppression
from subscribers.subscription.suppression import NewSuppression, Reason, suppress
from tests.factories import MORNING, SubscriberFactory

pytestmark = pytest.mark.django_db
READERS = "/admin/subscribers/subscriber/"


def ask(client: Client, *readers: Subscriber, **typed: str) -> str:
    chosen = {"action": "suppress", "_selected_action": [str(reader.pk) for reader in readers]}
    return client.post(READERS, chosen | typed, follow=True).content.decode()


def test_readers_are_suppressed_after_a_question_and_with_a_reason(admin_client: Client) -> None:
    one, other, kept = SubscriberFactory.create_batch(3)
    Suppression.objects.create(address_hash=other.address_hash, reason="bounce")
    assert "Suppress 2 addresses?" in ask(admin_client, one, other)
    assert "Say why" in ask(admin_client, one, other, note=" ")
    assert Suppression.objects.count() == 1
    assert "Suppressed: 1" in ask(admin_client, one, other, note="They wrote to us.")
    row = Suppression.objects.get(address_hash=one.address_hash)
    assert (row.reason, row.note) == ("manual", "They wrote to us.")
    assert Suppression.objects.get(address_hash=other.address_hash).reason == "bounce"
    assert not Suppression.holds(kept.canonical)


def test_who_may_only_look_suppresses_nobody(client: Client) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_subscriber"))
    client.force_login(user)
    ask(client, SubscriberFactory(), note="No.")
    assert not Suppression.objects.exists()


def test_reports_suppress_alike_in_any_order_and_however_many_come_at_once() -> None:
    hours = [MORNING + timedelta(hours=hour) for hour in range(4)]
    bounces = [NewSuppression("a" * 64, Reason.BOUNCE, at) for at in hours[:2]]
    complaints = [NewSuppression("a" * 64, Reason.COMPLAINT, at) for at in hours[2:]]
    for entries in permutations([*bounces, *complaints]):
        for size in (1, 2, 4):
            Suppression.objects.all().delete()
            for start in range(0, 4, size):
                suppress(entries[start : start + size])
            row = Suppression.objects.get()
            assert (row.reason, row.at) == (Reason.COMPLAINT, hours[2])


def test_the_providers_list_replaces_a_bounce_in_any_order_and_yields_to_a_complaint() -> None:
    bounce = NewSuppression("a" * 64, Reason.BOUNCE, MORNING)
    stop = NewSuppression("a" * 64, Reason.PROVIDER, MORNING + timedelta(hours=1), "Brevo: blocked")
    for entries in permutations([bounce, stop]):
        for size in (1, 2):
            Suppression.objects.all().delete()
            for start in range(0, 2, size):
                suppress(entries[start : start + size])
            row = Suppression.objects.get()
            assert (row.reason, row.at, row.note) == (Reason.PROVIDER, stop.at, "Brevo: blocked")
    suppress([NewSuppression("a" * 64, Reason.COMPLAINT, MORNING)])
    assert Suppression.objects.get().reason == Reason.COMPLAINT


def test_a_complaint_keeps_the_note_of_an_operator_and_a_bounce_keeps_all() -> None:
    suppress([NewSuppression("a" * 64, Reason.MANUAL, MORNING, "They wrote to us.")])
    for reason in (Reason.BOUNCE, Reason.ERASED, Reason.COMPLAINT):
        assert Suppression.objects.get().reason == Reason.MANUAL
        suppress([NewSuppression("a" * 64, reason, MORNING + timedelta(hours=1))])
    row = Suppression.objects.get()
    assert (row.reason, row.note) == (Reason.COMPLAINT, "They wrote to us.")

"""Readers whom an operator suppresses, on the list of readers."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from subscribers.models import Subscriber, Suppression
from tests.factories import SubscriberFactory

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

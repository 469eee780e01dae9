from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser, User

from newsletter import audit, clock
from tests.factories import MORNING, SubscriberFactory, TopicFactory

pytestmark = pytest.mark.django_db


def test_an_act_is_kept_with_who_did_it_and_what_stood_there_before_and_after() -> None:
    topic, editor = TopicFactory(name="Vision"), User.objects.create_user("iris")
    audit.record(editor, topic, "renamed", {"name": "Sight", "slug": "vision"}, {"name": "Vision", "slug": "vision"})
    entry = LogEntry.objects.get_for_object(topic).get()
    assert (entry.actor, entry.additional_data) == (editor, {"act": "renamed"})
    assert entry.changes == {"name": ["Sight", "Vision"]}


def test_what_nobody_who_logged_in_did_has_no_actor() -> None:
    audit.record(AnonymousUser(), TopicFactory(), "proposed")
    assert LogEntry.objects.get(additional_data__act="proposed").actor is None


def test_an_act_of_who_has_no_account_names_them_in_words() -> None:
    audit.record("the reader", TopicFactory(), "proposed")
    assert LogEntry.objects.get().additional_data == {"act": "proposed", "by": "the reader"}


def test_an_act_on_a_reader_holds_no_address() -> None:
    reader = SubscriberFactory(email="ada@example.org")
    audit.record(None, reader, "changed", {"frequency": "daily"}, {"frequency": "weekly"})
    (row,) = LogEntry.objects.values()
    assert row["object_repr"] == f"Reader {reader.pk}"
    assert "ada@" not in str(row)
    assert reader.address_hash not in str(row)


def test_an_act_is_forgotten_once_it_is_older_than_the_setting_says(settings: LazySettings) -> None:
    settings.AUDIT_KEPT_DAYS = 2
    topic, now = TopicFactory(), MORNING
    for days in (3, 2.01, 1.99, 0):
        with clock.at(now - timedelta(days=days)):
            audit.record(None, topic, f"{days} days ago")
    with clock.at(now):
        assert audit.delete_expired() == 2
    assert {entry.additional_data["act"] for entry in LogEntry.objects.all()} == {"1.99 days ago", "0 days ago"}

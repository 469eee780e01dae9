import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import AnonymousUser, User

from newsletter import audit
from tests.factories import TopicFactory

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

"""The audit log as it is read in the admin, and what the admin's pages write into it."""

from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.contrib.admin.models import LogEntry as DjangosEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from newsletter import audit, clock
from newsletter.papers.models import Source, Topic
from tests.factories import MORNING, PaperFactory, SourceFactory, SubscriberFactory, TopicFactory
from tests.pages import form_of

pytestmark = pytest.mark.django_db
LOG = "/admin/auditlog/logentry/"


def page(client: Client, path: str = LOG, **asked: str) -> str:
    response = client.get(path, asked)
    assert response.status_code == 200
    return response.content.decode()


def change(client: Client, path: str, form: str, **typed: str) -> None:
    answers = form_of(page(client, path), form) | typed
    assert client.post(path, answers).status_code == 302


def test_the_log_says_who_did_what_to_which_row_and_when_in_utc(admin_client: Client) -> None:
    topic, editor = TopicFactory(name="Vision"), User.objects.create_user("iris")
    with clock.at(MORNING):
        audit.record(editor, topic, "renamed", {"name": "Sight"}, {"name": "Vision"})
    shown = page(admin_client)
    for words in ("iris", "renamed", "4 May 2026, 05:00:00 UTC", "Sight → Vision", f"{topic.pk}/change/"):
        assert words in shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"actor": "none"}, {"by nobody"}),
        ({"kind": "papers.source"}, {"by nobody"}),
        ({"day": "2026-05-04"}, {"by nobody"}),
        ({"day": "2026-05-03"}, {"by iris"}),
        ({"day": "rubbish"}, set()),
        ({"kind": "rubbish"}, set()),
        ({"actor": "rubbish"}, set()),
        ({"q": "Sights"}, {"by iris"}),
        ({"q": "by nobody"}, {"by nobody"}),
    ],
)
def test_the_log_is_filtered_and_searched(admin_client: Client, asked: dict[str, str], found: set[str]) -> None:
    with clock.at(MORNING - timedelta(days=1)):
        audit.record(User.objects.create_user("iris"), TopicFactory(), "by iris", {"name": "Sights"})
    with clock.at(MORNING):
        audit.record(None, SourceFactory(), "by nobody")
    shown = page(admin_client, **asked)
    assert {act for act in ("by iris", "by nobody") if f">{act}<" in shown.replace("\n", "")} == found


def test_the_log_is_neither_added_to_nor_changed_nor_cut_by_hand(admin_client: Client) -> None:
    audit.record(None, TopicFactory(), "added")
    entry = LogEntry.objects.get()
    for path in ("add/", f"{entry.pk}/delete/"):
        assert admin_client.post(LOG + path, {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{LOG}{entry.pk}/change/", {"object_repr": "x"}).status_code == 403
    assert "delete_selected" not in page(admin_client)


def test_a_form_of_the_admin_leaves_what_stood_before_and_after_and_nothing_in_djangos_log(
    admin_client: Client,
) -> None:
    topic = TopicFactory(name="Sight")
    path = reverse("admin:papers_topic_change", args=[topic.pk])
    change(admin_client, path, "topic_form", name="Vision")
    entry = LogEntry.objects.get()
    assert (entry.actor.username, entry.additional_data, entry.changes) == (
        "admin", {"act": "changed"}, {"name": ["Sight", "Vision"]},
    )  # fmt: skip
    assert not DjangosEntry.objects.exists()
    shown = page(admin_client, reverse("admin:papers_topic_history", args=[topic.pk]))
    assert "Sight → Vision" in shown


def test_a_retired_topic_says_into_which(admin_client: Client) -> None:
    topic, heir = TopicFactory(), TopicFactory(name="Vision")
    path = reverse("admin:papers_topic_change", args=[topic.pk])
    change(admin_client, path, "topic_form", retire_into=str(heir.pk))
    assert Topic.objects.get(pk=topic.pk).retired_into == heir
    assert LogEntry.objects.get().changes == {"retire_into": ["", "Vision"]}


def test_a_new_topic_is_in_the_log_with_its_values(admin_client: Client) -> None:
    change(admin_client, reverse("admin:papers_topic_add"), "topic_form", name="Vision", slug="vision")
    entry = LogEntry.objects.get()
    assert entry.additional_data["act"] == "added"
    assert entry.changes["slug"] == ["", "vision"]


def test_a_form_that_changes_nothing_leaves_nothing(admin_client: Client) -> None:
    change(admin_client, reverse("admin:papers_topic_change", args=[TopicFactory().pk]), "topic_form")
    assert not LogEntry.objects.exists()


def test_a_source_that_is_asked_now_says_who_asked(admin_client: Client) -> None:
    SourceFactory(is_active=False)
    source = SourceFactory()
    chosen = {"action": "fetch_now", "_selected_action": [row.pk for row in Source.objects.all()]}
    admin_client.post(reverse("admin:papers_source_changelist"), chosen)
    assert source.pk in set(LogEntry.objects.values_list("object_id", flat=True))
    assert {entry.additional_data["act"] for entry in LogEntry.objects.all()} == {"asked to be fetched"}


def test_a_correction_of_a_paper_and_its_topics_is_kept(admin_client: Client) -> None:
    topic = TopicFactory(name="Vision")
    paper = PaperFactory(title="Seing", topics=[topic])
    path = reverse("admin:papers_paper_change", args=[paper.pk])
    change(admin_client, path, "paper_form", title="Seeing", **{"paper_topics-0-DELETE": "on"})
    changes = LogEntry.objects.get().changes
    assert changes["title"] == ["Seing", "Seeing"]
    assert ["Vision", ""] in changes.values()


def test_turning_sending_off_is_kept_with_the_reason(admin_client: Client) -> None:
    asked = {"act": "pause", "reason": "A wrong subject", "is_sure": "1"}
    admin_client.post(reverse("admin:digests_sendingswitch_changelist"), asked)
    entry = LogEntry.objects.get()
    assert (entry.additional_data["act"], entry.changes["reason"]) == ("paused", ["", "A wrong subject"])


def test_an_address_suppressed_by_hand_leaves_neither_it_nor_its_hash_nor_the_note(admin_client: Client) -> None:
    reader = SubscriberFactory(email="ada@example.org")
    added = {"address": "ada@example.org", "note": "Ada asked by post"}
    admin_client.post(reverse("admin:subscribers_suppression_add"), added)
    (row,) = LogEntry.objects.values()
    assert row["changes"] == {}
    assert "ada" not in str(row).lower()
    assert reader.address_hash[:12] not in str(row)

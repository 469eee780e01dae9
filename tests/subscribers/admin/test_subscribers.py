import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, LiftedSuppression, Subscriber, Suppression
from tests.factories import SubscriberFactory, TopicFactory
from tests.queries import statements

pytestmark = pytest.mark.django_db
READERS = "/admin/subscribers/subscriber/"
SUPPRESSIONS = "/admin/subscribers/suppression/"


def test_a_readers_page_shows_what_was_agreed_to_and_sent(admin_client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], email="Ada@example.org", detail="abstract")
    reader.consents.create(act="confirmed", ip="192.0.2.7", text_version="2026-11")
    reader.letters.create(kind=Letter.Kind.CONFIRM, error="The provider refused it (422).")
    page = admin_client.get(f"{READERS}{reader.pk}/change/").content.decode()
    for words in (
        "Ada@example.org",
        "Under each paper",
        "The whole abstract",
        "192.0.2.7",
        "The provider refused it (422).",
    ):
        assert words in page


@pytest.mark.parametrize("typed", ["ada@example.org", " ADA@Example.org ", "ada@EXAMPLE.ORG"])
def test_a_reader_is_found_by_the_address_in_any_spelling(admin_client: Client, typed: str) -> None:
    SubscriberFactory(email="Ada@example.org")
    SubscriberFactory(email="Bo@example.org")
    page = admin_client.get(READERS, {"q": typed}).content.decode()
    assert "Ada@example.org" in page
    assert "Bo@example.org" not in page


@pytest.mark.parametrize("typed", ["ada@", "Ad", "@Example.org", "ada@exam"])
def test_a_reader_is_found_by_the_beginning_of_the_address_and_by_its_domain(admin_client: Client, typed: str) -> None:
    SubscriberFactory(email="Ada@example.org")
    SubscriberFactory(email="Bo@example.net")
    page = admin_client.get(READERS, {"q": typed}).content.decode()
    assert "Ada@example.org" in page
    assert "Bo@example.net" not in page


def test_a_search_for_half_a_suppressed_address_says_that_it_takes_the_whole(admin_client: Client) -> None:
    Suppression.objects.create(address_hash=hash_address("ada@example.org"), reason="bounce")
    page = admin_client.get(SUPPRESSIONS, {"q": "ada@"}).content.decode()
    assert "Enter the whole address." in page
    assert hash_address("ada@example.org")[:12] not in page


def test_a_search_is_one_look_at_an_index(admin_client: Client) -> None:
    SubscriberFactory.create_batch(3)
    asked = statements(lambda: admin_client.get(READERS, {"q": "ada@example.org"}))
    found = [sql for sql in asked if "subscribers_subscriber" in sql]
    assert found
    assert all("\"canonical\" = 'ada@example.org'" in sql for sql in found)


def test_readers_are_neither_added_nor_deleted_nor_changed_by_hand(admin_client: Client) -> None:
    reader = SubscriberFactory()
    assert admin_client.get(f"{READERS}add/").status_code == 403
    assert admin_client.post(f"{READERS}{reader.pk}/delete/", {"post": "yes"}).status_code == 403
    formset = {
        f"{name}-{field}": "0" for name in ("consents", "letters") for field in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    admin_client.post(f"{READERS}{reader.pk}/change/", formset | {"email": "eve@example.org"})
    assert Subscriber.objects.get().email == reader.email


def test_a_suppression_is_found_by_its_address(admin_client: Client) -> None:
    for address in ("ada@example.org", "bo@example.org"):
        Suppression.objects.create(address_hash=hash_address(address), reason="bounce")
    page = admin_client.get(SUPPRESSIONS, {"q": "ADA@example.org"}).content.decode()
    assert hash_address("ada@example.org")[:12] in page
    assert hash_address("bo@example.org")[:12] not in page


def test_an_address_added_by_hand_is_never_mailed_and_only_its_hash_is_kept(admin_client: Client) -> None:
    admin_client.post(f"{SUPPRESSIONS}add/", {"address": "Ada@Example.org", "note": "Asked by post"})
    row = Suppression.objects.get()
    assert (row.address_hash, row.reason, row.note) == (hash_address("ada@example.org"), "manual", "Asked by post")


@pytest.mark.parametrize(("typed", "words"), [("nobody", "@-sign"), ("ada@example.org", "already suppressed")])
def test_an_unsuppressible_address_is_an_error_at_the_field(admin_client: Client, typed: str, words: str) -> None:
    Suppression.objects.create(address_hash=hash_address("ada@example.org"), reason="bounce")
    page = admin_client.post(f"{SUPPRESSIONS}add/", {"address": typed, "note": ""}).content.decode()
    assert words in page
    assert Suppression.objects.count() == 1


def suppressed(reason: str) -> tuple[Suppression, str]:
    row = Suppression.objects.create(address_hash=hash_address("ada@example.org"), reason=reason)
    return row, reverse("admin:subscribers_suppression_lift", args=[row.pk])


def test_a_suppression_is_lifted_with_a_note_that_is_kept_and_not_logged(admin_client: Client) -> None:
    row, path = suppressed("bounce")
    assert "suppression" in admin_client.get(path).content.decode()
    admin_client.post(path, {"note": "Her server was down"})
    assert not Suppression.holds("ada@example.org")
    lifted = LiftedSuppression.objects.get()
    assert (lifted.address_hash, lifted.reason, lifted.note) == (row.address_hash, "bounce", "Her server was down")
    assert lifted.by == "admin"
    entry = LogEntry.objects.get()
    assert (entry.additional_data["act"], entry.changes["reason"]) == ("lifted", ["The address bounced", ""])
    assert "Her server" not in str(entry.changes)


def test_without_a_note_nothing_is_lifted(admin_client: Client) -> None:
    _, path = suppressed("bounce")
    assert "Give a reason" in admin_client.post(path, {"note": ""}).content.decode()
    assert Suppression.holds("ada@example.org")


def test_a_complaint_is_lifted_only_by_who_confirms_it_twice(admin_client: Client) -> None:
    _, path = suppressed("complaint")
    assert "has asked for mail again" in admin_client.post(path, {"note": "She wrote"}).content.decode()
    assert Suppression.holds("ada@example.org")
    admin_client.post(path, {"note": "She wrote", "is_sure": "on"})
    assert not Suppression.holds("ada@example.org")


def test_a_look_at_the_page_lifts_nothing_and_no_suppression_is_deleted_or_changed(admin_client: Client) -> None:
    row, path = suppressed("bounce")
    admin_client.get(path)
    assert admin_client.post(f"{SUPPRESSIONS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    admin_client.post(f"{SUPPRESSIONS}{row.pk}/change/", {"reason": "manual", "address_hash": "a" * 64, "note": "x"})
    assert Suppression.objects.values_list("reason", "address_hash", "note").get() == (
        "bounce",
        row.address_hash,
        "",
    )


def test_who_may_only_look_lifts_nothing(client: Client) -> None:
    _, path = suppressed("bounce")
    client.force_login(editor("view_suppression"))
    assert client.post(path, {"note": "x"}).status_code == 403
    assert Suppression.holds("ada@example.org")


def test_all_readers_are_exported_by_who_may_and_it_is_logged(admin_client: Client) -> None:
    SubscriberFactory(email="ada@example.org")
    path = reverse("admin:subscribers_subscriber_export")
    assert "ada@example.org" not in admin_client.get(path).content.decode()
    assert not LogEntry.objects.exists()
    answer = admin_client.post(path)
    assert b"ada@example.org" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert "attachment" in answer["Content-Disposition"]
    assert LogEntry.objects.get().additional_data == {"act": "exported"}


def test_who_may_look_at_readers_does_not_thereby_export_them(client: Client) -> None:
    client.force_login(editor("view_subscriber"))
    assert client.post(reverse("admin:subscribers_subscriber_export")).status_code == 403
    page = client.get(READERS).content.decode()
    assert "Export all" not in page


def editor(*permissions: str) -> User:
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_the_form_for_another_site_posts_to_this_one(client: Client, settings: LazySettings) -> None:
    TopicFactory(slug="vision")
    TopicFactory(slug="audio")
    client.force_login(editor("view_subscriber"))
    path = reverse("admin:subscribers_subscriber_embed_form")
    asking = client.get(path).context["snippet"]
    assert f'action="{settings.SITE_URL}/subscribe/"' in asking
    assert asking.count('type="checkbox"') == 2
    fixed = client.get(path, {"topics": "vision"})
    assert '<input type="hidden" name="topics" value="vision">' in fixed.context["snippet"]
    assert "audio" not in fixed.context["snippet"]
    assert f"{settings.SITE_URL}/subscribe/?topics=vision" in fixed.content.decode()

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from subscribers.models import Letter, Subscriber, Suppression
from tests.factories import SubscriberFactory, TopicFactory

pytestmark = pytest.mark.django_db
READERS = "/admin/subscribers/subscriber/"


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_list_of_readers_runs_no_query_a_row(admin_client: Client) -> None:
    SubscriberFactory.create_batch(3)
    few = queries(admin_client, READERS)
    SubscriberFactory.create_batch(27)
    assert queries(admin_client, READERS) == few


def test_a_readers_page_shows_what_was_agreed_to_and_sent(admin_client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], email="Ada@example.org")
    reader.consents.create(act="confirmed", ip="192.0.2.7", text_version="2026-11")
    reader.letters.create(kind=Letter.Kind.CONFIRM, error="The provider refused it (422).")
    page = admin_client.get(f"{READERS}{reader.pk}/change/").content.decode()
    for words in ("Ada@example.org", "192.0.2.7", "The provider refused it (422)."):
        assert words in page


def test_a_reader_is_found_by_address(admin_client: Client) -> None:
    SubscriberFactory(email="Ada@example.org")
    SubscriberFactory(email="Bo@example.org")
    page = admin_client.get(READERS, {"q": "ada@"}).content.decode()
    assert "Ada@example.org" in page
    assert "Bo@example.org" not in page


def test_readers_are_neither_added_nor_deleted_nor_changed_by_hand(admin_client: Client) -> None:
    reader = SubscriberFactory()
    assert admin_client.get(f"{READERS}add/").status_code == 403
    assert admin_client.post(f"{READERS}{reader.pk}/delete/", {"post": "yes"}).status_code == 403
    formset = {
        f"{name}-{field}": "0" for name in ("consents", "letters") for field in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    admin_client.post(f"{READERS}{reader.pk}/change/", formset | {"email": "eve@example.org"})
    assert Subscriber.objects.get().email == reader.email


def test_a_suppression_is_lifted_by_deleting_it(admin_client: Client) -> None:
    row = Suppression.objects.create(address_hash="a" * 64, reason=Suppression.Reason.BOUNCE)
    admin_client.post(f"/admin/subscribers/suppression/{row.pk}/delete/", {"post": "yes"})
    assert not Suppression.objects.exists()

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from digests import assembly
from digests.models import Batch, Delivery
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def serve(count: int) -> None:
    """Assemble a digest for `count` more readers."""
    topic = TopicFactory()
    SubscriberFactory.create_batch(count, topics=[topic])
    assembly.assemble_due_digests()


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/admin/digests/delivery/", "/admin/digests/batch/"])
def test_a_list_runs_no_query_a_row(admin_client: Client, path: str) -> None:
    published_issue(MONDAY, PaperFactory())
    serve(3)
    few = queries(admin_client, path)
    serve(27)
    assert queries(admin_client, path) == few


def test_deliveries_and_batches_are_only_looked_at(admin_client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    serve(1)
    for model, pk in (("delivery", Delivery.objects.get().pk), ("batch", Batch.objects.get().pk)):
        assert admin_client.get(f"/admin/digests/{model}/add/").status_code == 403
        assert admin_client.get(f"/admin/digests/{model}/{pk}/change/").status_code == 200
        assert admin_client.post(f"/admin/digests/{model}/{pk}/change/", {"note": "x"}).status_code == 403
        assert admin_client.post(f"/admin/digests/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_delivery_is_found_by_its_readers_address(admin_client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    serve(2)
    one, other = (row.subscriber for row in Delivery.objects.select_related("subscriber"))
    assert one is not None
    assert other is not None
    page = admin_client.get("/admin/digests/delivery/", {"q": one.canonical}).content.decode()
    assert one.email in page
    assert other.email not in page

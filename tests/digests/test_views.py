from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from digests import assembly, rendering, sending
from digests.models import Batch, Card, Delivery, Digest
from newsletter.issues.models import Issue
from subscribers import tokens
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def delivery() -> Delivery:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic], title="Seeing in the dark"))
    SubscriberFactory(topics=[topic])
    assembly.assemble_due_digests()
    sending.send_batch(Batch.objects.get())
    return Delivery.objects.get()


def path_of(delivery: Delivery) -> str:
    return f"/digest/{tokens.sign(tokens.Purpose.VIEW, delivery.pk)}/"


def test_ones_own_digest_in_the_browser_is_the_mail_byte_for_byte(
    client: Client, delivery: Delivery, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING + timedelta(days=200))
    answer = client.get(path_of(delivery))
    assert answer.status_code == 200
    assert answer.content.decode() == sent()[0].alternatives[0][0]


def test_a_digest_in_the_browser_is_kept_by_nobody(client: Client, delivery: Delivery) -> None:
    answer = client.get(path_of(delivery))
    assert "no-store" in answer["Cache-Control"]
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")


def test_a_link_of_another_purpose_opens_no_digest(client: Client, delivery: Delivery) -> None:
    other = tokens.sign(tokens.Purpose.UNSUBSCRIBE, delivery.pk)
    assert client.get(f"/digest/{other}/").status_code == 404
    assert client.get(path_of(delivery)[:-2] + "x/").status_code == 404


@pytest.mark.parametrize("status", ["published", "withdrawn"])
def test_a_digest_whose_cards_are_gone_is_410_and_leads_to_its_issue(
    client: Client, delivery: Delivery, status: str
) -> None:
    Card.objects.all().delete()
    rendering.known_cards.clear()
    Issue.objects.update(status=status)
    answer = client.get(path_of(delivery))
    assert answer.status_code == 410
    page = answer.content.decode()
    assert "This mail is too old to be shown" in page
    assert "site.css" in page
    assert ('href="/issues/2026-05-04/"' in page) == (status == "published")
    assert "style-src" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("model", [Delivery, Digest, Subscriber])
def test_a_digest_is_410_where_it_or_its_reader_is_gone(
    client: Client, delivery: Delivery, model: type[Delivery | Digest | Subscriber]
) -> None:
    path = path_of(delivery)
    model._default_manager.all().delete()
    assert client.get(path).status_code == 410


def test_a_digest_in_the_browser_may_load_nothing(client: Client, delivery: Delivery) -> None:
    assert "default-src 'none'" in client.get(path_of(delivery))["Content-Security-Policy"]


def test_looking_at_a_digest_changes_nothing(client: Client, delivery: Delivery) -> None:
    before = Delivery.objects.values().get()
    client.get(path_of(delivery))
    assert Delivery.objects.values().get() == before
    assert client.post(path_of(delivery)).status_code == 405

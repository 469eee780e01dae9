import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from subscribers import letters
from subscribers.models import Letter, Subscriber, Suppression
from tests.factories import SubscriberFactory
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def path_in(kind: Letter.Kind, address: str = "") -> str:
    """Send a letter, and return the path that stops further ones, the same in its header and in both parts."""
    reader = SubscriberFactory(email="ada@example.org", status=Subscriber.Status.PENDING, next_digest_at=None)
    letters.send(reader.letters.create(kind=kind, address=address))
    message = sent()[-1]
    url = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in message.body.split()
    assert f'href="{url}"' in message.alternatives[0][0]
    return str(urlsplit(url).path)


def test_opening_the_link_changes_nothing(client: Client) -> None:
    page = client.get(path_in(Letter.Kind.CONFIRM))
    assert "Did somebody else enter your address?" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert not page.cookies
    assert (Subscriber.objects.get().status, Suppression.objects.count()) == ("pending", 0)
    assert Letter.objects.get().used_at is None


def test_the_button_stops_the_mails_and_another_allows_them_again(client: Client) -> None:
    path = path_in(Letter.Kind.CONFIRM)
    assert "We will not write to your address again" in client.post(path).content.decode()
    assert Suppression.holds("ada@example.org")
    assert 'name="again"' in client.get(path).content.decode()
    assert "Mail to your address is allowed again" in client.post(path, {"again": "1"}).content.decode()
    assert not Suppression.objects.exists()


def test_the_button_of_a_mail_program_stops_the_mails_without_cookies_or_tokens_of_a_form() -> None:
    path = path_in(Letter.Kind.CONFIRM)
    answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert Suppression.holds("ada@example.org")


def test_a_letter_to_a_new_address_can_be_refused_too(client: Client) -> None:
    client.post(path_in(Letter.Kind.ADDRESS, "victim@example.org"))
    assert Suppression.holds("victim@example.org")
    assert not Suppression.holds("ada@example.org")


def test_an_active_reader_reads_of_being_unsubscribed(client: Client) -> None:
    path = path_in(Letter.Kind.CONFIRM)
    Subscriber.objects.get().confirm()
    assert "You are unsubscribed" in client.post(path).content.decode()


def test_the_owner_of_an_address_that_complained_is_offered_no_way_back(client: Client) -> None:
    path = path_in(Letter.Kind.CONFIRM)
    keyed = Subscriber.objects.get().address_hash
    Suppression.objects.create(address_hash=keyed, reason=Suppression.Reason.COMPLAINT)
    assert 'name="again"' not in client.get(path).content.decode()


def test_a_changed_link_stops_nothing(client: Client) -> None:
    path = path_in(Letter.Kind.CONFIRM)
    forged = re.sub(r"\d+\.", "999.", path, count=1)
    for other in (forged, path[:-2] + "/", "/not-me/x/"):
        assert client.post(other).status_code == 404
    assert not Suppression.objects.exists()


def test_letters_that_a_known_reader_asked_for_carry_no_such_link() -> None:
    letters.send(SubscriberFactory().letters.create(kind=Letter.Kind.LINK))
    assert "List-Unsubscribe" not in sent()[-1].extra_headers

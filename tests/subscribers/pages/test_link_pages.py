import time as time_
from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings
from django.test import Client

from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.tokens import Purpose
from tests.factories import SubscriberFactory, TopicFactory
from tests.links import follow, mark
from tests.rows import rows_of
from tests.subscribers.reader_links import answers, choices_link, leave_link, links_of, pause_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_opens_every_link_changes_nothing(client: Client, method: str) -> None:
    reader = SubscriberFactory()
    before = rows_of("subscribers")
    for link in links_of(reader):
        response = getattr(client, method)(link, follow=True)
        assert response.status_code == 200, link
    assert rows_of("subscribers") == before


def test_a_link_moves_to_an_address_without_its_token(client: Client) -> None:
    reader = SubscriberFactory()
    for link, page in zip(links_of(reader), ("/preferences/", "/pause/", "/unsubscribe/"), strict=True):
        token = link.split("/")[2]
        answer = follow(client, link)
        assert answer.wsgi_request.get_full_path() == page
        shown = answer.content.decode()
        assert token not in shown or page == "/preferences/"  # whose page links to the way out


def test_the_cookie_of_a_link_is_signed_out_of_reach_and_lasts_an_hour(client: Client, settings: LazySettings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    client.get(choices_link(SubscriberFactory()))
    cookie = client.cookies["link_preferences"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"], cookie["secure"]) == (3600, True, "Lax", True)
    client.cookies["link_preferences"] = cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")
    assert "You need your settings link" in client.get("/preferences/").content.decode()


def test_a_cookie_of_more_than_an_hour_ago_opens_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(choices_link(SubscriberFactory()))
    later = time_.time() + 3601
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert "You need your settings link" in client.get("/preferences/").content.decode()


def test_the_cookie_of_one_link_opens_no_other_page(client: Client) -> None:
    reader = SubscriberFactory()
    client.get(leave_link(reader))
    client.cookies["link_preferences"] = client.cookies["link_unsubscribe"].value
    for page in ("/preferences/", "/pause/", "/erase/"):
        assert "You need your settings link" in client.get(page).content.decode()


def test_every_page_of_a_link_is_kept_by_nobody_and_says_nothing_to_others(client: Client) -> None:
    reader = SubscriberFactory()
    for link in [*links_of(reader), "/confirm/x/", "/data/x/", "/erase/x/", "/address/x/", "/preferences/x/"]:
        for answer in (client.get(link), client.get(f"/{link.split('/')[1]}/")):
            assert "no-store" in answer["Cache-Control"], link
            assert answer["Referrer-Policy"] == "no-referrer", link
    assert client.post(leave_link(reader))["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("page", ["confirm", "preferences", "pause", "unsubscribe", "address", "data", "erase"])
@pytest.mark.parametrize("token", ["x", "1.0~x", "1.0~", "..~", "%00", "🙂", "a" * 5000])
def test_a_link_that_was_tampered_with_is_404_and_changes_nothing(client: Client, page: str, token: str) -> None:
    SubscriberFactory()
    before = rows_of("subscribers")
    assert client.get(f"/{page}/{token}/").status_code == 404
    assert client.post(f"/{page}/{token}/").status_code == (404 if page == "unsubscribe" or token == "%00" else 405)
    assert rows_of("subscribers") == before


def test_a_token_opens_only_what_it_is_for(client: Client) -> None:
    reader = SubscriberFactory()
    before = rows_of("subscribers")
    for purpose in Purpose:
        token = tokens.sign(purpose, reader.pk, reader.token_epoch)
        for page in {"preferences", "pause", "unsubscribe"} - {purpose.value}:
            assert client.get(f"/{page}/{token}/").status_code == 404
        if purpose != Purpose.UNSUBSCRIBE:
            assert client.post(f"/unsubscribe/{token}/").status_code == 404
    assert rows_of("subscribers") == before


def test_links_and_cookies_of_an_old_key_work_until_it_is_taken_out(client: Client, settings: LazySettings) -> None:
    reader = SubscriberFactory()
    link = pause_link(reader)
    page = follow(client, link)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new key"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert client.post("/pause/", {"mark": mark(page)}).status_code == 200
    assert follow(Client(), link).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(link).status_code == 404
    assert client.post("/pause/", {"mark": mark(page)}).status_code == 403


def test_a_new_epoch_closes_the_choices_even_behind_a_cookie_and_never_the_way_out(client: Client) -> None:
    reader = SubscriberFactory()
    page = follow(client, choices_link(reader))
    Subscriber.objects.update(token_epoch=1)
    assert client.get("/preferences/").status_code == 410
    assert client.post("/preferences/", {"mark": mark(page)} | answers()).status_code == 410
    assert follow(client, leave_link(reader)).status_code == 200


def test_the_page_of_another_reader_in_the_same_browser_saves_nothing(client: Client) -> None:
    TopicFactory(slug="vision")
    one, other = SubscriberFactory.create_batch(2, topics=[TopicFactory()])
    page = follow(client, choices_link(one))
    follow(client, choices_link(other))
    before = rows_of("subscribers")
    answer = client.post("/preferences/", answers() | {"mark": mark(page)})
    assert answer.status_code == 403
    assert "This page is out of date" in answer.content.decode()
    assert rows_of("subscribers") == before

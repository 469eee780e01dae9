"""When a login ends by itself."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from newsletter import clock
from newsletter.accounts.idle_logout import BEGUN_AT, SEEN_AT

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("iris"))
    assert is_in(client)
    return client


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/admin/", headers=headers).status_code == 200


def put_back(client: Client, name: str, seconds: int) -> None:
    """Let a moment of the session lie further back."""
    session = client.session
    session[name] -= seconds
    session.save()


def test_a_login_ends_after_an_hour_without_an_act(client: Client) -> None:
    put_back(client, SEEN_AT, HOUR - 30)
    assert is_in(client)
    put_back(client, SEEN_AT, HOUR)
    assert not is_in(client)
    assert not is_in(client)


def test_each_act_begins_the_hour_anew(client: Client) -> None:
    for _ in range(3):
        put_back(client, SEEN_AT, HOUR // 2)
        assert is_in(client)


def test_a_page_that_refreshes_itself_does_not_keep_a_login(client: Client) -> None:
    for _ in range(3):
        put_back(client, SEEN_AT, HOUR // 3)
        is_in(client, HX_Request="true")
    assert not is_in(client)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_part_of_a_page_whose_login_ended_makes_the_page_load_again(client: Client, method: str) -> None:
    put_back(client, SEEN_AT, HOUR)
    answer = getattr(client, method)("/admin/digests/batch/progress/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (200, "true", b"")


def test_a_part_of_a_page_that_lacks_a_second_factor_makes_the_page_load_again(
    client: Client, settings: LazySettings
) -> None:
    settings.TWO_FACTOR = True
    assert client.get("/admin/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_the_hour_is_one_of_the_products_clock(client: Client) -> None:
    with clock.at(clock.now() + timedelta(minutes=59)):
        assert is_in(client)
    with clock.at(clock.now() + timedelta(minutes=120)):
        assert not is_in(client)


def test_a_login_ends_after_twelve_hours_however_busy_it_is(client: Client) -> None:
    put_back(client, BEGUN_AT, 12 * HOUR)
    assert not is_in(client)

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from subscribers.models import SignupRequest
from subscribers.subscription import proof_of_work
from tests.factories import MORNING, TopicFactory
from tests.subscribers.signups import answers, decoded, encoded, mark, proof

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock", "vision")]
SetClock = Callable[[datetime], None]


@pytest.fixture
def vision() -> None:
    TopicFactory(slug="vision", name="Vision")


def post(client: Client, ip: str = "192.0.2.7", **changes: Any) -> int:
    return client.post("/subscribe/", answers(**changes), REMOTE_ADDR=ip).status_code


def test_the_21st_sign_up_of_a_network_in_an_hour_shows_a_proof(client: Client, set_clock: SetClock) -> None:
    statuses = [post(client, f"192.0.2.{number}") for number in range(25)]
    assert statuses == [302] * 20 + [429] * 5
    assert post(client, "192.0.3.1") == 302
    assert post(client, proof=proof()) == 302
    set_clock(MORNING + timedelta(minutes=61))
    assert post(client) == 302


def test_a_network_of_ipv6_is_counted_by_its_48_bits(client: Client, settings: LazySettings) -> None:
    settings.SIGNUPS_PER_NETWORK = 1
    assert [post(client, ip) for ip in ("2001:db8:1:1::1", "2001:db8:1:ffff::2", "2001:db8:2::1")] == [302, 429, 302]


def test_who_writes_other_addresses_before_the_proxys_stays_in_one_network(
    client: Client, settings: LazySettings
) -> None:
    settings.SIGNUPS_PER_NETWORK, settings.TRUSTED_HOPS = 1, 1

    def behind_the_proxy(forwarded: str) -> int:
        return client.post("/subscribe/", answers(), headers={"x-forwarded-for": forwarded}).status_code

    assert behind_the_proxy("1.1.1.1, 203.0.113.9") == 302
    assert [behind_the_proxy(f"{n}.1.1.1, 203.0.113.77") for n in range(3)] == [429] * 3
    assert behind_the_proxy("1.1.1.1, 203.0.114.9") == 302


def test_a_sign_up_with_no_address_of_a_network_is_counted_with_all_such(
    client: Client, settings: LazySettings
) -> None:
    settings.SIGNUPS_PER_NETWORK = 1
    assert [post(client, ip="") for _ in range(2)] == [302, 429]


@pytest.mark.parametrize(
    "trouble",
    [
        {"website": "https://example.org"},
        {"shown": ""},
        {"shown": "1:x"},
        {"shown": "x" * 5000},
    ],
)
def test_what_looks_like_a_machine_shows_a_proof(client: Client, trouble: dict[str, str]) -> None:
    assert post(client, **trouble) == 403
    assert not SignupRequest.objects.exists()
    assert post(client, **trouble, proof=proof()) == 302


@pytest.mark.parametrize(
    ("ago", "status"),
    [
        (timedelta(seconds=1), 403),
        (timedelta(seconds=2), 302),
        (timedelta(hours=23), 302),
        (timedelta(hours=25), 403),
        (-timedelta(seconds=5), 403),
    ],
)
def test_a_form_is_filled_in_within_a_persons_time(client: Client, ago: timedelta, status: int) -> None:
    assert post(client, shown=mark(ago)) == status


def test_a_form_of_another_site_goes_on_after_a_proof(client: Client) -> None:
    foreign = {"email": "ada@example.org", "topics": "vision", "frequency": "daily", "send_time": "07:00",
               "timezone": "UTC"}  # fmt: skip
    page = client.post("/subscribe/", foreign, headers={"origin": "https://lab.example.edu"})
    assert page.status_code == 403
    text = page.content.decode()
    for name, value in foreign.items():
        assert f'name="{name}" value="{value}"' in text
    assert 'name="form" value="https://lab.example.edu"' in text
    again = foreign | {"form": "https://lab.example.edu", "proof": proof()}
    assert client.post("/subscribe/", again).status_code == 302
    assert SignupRequest.objects.get().source == "https://lab.example.edu"


def test_the_challenge_says_what_to_do_without_javascript(client: Client, settings: LazySettings) -> None:
    settings.REPLY_TO = "Desk <desk@example.org>"
    settings.SIGNUPS_PER_NETWORK = 0
    page = client.post("/subscribe/", answers()).content.decode()
    assert "in an hour" in page
    assert "<button" not in page
    assert "mailto:desk@example.org" in page
    assert "/subscribe/?topics=vision" in page


def test_without_javascript_a_form_of_another_site_goes_on_by_a_button(client: Client, set_clock: SetClock) -> None:
    page = client.post("/subscribe/", answers(shown="")).content.decode()
    assert "<button" in page
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    set_clock(MORNING + timedelta(seconds=3))
    assert client.post("/subscribe/", fields).status_code == 302


def test_a_wrong_answer_comes_before_a_challenge(client: Client) -> None:
    assert post(client, email="ada", shown="") == 422


def test_a_form_that_is_shown_again_keeps_its_moment(client: Client) -> None:
    shown = mark()
    page = client.post("/subscribe/", answers(email="ada", shown=shown)).content.decode()
    assert f'value="{shown}"' in page


# Proofs


def test_a_proof_serves_once(client: Client, settings: LazySettings) -> None:
    settings.SIGNUPS_PER_NETWORK = 0
    used = proof()
    assert [post(client, proof=used), post(client, proof=used)] == [302, 429]
    assert SignupRequest.objects.count() == 1


def test_a_proof_holds_for_20_minutes(set_clock: SetClock) -> None:
    made = proof()
    assert proof_of_work.nonce_of(made)
    set_clock(MORNING + timedelta(minutes=21))
    assert proof_of_work.nonce_of(made) is None


def test_a_proof_that_was_altered_is_none() -> None:
    made = decoded(proof())
    parameters = made["challenge"]["parameters"]
    altered = [
        made | {"solution": made["solution"] | {"counter": made["solution"]["counter"] + 1, "derivedKey": "00" * 32}},
        made | {"challenge": made["challenge"] | {"parameters": parameters | {"cost": 1}}},
        made | {"challenge": made["challenge"] | {"parameters": parameters | {"keyPrefix": ""}}},
        made | {"challenge": made["challenge"] | {"parameters": parameters | {"data": {"until": 10**11}}}},
        made | {"challenge": made["challenge"] | {"signature": None}},
        made | {"challenge": made["challenge"] | {"signature": "00" * 32}},
        made | {"challenge": []},
        {},
    ]
    assert proof_of_work.nonce_of(encoded(made)) == parameters["nonce"]
    assert [proof_of_work.nonce_of(encoded(one)) for one in altered] == [None] * len(altered)


@pytest.mark.parametrize("text", ["", "x", "e30=", "bnVsbA==", "MQ==", "W10=", "é", "a" * 100_000])
def test_rubbish_is_no_proof(text: str) -> None:
    assert proof_of_work.nonce_of(text) is None

"""What happens to who tries one password after the other."""

import io
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from newsletter import clock
from newsletter.accounts import staff_accounts
from newsletter.log_redaction import RedactingFormatter
from newsletter.runtime import nightly_cleanup
from tests.rivals import at_once

pytestmark = pytest.mark.django_db
PASSWORD = "a-password-of-a-desk"
HOME, AWAY = "203.0.113.7", "198.51.100.7"
NEIGHBOUR = "203.0.113.8"


@pytest.fixture(autouse=True)
def iris(settings: LazySettings) -> User:
    settings.AXES_FAILURE_LIMIT = 3
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("iris", password=PASSWORD)


def attempt(password: str = "wrong", address: str = HOME, name: str = "iris", **sent: Any) -> tuple[int, str]:
    asked = {"username": name, "password": password, "next": "/admin/"}
    response = Client().post("/admin/login/", asked, headers=None, REMOTE_ADDR=address, **sent)
    return response.status_code, response.content.decode()


def lock(address: str = HOME) -> None:
    for _ in range(3):
        attempt(address=address)


def test_after_some_wrong_passwords_no_other_is_looked_at_not_even_the_right_one() -> None:
    assert [attempt()[0] for _ in range(3)] == [200, 200, 429]
    status, page = attempt(PASSWORD)
    assert status == 429
    for words in ("Wait 15 minutes", "we check no more of them for now", "manage.py password"):
        assert words in page


def test_the_wait_is_one_minute_or_several(settings: LazySettings) -> None:
    settings.AXES_COOLOFF_TIME = timedelta(minutes=1)
    lock()
    assert "Wait 1 minute and" in attempt(PASSWORD)[1]


def test_a_lock_holds_for_the_network_and_for_no_other() -> None:
    lock()
    assert attempt(PASSWORD, NEIGHBOUR)[0] == 429
    assert attempt(PASSWORD, AWAY)[0] == 302


def test_a_lock_holds_for_the_name_and_for_no_other() -> None:
    User.objects.create_superuser("mara", password=PASSWORD)
    lock()
    assert attempt(PASSWORD, name="mara")[0] == 302


def test_a_right_password_forgets_the_wrong_ones() -> None:
    for _ in range(3):
        assert [attempt()[0], attempt()[0], attempt(PASSWORD)[0]] == [200, 200, 302]


def test_a_lock_ends_after_a_while_and_what_is_tried_meanwhile_does_not_prolong_it() -> None:
    lock()
    attempt(PASSWORD)
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=15, seconds=1))
    assert attempt(PASSWORD)[0] == 302


def test_a_new_password_ends_the_wait() -> None:
    lock()
    password = staff_accounts.renew_password("iris")
    assert password
    assert attempt(password)[0] == 302


@pytest.mark.parametrize(("hops", "status"), [(0, 429), (1, 302)])
def test_the_clients_address_is_believed_of_trusted_hops_alone(settings: LazySettings, hops: int, status: int) -> None:
    settings.TRUSTED_HOPS = hops
    for _ in range(3):
        attempt(address="10.0.0.1", HTTP_X_FORWARDED_FOR=HOME)
    assert attempt(PASSWORD, "10.0.0.1", HTTP_X_FORWARDED_FOR=AWAY)[0] == status


def test_neither_the_log_nor_the_table_holds_an_address_or_a_password() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        for _ in range(4):
            attempt("my-secret-guess", name="iris@example.org")
    finally:
        logging.getLogger().removeHandler(handler)
    lines = written.getvalue()
    assert "Login refused" in lines
    stored = str(list(AccessAttempt.objects.values()))
    for trace in ("my-secret-guess", HOME):
        assert trace not in lines + stored
    assert "iris@" not in lines


def test_the_night_forgets_what_is_over() -> None:
    lock()
    lock(AWAY)
    now = datetime.now(UTC)
    AccessAttempt.objects.filter(ip_address="198.51.100.0").update(attempt_time=now - timedelta(hours=1))
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(hours=1))
    with clock.at(now):
        nightly_cleanup.delete_expired()
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"203.0.113.0"}
    assert [session.session_key for session in Session.objects.all()] == ["new"]


@pytest.mark.parametrize("next_page", ["", "//evil.example.org/", "https://evil.example.org/"])
def test_a_login_without_a_page_of_ours_to_go_to_ends_in_the_admin(next_page: str) -> None:
    asked = {"username": "iris", "password": PASSWORD} | ({"next": next_page} if next_page else {})
    answer = Client().post("/admin/login/", asked, follow=True)
    assert (answer.status_code, answer.redirect_chain[-1][0]) == (200, "/admin/")


@pytest.mark.parametrize("length", [255, 256, 10_000])
def test_a_name_of_any_length_is_a_wrong_name_and_is_locked_like_one(length: int) -> None:
    name = "n" * length
    assert [attempt(name=name)[0] for _ in range(3)] == [200, 200, 429]


def network(number: int) -> str:
    return f"10.0.{number}.1"


def test_wrong_passwords_for_one_name_from_many_networks_are_slowed_down_for_unknown_networks() -> None:
    answers = [attempt(address=network(number))[0] for number in range(40)]
    assert answers.count(200) == 20
    status, page = attempt(PASSWORD, AWAY)
    assert (status, "one of them every 30 seconds" in page) == (429, True)


def test_a_slowed_down_name_is_looked_at_again_after_half_a_minute() -> None:
    for number in range(20):
        attempt(address=network(number))
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(seconds=31))
    assert attempt(PASSWORD, AWAY)[0] == 302


@pytest.mark.parametrize("days", [-400, 400])
def test_a_network_is_known_for_ninety_real_days_whatever_the_products_clock_says(days: int) -> None:
    with clock.at(datetime.now(UTC) + timedelta(days=days)):
        assert attempt(PASSWORD)[0] == 302
        for number in range(20):
            attempt(address=network(number))
        assert attempt(PASSWORD, NEIGHBOUR)[0] == 302
    AccessLog.objects.update(attempt_time=datetime.now(UTC) - timedelta(days=91))
    assert attempt(PASSWORD, NEIGHBOUR)[0] == 429


@pytest.mark.django_db(transaction=True)
def test_of_tries_at_once_for_a_slowed_down_name_one_is_looked_at() -> None:
    for number in range(20):
        attempt(address=network(number))
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(seconds=31))
    answers = at_once(*(lambda number=number: attempt(address=network(number))[0] for number in range(30, 34)))
    assert sorted(answers) == [200, 429, 429, 429]
    assert AccessAttempt.objects.filter(username="iris").count() == 21


def test_who_waits_for_a_lock_of_the_own_network_waits_no_longer_because_of_others() -> None:
    lock()
    locked = AccessAttempt.objects.filter(ip_address="203.0.113.0")
    locked.update(attempt_time=datetime.now(UTC) - timedelta(minutes=14))
    before = locked.get().attempt_time
    for number in range(30):
        AccessAttempt.objects.exclude(ip_address="203.0.113.0").update(
            attempt_time=datetime.now(UTC) - timedelta(seconds=31)
        )
        attempt(address=network(number))
    attempt(PASSWORD)
    assert locked.get().attempt_time == before


def test_the_owner_of_a_name_under_attack_logs_in_from_a_network_of_former_logins() -> None:
    assert attempt(PASSWORD)[0] == 302
    for number in range(30):
        attempt(address=network(number))
    assert attempt(PASSWORD, NEIGHBOUR)[0] == 302
    assert attempt(PASSWORD, AWAY)[0] == 429


def test_wrong_passwords_for_many_names_lock_their_network_and_no_other() -> None:
    answers = [attempt(name=f"name{number}")[0] for number in range(30)]
    assert answers == [200] * 20 + [429] * 10
    status, page = attempt(PASSWORD)
    assert (status, "for several names" in page) == (429, True)
    assert attempt(PASSWORD, AWAY)[0] == 302


def test_the_night_forgets_networks_of_long_ago() -> None:
    assert attempt(PASSWORD)[0] == 302
    now = datetime.now(UTC)
    with clock.at(now + timedelta(days=89)):
        nightly_cleanup.delete_expired()
    assert AccessLog.objects.count() == 1
    with clock.at(now + timedelta(days=91)):
        nightly_cleanup.delete_expired()
    assert AccessLog.objects.count() == 0

import logging
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path

from newsletter.log_redaction import TOKEN_PATHS, RedactingFormatter, redact
from newsletter.web_server.__main__ import configuration
from subscribers import letters, tokens
from tests.factories import SubscriberFactory
from tests.subscribers.reader_links import pause_link

KEPT = "127.0.0.1 answered 500 at 12:00:01, version 1.2.3.4.5, std::string, /preferences/ and /issues/2026-05-04/"
TOKEN = "7.0~Zm9yZ2VkLWJ1dC1pdC1tYXktYmUtYS10b2tlbg"


def fail(request: HttpRequest, token: str) -> HttpResponse:
    raise RuntimeError("of ada@example.org at 93.184.216.34")


urlpatterns = [path("unsubscribe/<str:token>/", fail)]
handler500 = "tests.newsletter.test_log_redaction.say_sorry"


def say_sorry(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Sorry.", status=500)


def patterns_of(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns_of(pattern, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def test_every_address_with_a_token_is_one_that_logs_cut() -> None:
    with_token = [route for route in patterns_of(get_resolver()) if "token>" in route]
    assert len(with_token) >= 5
    assert {route.partition("/")[0] for route in with_token} <= {*TOKEN_PATHS}


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (f"Not Found: /unsubscribe/{TOKEN}/", "Not Found: /unsubscribe/…"),
        (f"Not Found: /preferences/{TOKEN}", "Not Found: /preferences/…"),
        (f"GET http://localhost/digest/effect/{TOKEN}/ 1", "GET http://localhost/digest/… 1"),
        ("Key (canonical)=(ada@example.org) exists", "Key (canonical)=(…@…) exists"),
        ("from 93.184.216.34, 2606:2800:220:1:248:1893:25c8:1946", "from …, …"),
        (KEPT, KEPT),
    ],
)  # fmt: skip
def test_a_line_keeps_all_but_what_points_to_a_reader(line: str, written: str) -> None:
    assert redact(line) == written


def test_every_handler_writes_discreetly_and_none_mails_requests() -> None:
    of_django = [handler for name in ("django", "django.request") for handler in logging.getLogger(name).handlers]
    assert of_django == []
    ours = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    assert [type(handler.formatter) for handler in ours] == [RedactingFormatter]


def test_the_web_server_keeps_no_log_of_requests() -> None:
    assert not configuration().access_log


@pytest.mark.django_db
@pytest.mark.parametrize(
    "page", ["confirm", "preferences", "pause", "unsubscribe", "digest", "address", "data", "erase"]
)
def test_no_token_is_logged_that_does_not_hold(page: str, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for answer in (client.get(f"/{page}/{TOKEN}/"), client.get(f"/{page}/{TOKEN}/x"), client.put(f"/{page}/{TOKEN}/")):
        assert answer.status_code in {404, 405}
    assert f"/{page}/…" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.django_db
def test_no_token_is_logged_that_holds(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "django.request")
    reader = SubscriberFactory(email="ada@example.org")
    paths = [letters.preferences_path(reader), pause_link(reader)]
    paths.append(f"/unsubscribe/{tokens.sign(tokens.Purpose.UNSUBSCRIBE, reader.pk)}/")
    stranger = Client(enforce_csrf_checks=True)
    for link in paths:
        for answer in (client.get(link, follow=True), stranger.post(link), client.put(link), client.get(link + "x/")):
            assert answer.status_code in {200, 403, 404, 405}
        assert link.split("/")[2] not in caplog.text
    assert "ada@" not in caplog.text


def test_a_request_that_fails_is_logged_without_what_it_was_about(
    settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = __name__
    caplog.handler.setFormatter(RedactingFormatter("%(message)s"))
    answer = Client(raise_request_exception=False).get(f"/unsubscribe/{TOKEN}/", REMOTE_ADDR="93.184.216.34")
    assert answer.status_code == 500
    assert "Internal Server Error: /unsubscribe/…" in caplog.text
    assert "RuntimeError: of …@… at …" in caplog.text
    for secret in (TOKEN, "ada@", "93.184"):
        assert secret not in caplog.text

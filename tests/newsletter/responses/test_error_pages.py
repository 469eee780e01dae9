"""What a stranger can send wrongly: a designed page, one short line in the log, and no more than a few a minute."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from newsletter.log_redaction import LINES_A_MINUTE, LONGEST_LINE, RedactingFormatter
from tests.factories import MORNING, TopicFactory

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
BROKEN_MULTIPART = {"data": b"--x\r\nnot a part", "content_type": "multipart/form-data; boundary="}


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log would hold, tracebacks and all."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
    for record in caplog.records:
        handler.handle(record)
    return written.getvalue().splitlines()


@pytest.fixture(params=[False, True], ids=["production", "desk"])
def stranger(request: pytest.FixtureRequest, settings: LazySettings) -> Client:
    settings.DEBUG, settings.EMAIL_PROVIDER = request.param, "postmark"  # without the mailbox's addresses
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def test_what_is_not_there_is_a_designed_page_on_a_desk_too(
    stranger: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/nowhere/", "/nowhere", "/issues/1999-01-01/", "/anymail/nobody/tracking/", "/static/none.css"):
        page = stranger.post(path) if "anymail" in path else stranger.get(path)
        assert page.status_code == 404, path
        assert "There is no such page" in page.content.decode(), path
    assert stranger.get("/privacy").status_code == 301
    assert all(line.startswith("WARNING django.request: Not Found: ") for line in lines_of(caplog))
    assert len(caplog.records) == 5


@pytest.mark.parametrize("path", ["/subscribe", "/confirm/x", "/preferences/link?a=b"])
def test_a_post_without_the_last_slash_is_led_to_its_address_as_a_post(stranger: Client, path: str) -> None:
    answer = stranger.post(path, {"email": "ada@example.org"})
    address, mark, query = path.partition("?")
    assert (answer.status_code, answer["Location"]) == (308, f"{address}/{mark}{query}")
    assert len(answer.content) < 1_000


def test_a_foreign_host_gets_a_designed_page_on_a_desk_too(stranger: Client, settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    for page in (stranger.get("/", headers={"host": "evil.example"}), stranger.post("/", headers={"host": "a b"})):
        assert page.status_code == 400
        assert "We could not understand the request" in page.content.decode()


def test_what_is_opened_in_a_wrong_way_is_a_designed_page_that_names_the_ways(
    stranger: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for method, path in (("put", "/subscribe/"), ("put", "/preferences/"), ("get", "/anymail/postmark/tracking/"),
                         ("delete", "/unsubscribe/x/")):  # fmt: skip
        page = getattr(stranger, method)(path)
        assert page.status_code == 405, path
        assert page["Allow"]
        assert "cannot be used that way" in page.content.decode()
        assert "today’s papers" in page.content.decode()
    assert len(lines_of(caplog)) <= 2 * 5


@pytest.mark.parametrize("path", ["/subscribe/", "/preferences/link/", "/unsubscribe/x/", "/digest/preview/"])
def test_a_body_that_is_too_large_is_not_read(
    stranger: Client, path: str, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    too_much = "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for sent in ({"data": {"email": too_much}}, {"data": f"email={too_much}", "content_type": FORM}):
        page = stranger.post(path, **sent)
        assert page.status_code == 413
        assert "That was too large" in page.content.decode()
    assert len(lines_of(caplog)) == 2
    assert all(line.startswith("WARNING django.request: Request Entity Too Large: ") for line in lines_of(caplog))


def test_bodies_that_cannot_be_read_are_answered_in_one_line(
    stranger: Client, caplog: pytest.LogCaptureFixture
) -> None:
    TopicFactory(slug="vision")
    many = {"data": "&".join(f"f{number}=1" for number in range(1_500)), "content_type": FORM}
    for sent in (BROKEN_MULTIPART, many):
        page = stranger.post("/subscribe/", **sent)
        assert page.status_code == 400
        assert "We could not understand the request" in page.content.decode()
    assert lines_of(caplog) == ["WARNING django.request: Bad Request: /subscribe/"] * 2


def test_a_host_that_is_not_ours_is_answered_in_two_short_lines(
    settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLOWED_HOSTS = ["papers.example.org"]
    page = Client().get("/subscribe/", headers={"host": "evil.example" + "x" * 500})
    assert page.status_code == 400
    assert "We could not understand the request" in page.content.decode()
    lines = lines_of(caplog)
    assert len(lines) <= 2
    assert all(len(line) < LONGEST_LINE + 50 for line in lines)


@pytest.fixture
def one_minute() -> Iterator[None]:
    """Date whatever is logged by one moment, however long the test takes."""
    make = logging.getLogRecordFactory()

    def dated(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.created = MORNING.timestamp()
        return record

    logging.setLogRecordFactory(dated)
    yield
    logging.setLogRecordFactory(make)


@pytest.mark.usefixtures("one_minute")
def test_a_flood_of_any_kind_leaves_a_few_lines_a_minute(
    settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ANYMAIL, settings.WEBHOOK_FORMER_PROVIDERS = {}, ["postmark"]
    stranger = Client()
    for _ in range(3 * LINES_A_MINUTE):
        stranger.get("/nowhere/")
        assert stranger.post("/anymail/postmark/tracking/").status_code == 503
    names = [record.name for record in caplog.records]
    assert names.count("digests.provider_events.webhook") == names.count("django.request") == LINES_A_MINUTE
    assert not any("Traceback" in line for line in lines_of(caplog))
    assert any("no more of these for this minute" in line for line in lines_of(caplog))


def test_what_a_provider_posts_may_be_larger(settings: LazySettings) -> None:
    settings.WEBHOOK_FORMER_PROVIDERS = ["postmark"]
    body = "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert Client().post("/anymail/postmark/tracking/", body, content_type="text/plain").status_code != 413

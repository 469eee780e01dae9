import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import clear_url_caches

from newsletter import urls
from newsletter.mail import message, provider_answer
from newsletter.mailbox import store

pytestmark = pytest.mark.usefixtures("mailbox")


@pytest.fixture
def mailbox(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "newsletter.mailbox.backend.EmailBackend"


@pytest.fixture
def trial(settings: LazySettings) -> Iterator[None]:
    """Show the pages of a trial on a desk."""
    with showing_pages_of(settings, is_trial=True):
        yield


@contextmanager
def showing_pages_of(settings: LazySettings, *, is_trial: bool) -> Iterator[None]:
    load_pages(settings, is_trial)
    yield
    load_pages(settings, True)  # as the tests found them


def load_pages(settings: LazySettings, is_trial: bool) -> None:
    settings.DEBUG = is_trial
    importlib.reload(urls)
    clear_url_caches()


def send(
    to: str = "ada@example.org", subject: str = "Papers", html: str = "<p>Read.</p>"
) -> provider_answer.SendOutcome:
    headers, metadata = {"List-Id": "Papers <papers.example.org>"}, {"delivery": "7"}
    return message.hand_over(
        message.build(to, subject, "Read.\n", html, tag="digest", headers=headers, metadata=metadata)
    )


def test_a_mail_is_kept_with_all_a_provider_would_have_got() -> None:
    outcome = send()
    kept = store.find(outcome.provider_id)
    assert kept is not None
    assert (kept.to, kept.subject, kept.text, kept.html) == ("ada@example.org", "Papers", "Read.\n", "<p>Read.</p>")
    assert kept.headers["List-Id"] == "Papers <papers.example.org>"
    assert (kept.metadata, kept.tags) == ({"delivery": "7"}, ["digest"])
    assert "@" in kept.sender


def test_an_internationalised_address_is_kept_as_it_is() -> None:
    outcome = send("юзер@xn--80ajglhfv.xn--j1aef")
    assert outcome.is_accepted
    assert store.newest()[0].to == "юзер@xn--80ajglhfv.xn--j1aef"


def test_the_newest_mail_comes_first_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT", 3)
    for number in range(5):
        send(subject=f"No. {number}")
    assert [kept.subject for kept in store.newest()] == ["No. 4", "No. 3", "No. 2"]
    assert len(list(store.folder().glob("*.json"))) == 3


@pytest.mark.parametrize("name", ["../../etc/passwd", "", ".", "a" * 21, "x/y"])
def test_a_name_that_is_no_mails_finds_nothing(name: str) -> None:
    assert store.find(name) is None


def test_an_empty_mailbox_is_a_page(client: Client, trial: None) -> None:
    assert "Nothing here yet" in client.get("/mailbox/").content.decode()


def test_the_list_shows_every_mail_and_leads_to_it(client: Client, trial: None) -> None:
    name = send(subject="Let’s <think> about it").provider_id
    page = client.get("/mailbox/").content.decode()
    assert "Let’s &lt;think&gt; about it" in page
    assert "ada@example.org" in page
    assert f"/mailbox/{name}/" in page


def test_a_mails_page_shows_its_parts_headers_metadata_and_tags(client: Client, trial: None) -> None:
    name = send().provider_id
    page = client.get(f"/mailbox/{name}/").content.decode()
    for words in ("Read.", "List-Id", "papers.example.org", "delivery", "digest", f"/mailbox/{name}/html/"):
        assert words in page


def test_the_html_part_stands_alone_in_a_frame_that_runs_no_script(client: Client, trial: None) -> None:
    name = send(html="<html><head></head><body><a href='https://example.org'>x</a></body></html>").provider_id
    response = client.get(f"/mailbox/{name}/html/")
    assert '<base target="_top">' in response.content.decode()
    rules = response["Content-Security-Policy"]
    assert "default-src 'none'" in rules
    assert "script-src" not in rules
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", ["nothing/", "nothing/html/"])
def test_a_mail_that_is_not_there_is_404(client: Client, trial: None, path: str) -> None:
    assert client.get(f"/mailbox/{path}").status_code == 404


@pytest.mark.django_db
def test_outside_a_trial_there_is_no_mailbox_to_look_into(client: Client, settings: LazySettings) -> None:
    name = send().provider_id
    with showing_pages_of(settings, is_trial=False):
        assert client.get("/mailbox/").status_code == 404
        assert client.get(f"/mailbox/{name}/").status_code == 404

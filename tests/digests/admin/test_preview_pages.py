"""What editors see of an issue before it is sent, through the pages they see."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from digests.models import Card, Delivery, Digest, ReachFigure
from digests.previews import reach_cache
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers.models import Preferences, Subscriber
from tests.factories import MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory, TopicFactory
from tests.provider import sent
from tests.queries import page_query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
OnCommit = Callable[..., AbstractContextManager[list[Any]]]
PAGES = ("reach", "preview", "checks", "test")


@pytest.fixture
def vision() -> Topic:
    return TopicFactory(slug="vision", name="Vision")


@pytest.fixture
def issue(vision: Topic) -> Issue:
    issue = IssueFactory(subject="What a Monday")
    EntryFactory(issue=issue, paper=PaperFactory(title="Of seeing", topics=[vision]), position=1)
    EntryFactory(issue=issue, paper=PaperFactory(title="Of hearing", topics=[TopicFactory()]), position=2)
    return issue


def path(issue: Issue, page: str) -> str:
    return f"/admin/issues/issue/{issue.pk}/{page}/"


def editor(client: Client, *permissions: str, **fields: Any) -> User:
    user = User.objects.create_user("ada", is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def page_of(client: Client, address: str, **values: Any) -> str:
    response = client.get(address, values)
    assert response.status_code == 200
    return response.content.decode()


def frame_of(page: str) -> str:
    found = re.search(r'srcdoc="([^"]*)"', page)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("page", PAGES)
def test_who_may_see_no_issue_sees_none_of_it(client: Client, issue: Issue, page: str) -> None:
    editor(client, "view_subscriber")
    assert client.get(path(issue, page)).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_logged_in_is_asked_to(client: Client, issue: Issue, page: str) -> None:
    assert client.get(path(issue, page)).status_code == 302


def test_who_may_only_look_sends_no_test(client: Client, issue: Issue) -> None:
    editor(client, "view_issue")
    assert [client.get(path(issue, page)).status_code for page in PAGES] == [200, 200, 200, 403]
    assert client.post(path(issue, "test"), {}).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_kept_by_no_browser_and_shown_in_no_frame(admin_client: Client, issue: Issue, page: str) -> None:
    response = admin_client.get(path(issue, page))
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert admin_client.get("/admin/issues/issue/999999/" + page + "/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_no_query_a_paper(admin_client: Client, issue: Issue, page: str) -> None:
    few = page_query_count(admin_client, path(issue, page))
    for place in range(3, 12):
        EntryFactory(issue=issue, paper=PaperFactory(topics=[TopicFactory()]), position=place)
    assert page_query_count(admin_client, path(issue, page)) == few


@pytest.mark.parametrize("topics", [[], ["vision"]])
def test_a_preview_shows_as_much_of_each_paper_as_is_chosen(
    admin_client: Client, issue: Issue, vision: Topic, topics: list[str]
) -> None:
    paper = PaperFactory(
        abstract="It is dark. We present an eye that needs no lamp and no sun at all.", topics=[vision]
    )
    EntryFactory(issue=issue, paper=paper, position=3)
    shown = {
        detail: frame_of(page_of(admin_client, path(issue, "preview"), topics=topics, detail=detail))
        for detail in ("", *Preferences.Detail.values)
    }
    assert {detail for detail, html in shown.items() if "We present an eye" in html} == {"", "lines", "abstract"}
    assert {detail for detail, html in shown.items() if "It is dark. We present" in html} == {"abstract"}


def test_a_preview_as_a_reader_has_the_readers_detail(admin_client: Client, issue: Issue, vision: Topic) -> None:
    SubscriberFactory(email="ada@example.org", topics=[vision], detail=Preferences.Detail.TITLE)
    page = admin_client.post(path(issue, "preview"), {"reader": "ada@example.org", "detail": "abstract"})
    html = frame_of(page.content.decode())
    assert "Of seeing" in html
    assert "Ada Example" not in html


# Reach


@pytest.mark.usefixtures("worker")
def test_the_reach_is_computed_behind_the_page_and_shown_with_its_age(
    admin_client: Client, issue: Issue, vision: Topic, set_clock: Callable[..., None]
) -> None:
    SubscriberFactory(topics=[vision], next_digest_at=MORNING + timedelta(hours=1))
    SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - timedelta(days=1))
    first = page_of(admin_client, path(issue, "reach"))
    assert "Computing…" in first
    assert "hx-trigger" in first
    set_clock(MORNING + timedelta(seconds=30))
    second = page_of(admin_client, path(issue, "reach"))
    assert "1 paper, 1 reader" in second
    assert "none of the papers matched" in second
    assert "Computed 30 s ago" in second
    assert "hx-trigger" not in second


@pytest.mark.usefixtures("worker")
def test_the_cards_get_the_readers_of_each_entry(admin_client: Client, issue: Issue, vision: Topic) -> None:
    SubscriberFactory(topics=[vision])
    address = path(issue, "reach")
    assert json.loads(page_of(admin_client, address, format="json")) == {
        "at": None, "is_computing": True, "entries": {},
    }  # fmt: skip
    answer = json.loads(page_of(admin_client, address, format="json"))
    one, other = issue.entries.order_by("position")
    assert answer["entries"] == {str(one.pk): 1, str(other.pk): 0}
    assert not answer["is_computing"]
    assert f'data-reach-of="{one.pk}">reaches 1 reader<' in page_of(admin_client, address)


def test_a_figure_is_old_after_a_minute_an_edit_or_the_publication(issue: Issue) -> None:
    assert reach_cache.refresh_reach(issue)
    assert not reach_cache.refresh_reach(issue)
    figure = ReachFigure.objects.get()
    assert reach_cache.is_fresh(issue, figure)
    with clock.at(MORNING + timedelta(minutes=1)):
        assert not reach_cache.is_fresh(issue, figure)
    assert not reach_cache.is_fresh(Issue(pk=issue.pk, revision=1, status=issue.status), figure)
    assert not reach_cache.is_fresh(Issue(pk=issue.pk, status=Issue.Status.PUBLISHED), figure)


def test_a_stored_reach_is_read_unchanged(issue: Issue, vision: Topic) -> None:
    SubscriberFactory(topics=[vision])
    reach_cache.refresh_reach(issue)
    found = reach_cache.reach_from_json(ReachFigure.objects.get().figure)
    assert found.sizes == {1: 1}
    assert found.first_at == MORNING


# Preview


def test_the_public_issue_is_shown_whole_in_a_sandbox(client: Client, issue: Issue) -> None:
    editor(client, "view_issue")
    page = page_of(client, path(issue, "preview"))
    frame = frame_of(page)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "Content-Security-Policy" in frame
    assert "default-src 'none'" in frame
    assert "Of seeing" in frame
    assert "Of hearing" in frame
    assert "slot-" not in page
    assert "What a Monday" in page
    assert "As one reader" not in page


def test_topics_show_what_their_reader_gets(admin_client: Client, issue: Issue) -> None:
    frame = frame_of(page_of(admin_client, path(issue, "preview"), topics=["vision"]))
    assert "Of seeing" in frame
    assert "Of hearing" not in frame


def test_width_colours_and_images_are_chosen(admin_client: Client, issue: Issue) -> None:
    page = page_of(admin_client, path(issue, "preview"), width="phone", scheme="dark", images="off")
    assert 'width="390"' in page
    frame = frame_of(page)
    assert "@media all" in frame
    assert 'content="dark"' in frame
    assert "img-src 'none'" in frame
    light = frame_of(page_of(admin_client, path(issue, "preview")))
    assert "@media not all" in light
    assert "prefers-color-scheme" not in light


def test_a_readers_digest_is_shown_and_that_somebody_looked_is_noted(
    client: Client, issue: Issue, vision: Topic
) -> None:
    reader = SubscriberFactory(topics=[vision])
    ada = editor(client, "view_issue", "preview_as_reader")
    response = client.post(path(issue, "preview"), {"reader": reader.email})
    assert "Of hearing" not in frame_of(response.content.decode())
    assert "Of seeing" in frame_of(response.content.decode())
    (entry,) = LogEntry.objects.filter(additional_data__act="previewed a digest as")
    assert (entry.actor, entry.object_pk) == (ada, str(reader.pk))
    assert reader.email not in json.dumps([entry.object_repr, entry.changes, entry.additional_data])
    assert not Digest.objects.exists()
    assert not Card.objects.exists()
    assert not Delivery.objects.exists()


def test_without_the_permission_no_reader_is_looked_at(client: Client, issue: Issue) -> None:
    reader = SubscriberFactory()
    editor(client, "view_issue", "change_issue", email="ada@example.org")
    assert client.post(path(issue, "preview"), {"reader": reader.email}).status_code == 403
    asked = {"typed": "ada@example.org", "reader": reader.email}
    assert client.post(path(issue, "test"), asked).status_code == 403
    assert "As the reader" not in page_of(client, path(issue, "test"))
    assert not LogEntry.objects.exists()


def test_an_unknown_address_is_an_error_and_is_not_audited(admin_client: Client, issue: Issue) -> None:
    page = admin_client.post(path(issue, "preview"), {"reader": "nobody@example.org"}).content.decode()
    assert "No reader has this address" in page
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"covered_through": MORNING - timedelta(days=1)}, "none of the papers matched"),
        ({"status": Subscriber.Status.UNSUBSCRIBED, "next_digest_at": None}, "the reader gets no mail"),
        ({"paused_until": (MORNING + timedelta(days=9)).date()}, "paused"),
    ],
)
def test_a_reader_who_gets_nothing_is_shown_the_reason(
    admin_client: Client, issue: Issue, fields: dict[str, Any], words: str
) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], **fields)
    assert words in admin_client.post(path(issue, "preview"), {"reader": reader.email}).content.decode()


# Tests


@pytest.mark.usefixtures("worker")
def test_a_test_goes_to_those_who_are_ticked_and_typed_each_once(
    client: Client, issue: Issue, django_capture_on_commit_callbacks: OnCommit
) -> None:
    ada = editor(client, "change_issue", "view_issue", email="ada@example.org")
    User.objects.create_user("bo", "bo@example.org", is_staff=True)
    asked = {"editors": [ada.pk], "typed": "BO@example.org, ada@example.org"}
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(path(issue, "test"), asked).status_code == 302
    assert sorted(message.to[0] for message in sent()) == ["ada@example.org", "bo@example.org"]
    assert {message.subject for message in sent()} == {"[Test] What a Monday"}
    assert all("This is a test" in message.body for message in sent())
    (entry,) = LogEntry.objects.filter(additional_data__act="sent a test")
    assert entry.changes == {"to": ["", "ada, bo"]}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("as_reader", [True, False])
def test_a_test_can_be_of_topics_or_of_a_reader(
    admin_client: Client, issue: Issue, vision: Topic, django_capture_on_commit_callbacks: OnCommit, as_reader: bool
) -> None:
    reader = SubscriberFactory(topics=[vision])
    asked: dict[str, Any] = {"reader": reader.email} if as_reader else {"topics": ["vision"]}
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(path(issue, "test"), asked | {"typed": "admin@example.com"})
    (message,) = sent()
    assert "This is a test" in message.body
    assert "Of seeing" in message.body
    assert "Of hearing" not in message.body
    assert reader.email not in message.body
    assert LogEntry.objects.filter(additional_data__act="sent a test of a digest as").exists() == as_reader
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("asked", "words"), [({"typed": "reader@example.org"}, "belong to none"), ({}, "Nobody is chosen")]
)
def test_a_test_goes_to_nobody_else(admin_client: Client, issue: Issue, asked: dict[str, str], words: str) -> None:
    SubscriberFactory(email="reader@example.org")
    assert words in admin_client.post(path(issue, "test"), asked).content.decode()
    assert sent() == []


def test_an_editor_without_an_address_is_asked_for_one(admin_client: Client, admin_user: User, issue: Issue) -> None:
    assert "no email address" not in page_of(admin_client, path(issue, "test"))
    User.objects.update(email="")
    assert "Your own account has no email address" in page_of(admin_client, path(issue, "test"))

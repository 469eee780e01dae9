"""The pages that ask before an issue goes out or comes back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client

from digests.models import LinkCheck, PublishRequest
from digests.publication import approval
from digests.publication.approval import SeenNumbers
from digests.sending import switch
from newsletter.issues.models import Issue
from tests.factories import MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory, published_issue
from tests.pages import form_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Issue.Status
PUBLISHER = ("view_issue", "change_issue", "view_issueentry", "change_issueentry", "publish_issue")


def account(name: str, rights: tuple[str, ...] = PUBLISHER) -> User:
    user = User.objects.create_user(name, f"{name}@desk.example", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def at_the_desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def issue() -> Issue:
    issue: Issue = IssueFactory(cutoff_at=MORNING + timedelta(hours=1), subject="Seeing")
    EntryFactory(issue=issue, paper=PaperFactory())
    SubscriberFactory.create_batch(3, next_digest_at=MORNING + timedelta(hours=2))
    return issue


@pytest.fixture
def ann() -> Client:
    return at_the_desk(account("ann"))


def page(client: Client, issue: Issue, name: str = "publish") -> str:
    response = client.get(f"/admin/issues/issue/{issue.pk}/{name}/")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def press(client: Client, issue: Issue, act: str = "publish", **typed: str) -> str:
    """Press a button on the page as it stands, and return what is said."""
    fields = dict(re.findall(r'type="hidden" name="(is_sure_of|revision)" value="(\d+)"', page(client, issue)))
    return said(client.post(f"/admin/issues/issue/{issue.pk}/publish/", fields | {"act": act} | typed))


def said(response: Any) -> str:
    assert response.status_code == 302
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def status(issue: Issue) -> str:
    return Issue.objects.values_list("status", flat=True).get(pk=issue.pk)


def test_the_page_says_in_numbers_what_will_happen(ann: Client, issue: Issue) -> None:
    SubscriberFactory(next_digest_at=MORNING + timedelta(days=3), paused_until=MORNING.date() + timedelta(days=3))
    shown = page(ann, issue)
    assert "1 paper, 3 readers over the next 2 hours; the first at 07:00 UTC." in shown
    assert "<dt>Paused</dt><dd>1</dd>" in shown
    assert "published automatically in 1 h 0 min, at 06:00 UTC" in shown
    assert "Publish to 3 readers</button>" in shown
    assert "No problems found." in shown


def test_the_button_publishes(ann: Client, issue: Issue) -> None:
    assert press(ann, issue).startswith("Published. Readers get it")
    assert status(issue) == Status.PUBLISHED
    assert "It is published already" in page(ann, issue)


def test_looking_publishes_nothing(ann: Client, issue: Issue) -> None:
    page(ann, issue)
    assert status(issue) == Status.DRAFT


@pytest.mark.parametrize("fields", [{}, {"is_sure_of": "3"}, {"is_sure_of": "x", "revision": "0", "act": "publish"}])
def test_who_has_seen_no_number_publishes_nothing(ann: Client, issue: Issue, fields: dict[str, str]) -> None:
    assert ann.post(f"/admin/issues/issue/{issue.pk}/publish/", fields).status_code == 200
    assert status(issue) == Status.DRAFT


def test_a_number_that_moved_is_shown_again(ann: Client, issue: Issue) -> None:
    assert "There were 20 readers when you looked, and now there are 3." in press(ann, issue, is_sure_of="20")
    assert status(issue) == Status.DRAFT
    assert "Publish to 3 readers" in page(ann, issue)


def test_an_empty_front_has_no_button_to_press(ann: Client) -> None:
    shown = page(ann, IssueFactory())
    assert re.search(r'value="publish"[^>]* disabled>', shown)
    assert "The front is empty. An issue without a paper cannot be published." in shown


def test_a_pause_is_shown_before_publication(ann: Client, issue: Issue) -> None:
    switch.pause("bo", "The provider asked for it.")
    assert "The provider asked for it. You can publish it, but its mail waits" in page(ann, issue)


def test_a_second_editor_confirms_on_the_same_page(ann: Client, issue: Issue, settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 3
    bo = at_the_desk(account("bo"))
    assert "Ask a second editor</button>" in page(ann, issue)
    assert press(ann, issue).startswith("3 readers need a second editor: the other editors are asked by mail.")
    assert "Confirm: publish to" not in page(ann, issue)
    assert "Take the request back</button>" in page(ann, issue)
    assert "<strong>ann asked a second editor" in page(bo, issue)
    assert "asks a second editor to publish it" in page(bo, issue, "change")
    assert "asks you to confirm the issue of 4 May: 1 paper, 3 readers." in bo.get("/admin/").content.decode()
    assert "another editor has to confirm" in press(ann, issue, "confirm")
    assert status(issue) == Status.DRAFT
    assert press(bo, issue, "confirm").startswith("Published, as ann asked.")
    assert status(issue) == Status.PUBLISHED


def test_who_asked_reads_why_it_was_declined(ann: Client, issue: Issue, settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 3
    bo = at_the_desk(account("bo"))
    press(ann, issue)
    assert press(bo, issue, "decline", words="The lead is retracted.") == "Declined. ann sees why."
    assert "<strong>bo declined</strong> on 4 May at 05:00 UTC: “The lead is retracted.”" in page(ann, issue)


def test_a_changed_issue_has_to_be_asked_for_anew(ann: Client, issue: Issue, settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 3
    bo = at_the_desk(account("bo"))
    press(ann, issue)
    Issue.objects.update(revision=1)
    assert "is void:</strong> the issue has changed since" in page(ann, issue)
    assert "asks a second editor" not in page(bo, issue, "change")
    assert "void or settled" in press(bo, issue, "confirm")
    assert status(issue) == Status.DRAFT


def test_holding_says_what_becomes_of_who_waits(ann: Client, issue: Issue) -> None:
    SubscriberFactory(next_digest_at=MORNING, covered_through=MORNING - timedelta(days=1))
    path = f"/admin/issues/issue/{issue.pk}/change/"
    answers = form_of(ann.get(path).content.decode(), "issue_form")
    words = said(ann.post(path, answers | {"issues_issue_hold": "1"}))
    assert words.startswith("Held. It is not published at its cutoff until you release it. Nobody waits for it")
    assert "1 reader who is due now does not, nor do those" in words
    assert status(issue) == Status.HELD
    answers = form_of(ann.get(path).content.decode(), "issue_form")
    words = said(ann.post(path, answers | {"issues_issue_release": "1"}))
    assert words.startswith("Released. It is published at its cutoff, in 1 h 0 min, at 06:00 UTC. Until then, readers")
    assert status(issue) == Status.DRAFT


def test_a_withdrawal_needs_a_reason(ann: Client) -> None:
    issue = published()
    path = f"/admin/issues/issue/{issue.pk}/withdraw/"
    assert "Would not get it: their hour is still to come</dt><dd>3</dd>" in page(ann, issue, "withdraw")
    assert "Say why, for whoever asks tomorrow." in ann.post(path, {"reason": " "}).content.decode()
    assert status(issue) == Status.PUBLISHED
    assert said(ann.post(path, {"reason": "A retraction."})).startswith("Withdrawn. 0 readers have received it")
    assert status(issue) == Status.WITHDRAWN
    assert "It was withdrawn on 4 May 2026 at 05:00 UTC: “A retraction.” <a" in page(ann, issue, "withdraw")


def published() -> Issue:
    SubscriberFactory.create_batch(3, next_digest_at=MORNING + timedelta(hours=2))
    return published_issue(MORNING.date(), PaperFactory())


def test_a_draft_cannot_be_withdrawn(ann: Client, issue: Issue) -> None:
    assert "there is nothing to withdraw" in page(ann, issue, "withdraw")
    said(ann.post(f"/admin/issues/issue/{issue.pk}/withdraw/", {"reason": "Why not."}))
    assert status(issue) == Status.DRAFT


@pytest.mark.parametrize("name", ["publish", "withdraw"])
def test_only_who_may_publish_sees_and_does_it(issue: Issue, name: str) -> None:
    curator = at_the_desk(account("cy", PUBLISHER[:-1]))
    path = f"/admin/issues/issue/{issue.pk}/{name}/"
    assert curator.get(path).status_code == 403
    assert curator.post(path, {"act": "publish", "is_sure_of": 3, "revision": 0, "reason": "x"}).status_code == 403
    assert f'href="{path}' not in curator.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    assert status(issue) == Status.DRAFT


def test_a_curator_neither_holds_nor_releases(issue: Issue) -> None:
    curator = at_the_desk(account("cy", PUBLISHER[:-1]))
    path = f"/admin/issues/issue/{issue.pk}/change/"
    assert "issues_issue_hold" not in curator.get(path).content.decode()
    answers = form_of(curator.get(path).content.decode(), "issue_form")
    curator.post(path, answers | {"issues_issue_hold": "1"})
    assert status(issue) == Status.DRAFT


def test_a_second_editor_without_the_right_confirms_nothing(ann: Client, issue: Issue, settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 3
    account("bo")
    press(ann, issue)
    curator = at_the_desk(account("cy", PUBLISHER[:-1]))
    answer = {"act": "confirm", "is_sure_of": "3", "revision": "0"}
    assert curator.post(f"/admin/issues/issue/{issue.pk}/publish/", answer).status_code == 403
    assert PublishRequest.objects.standing().exists()


@pytest.mark.parametrize(("state", "links"), [("draft", {"publish"}), ("held", {"publish"}), ("withdrawn", set())])
def test_the_links_are_those_that_fit(ann: Client, issue: Issue, state: str, links: set[str]) -> None:
    Issue.objects.update(status=state, published_at=MORNING)
    shown = page(ann, issue, "change")
    assert {name for name in ("publish", "withdraw") if f"/admin/issues/issue/{issue.pk}/{name}/" in shown} == links


def test_a_publication_by_one_is_seen_by_the_other(ann: Client, issue: Issue) -> None:
    bo = account("bo")
    approval.publish(Issue.objects.get(pk=issue.pk), bo, SeenNumbers(3, 0))
    assert "not open any more" in said(
        ann.post(f"/admin/issues/issue/{issue.pk}/publish/", {"act": "publish", "is_sure_of": "3", "revision": "0"})
    )


def test_the_page_counts_links_that_nobody_followed_yet(ann: Client, issue: Issue) -> None:
    Issue.objects.filter(pk=issue.pk).update(intro="See https://example.org/one.", subject="A day")
    assert "Not everything is known yet: 1 link is still being followed." in page(ann, issue)
    LinkCheck.objects.create(url="https://example.org/one")
    assert "Not everything is known yet" not in page(ann, issue)


def test_a_free_item_alone_has_no_button_to_press(ann: Client, issue: Issue) -> None:
    EntryFactory(issue=issue, paper=None, free_title="A talk", free_text="Come.")
    issue.entries.papers().delete()
    shown = page(ann, issue)
    assert re.search(r'value="publish"[^>]* disabled>', shown)
    assert "There is no paper on the front." in shown

"""Who may ask for which act on an issue's page."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from newsletter.issues.desk.actions import ACTS
from newsletter.issues.models import Issue
from tests.factories import EntryFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
LATER = "2026-05-09T05:00"


@pytest.fixture
def issue() -> Issue:
    issue: Issue = EntryFactory().issue
    return issue


def at_the_desk(*rights: str) -> Client:
    account = User.objects.create_user("somebody", is_staff=True)
    account.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(account)
    return client


def set_cutoff(client: Client, issue: Issue) -> int:
    path = f"/admin/issues/issue/{issue.pk}/acts/cutoff/"
    return client.post(path, {"seen": issue.revision, "cutoff_at": LATER}, headers={"HX-Request": "true"}).status_code


def test_who_may_not_publish_sets_no_cutoff_since_an_early_one_publishes(issue: Issue) -> None:
    curator = at_the_desk("view_issue", "change_issue")
    assert 'name="cutoff_at"' not in curator.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    assert set_cutoff(curator, issue) == 403
    assert Issue.objects.get().cutoff_at == issue.cutoff_at


@pytest.mark.parametrize("cutoff", ["9999-12-31T23:59:00-12:00", "9999-12-31T23:59", "2027-05-04T05:00"])
def test_a_cutoff_in_the_far_future_is_refused_and_every_page_stays(issue: Issue, cutoff: str) -> None:
    # In UTC the first is in the year 10000, which PostgreSQL stores and no page can read again.
    editor = at_the_desk("view_issue", "change_issue", "publish_issue")
    path = f"/admin/issues/issue/{issue.pk}/acts/cutoff/"
    answer = editor.post(path, {"seen": issue.revision, "cutoff_at": cutoff}, headers={"HX-Request": "true"})
    assert (answer.status_code, Issue.objects.get().cutoff_at) == (422, issue.cutoff_at)
    assert "at most 30 days from now" in answer.content.decode()
    assert editor.get("/").status_code == 200


def test_who_may_publish_sets_the_cutoff(issue: Issue) -> None:
    editor = at_the_desk("view_issue", "change_issue", "publish_issue")
    assert 'name="cutoff_at"' in editor.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    assert set_cutoff(editor, issue) == 200
    assert f"{Issue.objects.get().cutoff_at:%Y-%m-%dT%H:%M}" == LATER


@pytest.mark.parametrize("act", sorted(ACTS))
def test_who_may_publish_but_not_change_an_issue_does_nothing_to_it(issue: Issue, act: str) -> None:
    client = at_the_desk("view_issue", "publish_issue")
    assert client.post(f"/admin/issues/issue/{issue.pk}/acts/{act}/", {"seen": issue.revision}).status_code == 403
    assert Issue.objects.get().revision == issue.revision

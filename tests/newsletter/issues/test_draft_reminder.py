from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, Permission, User

from newsletter.issues import draft as drafting
from newsletter.issues import draft_reminder
from newsletter.issues.models import Issue
from newsletter.papers.models import Source
from newsletter.schedule import SCHEDULE
from tests.factories import MONDAY, MORNING, EntryFactory, PaperFactory, SourceFactory, published_issue
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TUESDAY = MONDAY + DAY
NEAR = MORNING + DAY - HOUR


@pytest.fixture
def editor() -> User:
    return User.objects.create_superuser("mara", "mara@example.org", "x")


@pytest.fixture
def draft(editor: User) -> Issue:
    """Tuesday’s, with news since Monday’s issue."""
    published_issue(MONDAY, PaperFactory())
    PaperFactory(title="A <b>title</b>", score=9, first_seen_at=MORNING + HOUR)
    PaperFactory(title="Another", score=5, first_seen_at=MORNING + HOUR)
    return drafting.draft_issue(TUESDAY)


def test_an_hour_before_the_cutoff_the_editors_get_the_draft_once(draft: Issue, set_clock: SetClock) -> None:
    set_clock(NEAR - timedelta(minutes=1))
    assert draft_reminder.mail_coming_drafts() == []
    set_clock(NEAR)
    assert draft_reminder.mail_coming_drafts() == [draft]
    assert draft_reminder.mail_coming_drafts() == []
    (message,) = sent()
    assert message.to == ["mara@example.org"]
    assert message.subject == "Draft of Tuesday, 5 May: published at 05:00 UTC"
    assert Issue.objects.get(pk=draft.pk).draft_mailed_at == NEAR


def test_it_holds_what_an_editor_wants_to_know_and_one_link(
    draft: Issue, set_clock: SetClock, settings: LazySettings
) -> None:
    SourceFactory(name="arXiv cs.CL (language)", kind=Source.Kind.ARXIV, fresh_on=MONDAY, last_success_at=MORNING)
    Issue.objects.filter(pk=draft.pk).update(intro="Good *morning*.", subject="What a Tuesday")
    draft.entries.filter(paper__title="Another").update(is_pick=True, note="Read **it**.")
    draft.entries.filter(paper__title__startswith="A <b>").update(note="Hm.", note_is_draft=True)
    EntryFactory(issue=draft, paper=None, free_title="Our survey", position=0)
    set_clock(NEAR)
    draft_reminder.mail_coming_drafts()
    (message,) = sent()
    html = message.alternatives[0][0]
    for part in (message.body, html):
        for words in ("What a Tuesday", "2 papers", "Another", "Our survey",
                      "not shown to readers", "Hm.", "arXiv cs.CL of 4 May", "Awaited: arXiv cs.CL",
                      "published automatically at 05:00 UTC"):  # fmt: skip
            assert words in part
        link = f"{settings.SITE_URL}/admin/issues/issue/{draft.pk}/change/"
        assert part.count(link) == 1
    assert "A &lt;b&gt;title&lt;/b&gt;" in html
    assert "A <b>title</b>" in message.body
    assert max(map(len, message.body.splitlines())) <= 90


def test_it_goes_to_those_who_may_change_issues_and_have_an_address(draft: Issue, set_clock: SetClock) -> None:
    right = Permission.objects.get(codename="change_issue")
    by_group = User.objects.create_user("bo", "bo@example.org", "x", is_staff=True)
    group = Group.objects.create(name="curators")
    group.permissions.add(right)
    by_group.groups.add(group)
    for name, fields in {
        "reader": {"is_staff": True},
        "left": {"is_active": False, "is_superuser": True, "is_staff": True},
        "outside": {"is_superuser": True},
    }.items():
        User.objects.create_user(name, f"{name}@example.org", "x", **fields)
    User.objects.create_superuser("mute", "", "x")
    User.objects.create_superuser("twin", "MARA@example.org", "x")
    set_clock(NEAR)
    draft_reminder.mail_coming_drafts()
    assert sorted(message.to[0].lower() for message in sent()) == ["bo@example.org", "mara@example.org"]


def test_a_draft_without_news_is_not_mailed_until_there_is_some(editor: User, set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory(), PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    set_clock(NEAR)
    assert draft_reminder.mail_coming_drafts() == []
    set_clock(NEAR + HOUR / 2)
    PaperFactory(title="Just in", first_seen_at=NEAR)
    assert draft_reminder.mail_coming_drafts() == [draft]
    assert "Just in" in sent()[0].body


def test_a_held_draft_is_shown_as_held(draft: Issue, set_clock: SetClock) -> None:
    draft.move_to(Issue.Status.HELD)
    set_clock(NEAR)
    draft_reminder.mail_coming_drafts()
    assert sent()[0].subject == "Draft of Tuesday, 5 May: held"


def test_it_can_be_turned_off(draft: Issue, set_clock: SetClock, settings: LazySettings) -> None:
    settings.DRAFT_MAILED_MINUTES_BEFORE = 0
    for moment in (NEAR, MORNING + DAY):
        set_clock(moment)
        assert draft_reminder.mail_coming_drafts() == []
    assert sent() == []


def test_a_mail_that_is_refused_is_not_sent_again_and_its_address_not_logged(
    draft: Issue, set_clock: SetClock, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.POSTAL_ADDRESS = ""
    set_clock(NEAR)
    assert draft_reminder.mail_coming_drafts() == [draft]
    settings.POSTAL_ADDRESS = "1 Example Street"
    assert draft_reminder.mail_coming_drafts() == []
    assert "Could not mail the draft" in caplog.text
    assert "mara" not in caplog.text


def test_the_clock_asks_for_it() -> None:
    assert "newsletter.issues.tasks.mail_coming_drafts" in {entry["task"] for entry in SCHEDULE.values()}

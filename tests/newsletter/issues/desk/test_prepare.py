"""Issues prepared ahead, from the page to the day they come out, and the calendar of cutoffs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from newsletter import clock
from newsletter.issues import cutoff_changes, publish
from newsletter.issues import draft as drafting
from newsletter.issues.desk import prepare
from newsletter.issues.models import Cutoff, Issue, IssueEntry, comes_by_itself, cutoff_of
from newsletter.papers.models import Paper
from tests.factories import MONDAY, MORNING, EntryFactory, PaperFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
Status = Issue.Status
DAY = timedelta(days=1)
TUESDAY, WEDNESDAY = MONDAY + DAY, MONDAY + 2 * DAY
PAGE = "/admin/issues/issue/prepare/"


@pytest.fixture(autouse=True)
def short_front(settings: LazySettings) -> None:
    settings.ISSUE_FRONT_SIZE = 3


def stored(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


def titles(issue: Issue) -> list[str]:
    return [entry.title for entry in issue.entries.front().kept().order_by("position", "pk").select_related("paper")]


def prepared(day: date) -> Issue:
    issue, _ = prepare.prepare(day)
    return issue


# An issue that waits for its turn


def test_the_next_seven_days_can_be_prepared_and_no_others() -> None:
    assert [day.date for day in prepare.days()] == [MONDAY + ahead * DAY for ahead in range(1, 8)]
    for day in (MONDAY, MONDAY + 8 * DAY, MONDAY - DAY):
        with pytest.raises(prepare.NotOpen):
            prepare.prepare(day)
    issue = prepared(WEDNESDAY)
    assert (issue.status, issue.cutoff_at, issue.prepared_at) == (Status.DRAFT, MORNING + 2 * DAY, MORNING)
    assert prepare.prepare(WEDNESDAY) == (issue, False)


def test_a_day_whose_issue_is_out_already_is_not_prepared() -> None:
    published_issue(TUESDAY, PaperFactory())
    with pytest.raises(prepare.NotOpen, match="already published"):
        prepare.prepare(TUESDAY)


def test_a_prepared_issue_keeps_what_is_put_there_and_is_filled_when_it_is_next(set_clock: SetClock) -> None:
    set_clock(MORNING - timedelta(hours=1))
    for score in (1, 5, 9, 7):
        PaperFactory(title=f"Paper {score}", score=score)
    pulled = PaperFactory(title="An old one", listed_on=MONDAY - 900 * DAY)
    issue = prepared(WEDNESDAY)
    Issue.objects.filter(pk=issue.pk).update(intro="Hello.", subject="Midweek")
    EntryFactory(issue=issue, paper=None, free_title="Our survey", position=1)
    EntryFactory(issue=issue, paper=pulled, position=2)

    assert drafting.draft_next_issue().date == MONDAY
    assert titles(issue) == ["Our survey", "An old one"]
    publish.publish(Issue.objects.get(date=MONDAY))
    assert drafting.draft_next_issue().date == TUESDAY
    assert titles(issue) == ["Our survey", "An old one"]

    with clock.at(MORNING + DAY):
        PaperFactory(title="News", score=3, first_seen_at=MORNING + DAY / 2)
        assert [one.date for one in publish.publish_past_cutoff()] == [TUESDAY]
        late = PaperFactory(title="Later", score=2, votes=1)
        assert drafting.draft_next_issue() == issue
        assert sorted(titles(issue)) == ["An old one", "Later", "Our survey"]
        Paper.objects.filter(pk=late.pk).update(withdrawn_at=MORNING)
        drafting.draft_next_issue()
        assert sorted(titles(issue)) == ["An old one", "Our survey"]
    assert (stored(issue).intro, stored(issue).subject, stored(issue).prepared_at) == ("Hello.", "Midweek", None)


def test_what_is_prepared_for_a_later_day_does_not_lead_or_stand_on_a_shelf_before(set_clock: SetClock) -> None:
    set_clock(MORNING - timedelta(hours=1))
    paper = PaperFactory(score=9, topics=[TopicFactory()])
    EntryFactory(issue=prepared(WEDNESDAY), paper=paper)
    issue = drafting.draft_next_issue()
    assert not issue.entries.filter(paper=paper).exists()


def test_a_draft_without_news_joins_the_issue_prepared_for_the_next_day(set_clock: SetClock) -> None:
    lead, noted, plain, dropped = [
        PaperFactory(title=title, score=5, votes=1) for title in ("Lead", "Noted", "Plain", "Gone")
    ]
    published_issue(MONDAY, lead)
    draft = drafting.draft_issue(TUESDAY)
    draft.entries.filter(paper=noted).update(note="Read it.", is_pick=True)
    draft.entries.filter(paper=dropped).update(dropped_at=MORNING)
    Issue.objects.filter(pk=draft.pk).update(intro="Written on Tuesday.", subject="Tuesday’s")
    issue = prepared(WEDNESDAY)
    Issue.objects.filter(pk=issue.pk).update(subject="Midweek")
    EntryFactory(issue=issue, paper=None, free_title="Our survey", position=1)

    set_clock(MORNING + DAY)
    assert publish.publish_past_cutoff() == []

    assert not Issue.objects.filter(pk=draft.pk).exists()
    row = stored(issue)
    assert (row.date, row.intro, row.subject) == (WEDNESDAY, "Written on Tuesday.", "Midweek")
    assert titles(issue) == ["Our survey", "Noted"]
    assert row.revision > issue.revision  # who has its page open is told
    entry = issue.entries.get(paper=noted)
    assert (entry.is_pick, entry.note) == (True, "Read it.")
    assert issue.entries.get(paper=dropped).dropped_at == MORNING
    assert drafting.draft_next_issue() == issue
    assert "Plain" in titles(issue)
    assert plain.pk


moves = st.lists(
    st.sampled_from(["prepare", "draft", "publish", "day", "news", "note", "hold", "release", "item"]), max_size=25
)


@given(moves, st.lists(st.integers(1, 7), min_size=25, max_size=25))
def test_whatever_is_prepared_no_day_has_two_issues_and_nothing_an_editor_wrote_is_lost(
    acts: list[str], aheads: list[int]
) -> None:
    now, written = MORNING - timedelta(hours=1), set[str]()
    Issue.objects.all().delete()
    Paper.objects.all().delete()
    for number, (act, ahead) in enumerate(zip(acts, aheads, strict=False)):
        now += DAY if act == "day" else timedelta(minutes=15)
        with clock.at(now):
            do(act, clock.today() + ahead * DAY, f"Item {number}", written)
            check(written)


def do(act: str, day: date, title: str, written: set[str]) -> None:
    opened = Issue.objects.open().filter(date__gte=clock.today()).order_by("date")
    if act == "prepare" and not Issue.objects.filter(date=day).exists():
        prepare.prepare(day)
    elif act == "draft":
        drafting.draft_next_issue()
    elif act == "publish":
        publish.publish_past_cutoff()
    elif act == "news":
        PaperFactory(listed_on=clock.today(), first_seen_at=clock.now())
    elif act in ("hold", "release") and (issue := opened.last()):
        issue.move_to(Status.HELD if act == "hold" else Status.DRAFT)
    elif act == "item" and (issue := opened.last()):
        EntryFactory(issue=issue, paper=None, free_title=title)
        written.add(title)
    elif act == "note" and (entry := IssueEntry.objects.front().papers().filter(issue__in=opened).first()):
        IssueEntry.objects.filter(pk=entry.pk).update(note=title)
        written.difference_update({entry.note})
        written.add(title)


def check(written: set[str]) -> None:
    dates = list(Issue.objects.values_list("date", flat=True))
    assert len(dates) == len(set(dates))
    entries = IssueEntry.objects.front()
    kept = {*entries.values_list("note", flat=True), *entries.values_list("free_title", flat=True)}
    assert written <= kept
    ahead = Issue.objects.exclude(prepared_at=None)
    assert not IssueEntry.objects.filter(issue__in=ahead, shelf="shelf").exists()
    assert all(issue.published_at is None for issue in ahead)


# Its page


def test_an_editor_prepares_an_issue_from_the_page(admin_client: Client, admin_user: User) -> None:
    published_issue(TUESDAY, PaperFactory())
    page = admin_client.get(PAGE).content.decode()
    for words in ("Tuesday, 5 May", "Published", "Monday, 11 May", "Free"):
        assert words in page
    response = admin_client.post(PAGE, {"day": "2026-05-06"})
    issue = Issue.objects.get(date=WEDNESDAY)
    assert response["Location"] == f"/admin/issues/issue/{issue.pk}/change/"
    assert "prepared ahead" in admin_client.get(PAGE).content.decode()
    entry = LogEntry.objects.get()
    assert (entry.actor, entry.additional_data["act"]) == (admin_user, "prepared")
    admin_client.post(PAGE, {"day": "2026-05-06"})
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("day", ["", "tomorrow", "2026-05-04", "2027-01-01", "2026-05-05"])
def test_a_day_that_cannot_be_prepared_is_refused_in_words(admin_client: Client, day: str) -> None:
    published_issue(TUESDAY, PaperFactory())
    response = admin_client.post(PAGE, {"day": day}, follow=True)
    assert response.status_code == 200
    assert len(list(response.context["messages"])) == 1
    assert Issue.objects.count() == 1


@pytest.mark.parametrize(("right", "status"), [("view_issue", 403), ("change_issue", 200)])
def test_the_page_is_for_those_who_may_change_issues(client: Client, right: str, status: int) -> None:
    user = User.objects.create_user("mara", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=right))
    client.force_login(user)
    assert client.get(PAGE).status_code == status
    assert client.post(PAGE, {"day": "2026-05-06"}).status_code == (302 if status == 200 else 403)


# The calendar of cutoffs


def at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def test_a_weekday_has_its_own_cutoff_and_the_others_the_setting() -> None:
    Cutoff.objects.create(weekday=1, at=time(9))
    assert (cutoff_of(MONDAY), cutoff_of(TUESDAY)) == (at(MONDAY, 5), at(TUESDAY, 9))


def test_a_changed_calendar_moves_open_issues_but_not_those_moved_by_hand() -> None:
    issue, by_hand = prepared(TUESDAY), prepared(TUESDAY + 6 * DAY)
    Issue.objects.filter(pk=by_hand.pk).update(cutoff_at=at(by_hand.date, 11))
    out = published_issue(MONDAY, PaperFactory())
    with cutoff_changes.apply_to_open_issues():
        for weekday in range(7):
            Cutoff.objects.create(weekday=weekday, at=time(9))
    assert stored(issue).cutoff_at == at(TUESDAY, 9)
    assert stored(issue).revision == issue.revision + 1  # who has its page open is told
    assert stored(by_hand).cutoff_at == at(by_hand.date, 11)
    assert stored(by_hand).revision == by_hand.revision
    assert stored(out).cutoff_at == MORNING
    with cutoff_changes.apply_to_open_issues():
        Cutoff.objects.all().delete()
    assert stored(issue).cutoff_at == at(TUESDAY, 5)


def test_no_issue_comes_by_itself_on_a_day_that_has_none_but_a_prepared_one_does(set_clock: SetClock) -> None:
    Cutoff.objects.create(weekday=1)
    published_issue(MONDAY, PaperFactory(score=9))
    assert drafting.draft_next_issue().date == WEDNESDAY
    issue = prepared(TUESDAY)
    assert drafting.draft_next_issue() == issue
    PaperFactory(first_seen_at=MORNING + DAY / 2, listed_on=TUESDAY)
    set_clock(MORNING + DAY)
    assert publish.publish_past_cutoff() == [issue]


def test_a_draft_without_news_passes_over_days_without_an_issue(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    Cutoff.objects.create(weekday=2)
    set_clock(MORNING + DAY)
    publish.publish_past_cutoff()
    assert stored(draft).date == MONDAY + 3 * DAY


def test_a_draft_moves_on_where_its_day_loses_its_issue() -> None:
    published_issue(MONDAY, PaperFactory())
    draft = drafting.draft_issue(TUESDAY)
    with cutoff_changes.apply_to_open_issues():
        Cutoff.objects.create(weekday=1)
    assert stored(draft).date == WEDNESDAY


def test_a_calendar_without_any_issue_stops_nothing() -> None:
    for weekday in range(7):
        Cutoff.objects.create(weekday=weekday)
    assert comes_by_itself(MONDAY)
    assert drafting.draft_next_issue().date == MONDAY


def test_the_calendar_is_edited_in_the_admin_and_noted(admin_client: Client) -> None:
    issue = prepared(TUESDAY)
    path = "/admin/issues/cutoff/"
    assert admin_client.post(f"{path}add/", {"weekday": "1", "at": "09:30"}).status_code == 302
    assert stored(issue).cutoff_at == at(TUESDAY, 9) + timedelta(minutes=30)
    row = Cutoff.objects.get()
    assert "09:30 UTC" in admin_client.get(path).content.decode()
    assert admin_client.post(f"{path}{row.pk}/change/", {"weekday": "1", "at": ""}).status_code == 302
    assert "no automatic issue" in admin_client.get(path).content.decode()
    assert admin_client.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert stored(issue).cutoff_at == at(TUESDAY, 5)
    acts: list[Any] = [entry.additional_data["act"] for entry in LogEntry.objects.order_by("pk")]
    assert acts == ["added", "changed", "deleted"]


def test_one_weekday_keeps_its_issue(admin_client: Client) -> None:
    for weekday in range(6):
        Cutoff.objects.create(weekday=weekday)
    response = admin_client.post("/admin/issues/cutoff/add/", {"weekday": "6", "at": ""})
    assert "At least one weekday needs an issue" in response.content.decode()
    assert Cutoff.objects.count() == 6

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from digests.selection import recent_issues, spans
from digests.selection.choice_effect import effects
from digests.selection.entry_index import Choice
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Topic
from tests.factories import MONDAY, MORNING, PaperFactory, TopicFactory, published_issue
from tests.queries import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> Iterator[None]:
    recent_issues.indexes_in_memory.clear()
    yield
    recent_issues.indexes_in_memory.clear()


@pytest.fixture
def vision() -> Topic:
    return TopicFactory(slug="seeing")


def titles(topic: Topic) -> list[str]:
    week = effects(recent_issues.last_days(), Choice(frozenset({topic.slug})))
    return [title for effect in week for title in effect.titles]


def test_the_last_days_end_today_once_todays_issue_is_out(set_clock: SetClock) -> None:
    days = [day.date for day in recent_issues.last_days()]
    assert (days[0], days[-1], len(days)) == (MONDAY - 7 * DAY, MONDAY - DAY, 7)
    published_issue(MONDAY, PaperFactory())
    days = [day.date for day in recent_issues.last_days()]
    assert (days[0], days[-1], len(days)) == (MONDAY - 6 * DAY, MONDAY, 7)


def test_a_day_without_an_issue_and_one_that_was_withdrawn_have_no_index(set_clock: SetClock) -> None:
    published_issue(MONDAY, PaperFactory()).move_to(Issue.Status.WITHDRAWN)
    set_clock(MORNING + 2 * DAY)
    published_issue(MONDAY + 2 * DAY, PaperFactory())
    assert [day.index is not None for day in recent_issues.last_days()[-3:]] == [False, False, True]


def test_an_index_is_the_one_that_digests_are_chosen_from(vision: Topic) -> None:
    paper = PaperFactory(
        topics=[vision, TopicFactory()], votes=41, score=7.5, authors=["Ada Éxample", 'Bo "B" {Sample}']
    )
    issue = published_issue(MONDAY, paper, PaperFactory(authors=[]), shelf=(PaperFactory(topics=[vision]),))
    index = recent_issues.last_days()[-1].index
    assert index is not None
    assert index.entries == spans.Spans(clock.now()).entries_of([issue])
    assert index.shelves == spans.Spans(clock.now()).span_of([issue]).index.shelves


def test_issues_in_memory_are_not_loaded_again(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[vision]))
    first = recent_issues.last_days()[-1].index
    assert not any("snapshot" in sql for sql in statements(lambda: recent_issues.last_days()[-1].index))
    assert recent_issues.last_days()[-1].index is first


def test_a_drop_and_a_withdrawal_are_noticed(vision: Topic) -> None:
    papers = [PaperFactory(title=title, topics=[vision]) for title in ("First", "Second", "Third")]
    issue = published_issue(MONDAY, *papers)
    assert titles(vision) == ["First", "Second", "Third"]
    for left, paper in enumerate(papers[:2], start=1):
        IssueEntry.objects.filter(paper=paper).update(dropped_at=clock.now())
        assert len(titles(vision)) == 3 - left
    issue.move_to(Issue.Status.WITHDRAWN)
    assert titles(vision) == []


def test_a_topic_that_is_retired_is_noticed(vision: Topic) -> None:
    published_issue(MONDAY, PaperFactory(title="First", topics=[vision]))
    heir = TopicFactory()
    assert titles(heir) == []
    vision.retire(into=heir)
    assert titles(heir) == ["First"]


def test_memory_holds_no_more_than_two_weeks(set_clock: SetClock) -> None:
    for days in range(20):
        set_clock(MORNING + days * DAY)
        published_issue(MONDAY + days * DAY, PaperFactory())
        recent_issues.last_days()
        assert len(recent_issues.indexes_in_memory) <= 14

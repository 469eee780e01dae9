"""When the papers of recent issues first stood in one, merged papers as one paper."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from digests.selection.standings import ids_by_heir, standings_at
from newsletter.issues.models import Issue
from newsletter.issues.publish_dry_run import DryRun
from newsletter.papers.ingest.duplicates import merge
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
NOW = MORNING + 2 * DAY


def test_a_paper_stood_first_in_its_oldest_issue_whatever_became_of_that(set_clock: SetClock) -> None:
    again, old, new = PaperFactory(), PaperFactory(), PaperFactory()
    published_issue(MONDAY, old, shelf=(again,)).move_to(Issue.Status.WITHDRAWN)
    set_clock(NOW)
    published_issue(MONDAY + 2 * DAY, new, again)
    found = standings_at(NOW)
    assert found.first_at == {again.pk: MORNING, old.pk: MORNING, new.pk: NOW}
    assert found.earliest == {MORNING: MORNING, NOW: MORNING}
    assert set(found.paper_ids()) == {again.pk, old.pk, new.pk}


def test_merged_papers_stood_where_the_first_of_them_did(set_clock: SetClock) -> None:
    first, heir, alone = PaperFactory(), PaperFactory(), PaperFactory()
    published_issue(MONDAY, first)
    set_clock(NOW)
    published_issue(MONDAY + 2 * DAY, alone, heir)
    merge(first, into=heir)
    found = standings_at(NOW)
    assert found.first_at == {heir.pk: MORNING, alone.pk: NOW}
    assert found.earliest == {MORNING: MORNING, NOW: MORNING}
    assert [found.heir(paper.pk) for paper in (first, heir, alone)] == [heir.pk, heir.pk, alone.pk]
    assert set(found.paper_ids()) == {first.pk, heir.pk, alone.pk}
    assert found.same_as(first.pk) == found.same_as(heir.pk) == (heir.pk, first.pk)
    assert found.same_as(alone.pk) == (alone.pk,)


def test_only_issues_of_twice_the_longest_span_up_to_the_moment_count(set_clock: SetClock) -> None:
    paper, later = PaperFactory(), PaperFactory()
    published_issue(MONDAY, paper)
    set_clock(NOW)
    published_issue(MONDAY + 2 * DAY, later)
    assert standings_at(MORNING).first_at == {paper.pk: MORNING}
    assert standings_at(MORNING - timedelta(microseconds=1)).first_at == {}
    last = MORNING + 28 * DAY
    assert set(standings_at(last - timedelta(microseconds=1)).first_at) == {paper.pk, later.pk}
    assert set(standings_at(last).first_at) == {later.pk}


def test_the_papers_and_free_items_of_a_coming_issue_stand_from_now_on(set_clock: SetClock) -> None:
    paper, again, old = PaperFactory(), PaperFactory(), PaperFactory()
    published_issue(MONDAY, old, shelf=(again,))
    issue = IssueFactory(date=MONDAY + 2 * DAY)
    entries = [EntryFactory(issue=issue, paper=row, position=n) for n, row in enumerate((paper, again), start=1)]
    free = EntryFactory(issue=issue, position=3)
    free.paper_id = None  # as of a free item
    found = standings_at(NOW, DryRun(issue, [*entries, free], {}))
    assert found.first_at == {again.pk: MORNING, old.pk: MORNING, paper.pk: NOW, -free.pk: NOW}
    assert found.earliest == {MORNING: MORNING, NOW: MORNING}


def test_all_that_were_merged_into_a_paper_are_the_same() -> None:
    assert ids_by_heir({2: 1, 5: 4, 3: 1}) == {1: (1, 2, 3), 4: (4, 5)}

from functools import partial

import pytest

from newsletter.issues.models import Issue
from tests.factories import MORNING, IssueFactory
from tests.rivals import at_once

pytestmark = pytest.mark.django_db
Status = Issue.Status


def test_a_move_writes_the_status_and_what_comes_with_it() -> None:
    issue = IssueFactory()
    assert issue.move_to(Status.PUBLISHED, published_at=MORNING)
    for row in (issue, Issue.objects.get()):
        assert (row.status, row.published_at) == (Status.PUBLISHED, MORNING)


def test_a_move_that_is_not_allowed_changes_nothing() -> None:
    issue = IssueFactory()
    assert not issue.move_to(Status.WITHDRAWN, subject="gone")
    for row in (issue, Issue.objects.get()):
        assert (row.status, row.subject) == (Status.DRAFT, "")


def test_it_is_the_stored_status_that_counts() -> None:
    old = IssueFactory()
    Issue.objects.get().move_to(Status.PUBLISHED, published_at=MORNING)
    assert not old.move_to(Status.HELD)
    assert Issue.objects.get().status == Status.PUBLISHED


def test_a_double_click_moves_once() -> None:
    issue = IssueFactory()
    assert issue.move_to(Status.HELD)
    assert not issue.move_to(Status.HELD)


@pytest.mark.parametrize("model", Issue.MOVES)
def test_no_status_is_entered_from_itself(model: str) -> None:
    assert model not in Issue.MOVES[Status(model)]


@pytest.mark.django_db(transaction=True)
def test_of_two_rivals_one_moves() -> None:
    IssueFactory()
    rivals = [Issue.objects.get() for _ in range(5)]
    answers = at_once(*[partial(rival.move_to, Status.PUBLISHED, published_at=MORNING) for rival in rivals])
    assert sorted(answers) == [False] * 4 + [True]

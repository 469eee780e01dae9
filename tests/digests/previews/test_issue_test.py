import pytest
from django.conf import LazySettings

from digests.models import Delivery, Digest
from digests.previews import issue_test
from newsletter.papers.models import Paper
from tests.factories import MORNING, EntryFactory, IssueFactory, PaperFactory, published_issue
from tests.provider import answering, http_error, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
EDITOR = "editor@example.org"


def test_a_draft_is_mailed_whole_as_it_stands() -> None:
    issue = IssueFactory(intro="Good morning.")
    EntryFactory(issue=issue, paper=PaperFactory(title="Kept"), note="Read the appendix.")
    EntryFactory(issue=issue, paper=PaperFactory(title="Dropped"), dropped_at=MORNING)
    EntryFactory(issue=issue, paper=PaperFactory(title="Shelved"), shelf="shelf")

    assert issue_test.send_issue_test(issue, EDITOR).is_accepted

    (message,) = sent()
    assert message.to == [EDITOR]
    for part in (message.body, message.alternatives[0][0]):
        for words in ("Good morning.", "Kept", "Read the appendix.", "This is a test"):
            assert words in part
        assert "Dropped" not in part
        assert "Shelved" not in part
        assert "slot-" not in part


def test_a_trial_says_that_it_is_one_and_counts_nowhere() -> None:
    issue = IssueFactory(subject="What a Monday")
    EntryFactory(issue=issue)
    issue_test.send_issue_test(issue, EDITOR)
    (message,) = sent()
    assert message.subject == "[Test] What a Monday"
    assert message.tags == ["test"]
    assert "List-Unsubscribe" not in message.extra_headers
    assert not Digest.objects.exists()
    assert not Delivery.objects.exists()


def test_a_published_issue_is_shown_as_it_was_frozen() -> None:
    issue = published_issue(MORNING.date(), PaperFactory(title="Before"))
    Paper.objects.update(title="After")
    issue_test.send_issue_test(issue, EDITOR)
    assert "Before" in sent()[0].body


def test_an_issue_without_papers_can_be_tried_too() -> None:
    assert issue_test.send_issue_test(IssueFactory(), EDITOR).is_accepted


def test_a_trial_that_is_refused_says_why(settings: LazySettings) -> None:
    with answering(http_error(422)):
        assert "422" in issue_test.send_issue_test(IssueFactory(), EDITOR).reason

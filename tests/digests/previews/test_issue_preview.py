"""An issue's mail as somebody would get it, before it is sent."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from digests.assembly import assemble
from digests.models import Batch
from digests.previews import issue_preview
from newsletter.issues.models import Issue
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_reader_is_not_shown_what_came_before_also_as_its_twin(set_clock: SetClock, is_merged: bool) -> None:
    topic = TopicFactory()
    reader = SubscriberFactory(topics=[topic])
    sent, twin, other = (PaperFactory(topics=[topic], title=title) for title in ("Sent", "Its twin", "Another"))
    published_issue(MONDAY, sent)
    assemble.assemble_due_digests()
    Batch.objects.update(status=Batch.Status.DONE, position=1000)
    set_clock(MORNING + DAY)
    draft = draft_of(twin, other)
    if is_merged:
        duplicates.merge(sent, into=twin)
    reader.refresh_from_db()
    seen = issue_preview.preview_for_reader(draft, reader)
    assert ("Its twin" in seen.text, "Another" in seen.text) == (not is_merged, True)


def draft_of(*papers: Paper) -> Issue:
    issue = IssueFactory(date=MONDAY + DAY)
    for place, paper in enumerate(papers, start=1):
        EntryFactory(issue=issue, paper=paper, position=place)
    return issue

"""Mails an issue to an editor as a test. No statistics count it."""

from collections.abc import Sequence

from digests.mail import compose
from digests.previews import issue_preview
from digests.previews.issue_preview import MailPreview
from digests.sending import sent_today
from newsletter.issues.models import Issue
from newsletter.mail import letter_lane, message
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.throttle import Wait
from newsletter.papers.models import Topic
from subscribers.models import Subscriber

READER_LEAD = "This is a test: what one reader would get now."
TOPICS_LEAD = "This is a test: what a reader of {} would get now."


def send_issue_test(
    issue: Issue, address: str, topics: Sequence[str] | None = None, reader: Subscriber | None = None
) -> SendOutcome:
    """Mail `issue` in its present state to `address`: the whole front, or what `topics` or `reader` would get."""
    preview = preview_test(issue, topics, reader)
    if preview.reason:
        return SendOutcome("refused", reason=f"There is no mail to send: {preview.reason}.")
    test_mail = message.build(address, f"[Test] {preview.subject}", preview.text, preview.html, tag="test")
    try:
        with letter_lane.take_turn(sent_today.count_sent_today) as lane:
            return lane.hand_over(test_mail)
    except Wait as exc:
        return SendOutcome("not_accepted", reason=letter_lane.wait_reason(exc), wait=exc.for_)


def preview_test(issue: Issue, topics: Sequence[str] | None, reader: Subscriber | None) -> MailPreview:
    if reader is not None:
        return issue_preview.preview_for_reader(issue, reader, READER_LEAD)
    if topics:
        names = list(Topic.objects.filter(slug__in=topics).order_by("name").values_list("name", flat=True))
        return issue_preview.preview_for_topics(issue, topics, names, TOPICS_LEAD.format(", ".join(names)))
    return issue_preview.fill_preview("The whole front", issue.subject or str(issue), compose.compose_trial(issue))

"""An issue as a test mail to an editor: counted nowhere."""

from collections.abc import Sequence

from django.conf import settings

from digests.mail import compose, slots
from digests.previews import issue_preview
from digests.previews.issue_preview import Sight
from digests.sending import sent_today
from newsletter.issues.models import Issue
from newsletter.mail import letter_lane, outcome
from newsletter.mail import message as mail
from newsletter.mail.throttle import Wait
from newsletter.papers.models import Topic
from subscribers.models import Subscriber

OF_A_READER = "This is a test: what one reader gets as things stand now."
OF_TOPICS = "This is a test: what a reader of {} gets as things stand now."


def send_trial(
    issue: Issue, address: str, topics: Sequence[str] | None = None, reader: Subscriber | None = None
) -> outcome.SendOutcome:
    """Mail `issue`, as it stands now, to one address: its whole front, or what topics or a reader would get of it."""
    sight = trial_of(issue, topics, reader)
    if sight.reason:
        return outcome.SendOutcome("refused", reason=f"There is no mail to send: {sight.reason}.")
    message = mail.build(address, f"[Test] {sight.subject}", sight.text, sight.html, tag="test")
    try:
        with letter_lane.lane(sent_today.handed_over_today) as lane:
            return lane.hand_over(message)
    except Wait as exc:
        return outcome.SendOutcome("not_accepted", reason=letter_lane.wait_reason(exc), wait=exc.for_)


def trial_of(issue: Issue, topics: Sequence[str] | None, reader: Subscriber | None) -> Sight:
    if reader is not None:
        return issue_preview.for_reader(issue, reader, OF_A_READER)
    if topics:
        names = list(Topic.objects.filter(slug__in=topics).order_by("name").values_list("name", flat=True))
        return issue_preview.for_topics(issue, topics, names, OF_TOPICS.format(", ".join(names)))
    parts = compose.compose_trial(issue)
    links = dict.fromkeys(slots.READER_SLOTS, settings.SITE_URL)
    html, text = slots.fill(parts.html, links), slots.fill(parts.text, links)
    return Sight("The whole front", issue.subject or str(issue), html, text)

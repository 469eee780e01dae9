"""An issue as a test mail to an editor: counted nowhere."""

from django.conf import settings

from digests import rendering, sending
from newsletter import mail, urgent
from newsletter.issues.models import Issue
from newsletter.pace import Wait


def send_trial(issue: Issue, address: str) -> mail.Outcome:
    """Mail the whole front of `issue`, as it stands now, to one address."""
    parts = rendering.compose_trial(issue)
    links = dict.fromkeys(rendering.READER_SLOTS, settings.SITE_URL)
    message = mail.build(
        address,
        f"[Test] {issue.subject or issue}",
        rendering.fill(parts.text, links),
        rendering.fill(parts.html, links),
        tag="test",
    )
    try:
        with urgent.lane(sending.handed_over_today) as lane:
            return lane.hand_over(message)
    except Wait as exc:
        return mail.Outcome("not_accepted", reason=urgent.said_of(exc), wait=exc.for_)

"""One mail to somebody who tries the way out: a digest with all its headers, or a letter. Counted nowhere."""

import time
from datetime import timedelta
from uuid import uuid4

from django.conf import settings

from digests import addressing, rendering, sending
from digests.providers import Content, Copy, Mail, provider_of
from newsletter import clock, mail, urgent
from newsletter.issues.models import Issue, IssueEntry
from newsletter.mail import Outcome
from newsletter.pace import Pace, Wait

SUBJECT = "[Test] A sample of a digest"
LEAD = "This is a test: a sample paper, sent the way that digests go."
REASON = "A sample, for a test"
BEYOND = 10**17  # ids from here on are of no delivery
CARD = {
    "title": "A sample paper: does the mail arrive, and does it look right?",
    "summary": "We send one mail the way that every digest goes, with every header it carries. It is found to arrive.",
    "authors": ["Ada Example", "Bo Sample"],
    "url": "https://example.org/",
    "pdf_url": "",
    "code_url": "",
    "project_url": "",
    "topics": [],
    "votes": 0,
    "comments": 0,
}
LETTER = (
    "This is a test of the way that confirmations and links go.",
    "If you can read it, they arrive. There is nothing to do.",
)


def send_digest(address: str) -> Outcome:
    """Hand a sample digest over through the configured lane, at its pace."""
    # Where days are replayed, so is the pace.
    now = clock.milliseconds if clock.is_held() else None
    pace = Pace("digests", sent_today=sending.handed_over_today, now=now)
    try:
        with pace.call(1, settings.SEND_LEASE) as turn, provider_of(settings) as provider:
            started = time.monotonic()
            outcomes = provider.submit([Mail(content(), copy_to(address))], uuid4().hex)
            sending.tell(turn, pace, outcomes, time.monotonic() - started)
            return outcomes[0]
    except Wait as exc:
        return waiting(exc)


def send_letter(address: str) -> Outcome:
    """Hand a sample letter over through the letters' provider and stream, at their pace."""
    context = {"subject": "a test", "paragraphs": LETTER, "page_url": f"{settings.SITE_URL}/"}
    message = mail.compose("digests/alert", context, address, tag="test")
    try:
        with urgent.lane(sending.handed_over_today) as lane:
            return lane.hand_over(message)
    except Wait as exc:
        return waiting(exc)


def waiting(wait: Wait) -> Outcome:
    return Outcome("not_accepted", reason=urgent.said_of(wait), wait=max(wait.for_, timedelta(seconds=1)))


def content() -> Content:
    issue = Issue(date=clock.today())
    parts = rendering.compose_items(issue, [(IssueEntry(paper_id=0), CARD, REASON)], SUBJECT, LEAD)
    html, text = (tuple(rendering.cut(part, rendering.READER_SLOTS)) for part in (parts.html, parts.text))
    return Content(0, SUBJECT, html, text, addressing.headers_on(issue.date), tag="test")


def copy_to(address: str) -> Copy:
    """Return what is the recipient's. The links are whole, and speak for no reader."""
    number = BEYOND + clock.milliseconds()
    return Copy(number, address, addressing.links(number, 0, 0))

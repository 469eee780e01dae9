"""One mail to somebody who tries the way out: a digest with all its headers, or a letter. Counted nowhere."""

import time
from datetime import timedelta
from uuid import uuid4

from django.conf import settings

from digests.mail import compose, headers, links, slots
from digests.providers import Copy, Mail, SharedBody, provider_of
from digests.sending import send_batch, sent_today
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.mail import letter_lane
from newsletter.mail import message as mail
from newsletter.mail.outcome import SendOutcome
from newsletter.mail.throttle import Pace, Wait

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


def send_digest(address: str) -> SendOutcome:
    """Hand a sample digest over through the configured lane, at its pace."""
    pace = Pace("digests", sent_today=sent_today.handed_over_today)
    try:
        with pace.call(1, settings.SEND_LEASE) as turn, provider_of(settings) as provider:
            started = time.monotonic()
            outcomes = provider.submit([Mail(content(), copy_to(address))], uuid4().hex)
            send_batch.tell(turn, pace, outcomes, time.monotonic() - started)
            return outcomes[0]
    except Wait as exc:
        return waiting(exc)


def send_letter(address: str) -> SendOutcome:
    """Hand a sample letter over through the letters' provider and stream, at their pace."""
    context = {"subject": "a test", "paragraphs": LETTER, "page_url": f"{settings.SITE_URL}/"}
    message = mail.compose("digests/alert", context, address, tag="test")
    try:
        with letter_lane.lane(sent_today.handed_over_today) as lane:
            return lane.hand_over(message)
    except Wait as exc:
        return waiting(exc)


def waiting(wait: Wait) -> SendOutcome:
    return SendOutcome("not_accepted", reason=letter_lane.wait_reason(wait), wait=max(wait.for_, timedelta(seconds=1)))


def content() -> SharedBody:
    issue = Issue(date=clock.today())
    parts = compose.compose_items(issue, [(IssueEntry(paper_id=0), CARD, REASON)], SUBJECT, LEAD)
    html, text = (tuple(slots.cut(part, slots.READER_SLOTS)) for part in (parts.html, parts.text))
    return SharedBody(0, SUBJECT, html, text, headers.headers_on(issue.date), tag="test")


def copy_to(address: str) -> Copy:
    """Return what is the recipient's. The links are whole, and speak for no reader."""
    number = BEYOND + clock.milliseconds()
    return Copy(number, address, links.links(number, 0, 0))

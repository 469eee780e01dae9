"""Sends one sample mail to test the provider: a digest with all its headers, or a letter. No statistics count it."""

import secrets
import time
from datetime import timedelta
from uuid import uuid4

from django.conf import settings

from digests.mail import compose, headers, links, reader_words, slots
from digests.mail.cards import EntryToRender
from digests.providers import Copy, Mail, SharedBody, provider_of
from digests.sending import send_batch, sent_today
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.mail import letter_lane, message
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.throttle import Pace, Wait

SUBJECT = "[Test] A sample of a digest"
LEAD = "This is a test: a sample paper, sent the way that digests go."
REASON = "A sample, for a test"
FIRST_SAMPLE_ID = 10**17  # delivery ids never get this high
CARD = {
    "title": "A sample paper: does the mail arrive, and does it look right?",
    "summary": "We send one mail through the same lane as every digest, with every header it carries. It arrives.",
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


def send_sample_digest(address: str) -> SendOutcome:
    """Send a sample digest through the configured lane, within its rate limits."""
    # While the clock is held, the rate limits follow it too.
    now = clock.milliseconds if clock.is_held() else None
    pace = Pace("digests", sent_today=sent_today.count_sent_today, now=now)
    try:
        with pace.call(1, settings.SEND_LEASE) as turn, provider_of(settings) as provider:
            started = time.monotonic()
            outcomes = provider.submit([Mail(sample_body(), sample_copy(address))], uuid4().hex)
            send_batch.report_to_pace(turn, pace, outcomes, time.monotonic() - started)
            return outcomes[0]
    except Wait as exc:
        return outcome_of_wait(exc)


def send_sample_letter(address: str) -> SendOutcome:
    """Send a sample letter through the letters' provider and stream, within their rate limits."""
    context = {"subject": "a test", "paragraphs": LETTER, "page_url": f"{settings.SITE_URL}/"}
    letter = message.compose("digests/alert", context, address, tag="test")
    try:
        with letter_lane.take_turn(sent_today.count_sent_today) as lane:
            return lane.hand_over(letter)
    except Wait as exc:
        return outcome_of_wait(exc)


def outcome_of_wait(wait: Wait) -> SendOutcome:
    return SendOutcome("not_accepted", reason=letter_lane.wait_reason(wait), wait=max(wait.for_, timedelta(seconds=1)))


def sample_body() -> SharedBody:
    issue = Issue(date=clock.today())
    parts = compose.compose_items(issue, [EntryToRender(IssueEntry(paper_id=0), CARD, REASON)], SUBJECT, LEAD)
    html, text = (tuple(slots.cut(part, slots.READER_SLOTS)) for part in (parts.html, parts.text))
    return SharedBody(0, SUBJECT, html, text, headers.headers_on(issue.date), tag="test")


def sample_copy(address: str) -> Copy:
    """Return the recipient's part. Its links are well-formed but belong to no reader."""
    number = FIRST_SAMPLE_ID + clock.milliseconds()
    return Copy(number, address, links.links(number, 0, 0), secrets.token_hex(16), reader_words.UNNAMED)

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from django.template.loader import render_to_string

from digests.mail.slots import DIGEST_SLOTS, READER_SLOTS, Parts, cut, slot
from digests.models import Frame
from digests.providers.base import LONGEST_SLOT
from newsletter.issues.models import Issue
from newsletter.mail import message

# The most bytes that fill a frame's slots: a lead, a preheader, the links and the reader's words. The rhythm may stand
# twice among these words.
FILLED_SIZE = 4_000 + 4 * LONGEST_SLOT


@dataclass(frozen=True, slots=True)
class FramePieces:
    """A frame cut at its slots."""

    html: tuple[str, ...]
    text: tuple[str, ...]
    size: int  # bytes of HTML, with room for what fills all slots but that of the cards
    day: date  # of the issue


@lru_cache(maxsize=32)
def frame_of(issue_id: int) -> FramePieces:
    """Return the stored frame of a published issue; render and store it at the first call, since the issue is frozen.

    A frame that was stored under another secret key has slots that cannot be filled, so it is rendered again, as cards
    are.
    """
    issue = Issue.objects.select_related("curated_by", "frame").get(pk=issue_id)
    frame = getattr(issue, "frame", None)
    if frame is None or slot("cards") not in frame.html:
        parts = render_frame(issue)
        frame, _ = Frame.objects.update_or_create(issue_id=issue_id, defaults={"html": parts.html, "text": parts.text})
    return cut_frame(Parts(frame.html, frame.text), issue.date)


@lru_cache(maxsize=32)
def shared_frame_of(issue_id: int) -> FramePieces:
    """Return the frame of a published issue without a reader's links and words, for a page that readers share.

    Its size is that of the mail's frame, so that the page shortens the same cards as the mail.
    """
    issue = Issue.objects.select_related("curated_by").get(pk=issue_id)
    return replace(cut_frame(render_frame(issue, is_shared=True), issue.date), size=frame_of(issue_id).size)


def cut_frame(parts: Parts, day: date) -> FramePieces:
    slots = (*DIGEST_SLOTS, *READER_SLOTS)
    html, text = cut(parts.html, slots), cut(parts.text, slots)
    return FramePieces(tuple(html), tuple(text), len(parts.html.encode()) + FILLED_SIZE, day)


def render_frame(issue: Issue, *, is_shared: bool = False) -> Parts:
    slots = {name: slot(name) for name in (*READER_SLOTS, *DIGEST_SLOTS)}
    context = message.publication() | slots | {"issue": issue, "is_shared": is_shared}
    html = render_to_string("digests/mail/body.html", context)
    return Parts(message.inline_styles(html), render_to_string("digests/mail/body.txt", context).strip() + "\n")

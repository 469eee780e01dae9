from dataclasses import dataclass
from functools import lru_cache

from django.template.loader import render_to_string

from digests.mail.slots import DIGEST_SLOTS, READER_SLOTS, Parts, cut, slot
from digests.models import Frame
from newsletter.issues.models import Issue
from newsletter.mail import message

FILLED_SIZE = 4_000  # bytes at most of a lead, a preheader and the links of a frame


@dataclass(frozen=True, slots=True)
class FramePieces:
    """A frame cut at its slots."""

    html: tuple[str, ...]
    text: tuple[str, ...]
    size: int  # bytes of HTML, with room for what fills the slots but the cards


@lru_cache(maxsize=32)
def frame_of(issue_id: int) -> FramePieces:
    """Return the stored frame of a published issue, rendered where it is the first time; the issue is frozen.

    What was stored under another secret key has slots that nobody can fill, and is rendered anew; so are cards.
    """
    frame = Frame.objects.filter(issue_id=issue_id).first()
    if frame is None or slot("cards") not in frame.html:
        parts = render_frame(Issue.objects.select_related("curated_by").get(pk=issue_id))
        frame, _ = Frame.objects.update_or_create(issue_id=issue_id, defaults={"html": parts.html, "text": parts.text})
    return cut_frame(Parts(frame.html, frame.text))


def cut_frame(parts: Parts) -> FramePieces:
    slots = (*DIGEST_SLOTS, *READER_SLOTS)
    html, text = cut(parts.html, slots), cut(parts.text, slots)
    return FramePieces(tuple(html), tuple(text), len(parts.html.encode()) + FILLED_SIZE)


def render_frame(issue: Issue) -> Parts:
    slots = {name: slot(name) for name in (*READER_SLOTS, *DIGEST_SLOTS)}
    context = message.publication() | slots | {"issue": issue}
    html = render_to_string("digests/mail/body.html", context)
    return Parts(message.inline_styles(html), render_to_string("digests/mail/body.txt", context).strip() + "\n")

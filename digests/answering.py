"""What the readers of one group get from their span: the content of a digest, or the one reason why there is none."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from digests import selection
from digests.models import Delivery
from digests.selection import Choice
from digests.spans import Span
from digests.writing import Content


class Answer(NamedTuple):
    """A digest's content, or the one reason why there is none."""

    content: Content | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


def answer(span: Span, choice: Choice, had: Iterable[int], *, is_first: bool) -> Answer:
    """Choose from a span for readers who were sent the papers `had` before; a first digest is never empty."""
    if not span.issues:
        return Answer(None, reason=Delivery.Reason.NO_ISSUE)
    seen = selection.union(span.index.by_paper, had)
    chosen = selection.select(span.index, choice, seen)
    if not chosen.items and is_first:
        chosen = selection.fallback(span.index, choice, seen)
    if chosen.items:
        content = Content(span, tuple([item.number for item in chosen.items]), chosen.is_fallback)
        return Answer(content, span.newest_at)
    if seen and selection.select(span.index, choice).items:
        return Answer(None, span.newest_at, Delivery.Reason.ALL_HAD)
    looked_at = span.index.paper_count
    note = "1 paper looked at" if looked_at == 1 else f"{looked_at} papers looked at"
    return Answer(None, span.newest_at, Delivery.Reason.NOTHING_MATCHED, note)

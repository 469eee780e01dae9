"""What the readers of one group get from their span: the content of a digest, or the one reason why there is none."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from digests.models import Delivery
from digests.selection import rules
from digests.selection.entry_index import Choice, Item
from digests.selection.rules import Place
from digests.selection.spans import Span
from newsletter.number_text import pluralize


class DigestContent(NamedTuple):
    """What a digest holds: the items chosen, in their order, and the span whose newest issue frames them."""

    span: Span
    items: tuple[Item, ...]
    is_fallback: bool


class DigestChoice(NamedTuple):
    """A digest's content, or the one reason why there is none."""

    content: DigestContent | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


class Drawn(NamedTuple):
    """The entries that are chosen, in their order, or the one reason why there is none."""

    places: list[Place]
    is_fallback: bool = False
    reason: str = ""


def answer(span: Span, choice: Choice, had: Collection[int], *, is_first: bool) -> DigestChoice:
    """Choose from a span for readers who were sent the papers `had` before; a first digest is never empty."""
    drawn = draw(span, choice, had, is_first=is_first)
    if not span.issues:
        return DigestChoice(None, reason=drawn.reason)
    if not drawn.reason:
        content = DigestContent(span, items_of(span, choice, drawn), drawn.is_fallback)
        return DigestChoice(content, span.newest_at)
    if drawn.reason == Delivery.Reason.ALL_HAD:
        return DigestChoice(None, span.newest_at, drawn.reason)
    note = f"{pluralize(span.index.paper_count, 'paper')} considered"
    return DigestChoice(None, span.newest_at, drawn.reason, note)


def draw(span: Span, choice: Choice, had: Collection[int], *, is_first: bool) -> Drawn:
    """Choose as `answer` does, without reasons: it takes a third of the time.

    Older issues fill up what an issue of the span begins; where the span has none, there is no digest.
    """
    if not span.issues:
        return Drawn([], reason=Delivery.Reason.NO_ISSUE)
    if places := rules.order(span.index, choice, had, span.older):
        return Drawn(places)
    if had and rules.order(span.index, choice):
        return Drawn([], reason=Delivery.Reason.ALL_HAD)
    return draw_fallback(span, choice, had) if is_first else Drawn([], reason=Delivery.Reason.NOTHING_MATCHED)


def draw_fallback(span: Span, choice: Choice, had: Collection[int]) -> Drawn:
    """Choose the front's best, unless a reader who came back was sent some of them before."""
    best = rules.fallback_order(span.index, choice)
    if not best:
        return Drawn([], reason=Delivery.Reason.NOTHING_MATCHED)
    if rules.fallback_order(span.index, choice, had) != best:
        return Drawn([], reason=Delivery.Reason.ALL_HAD)
    return Drawn(best, is_fallback=True)


def items_of(span: Span, choice: Choice, drawn: Drawn) -> tuple[Item, ...]:
    """Return what was drawn, each with the reason it is there."""
    if drawn.is_fallback:
        return rules.with_fallback(drawn.places).items
    return rules.with_reasons(span.index, choice, drawn.places).items

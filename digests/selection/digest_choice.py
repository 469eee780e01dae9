"""What the readers of one group get from their span: the content of a digest, or the one reason why there is none."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from digests.models import Delivery
from digests.selection import entry_index, rules
from digests.selection.entry_index import Choice, Item
from digests.selection.rules import Chosen
from digests.selection.spans import Span

NONE = Chosen([])


class DigestContent(NamedTuple):
    """What a digest holds: the numbers of the items chosen from a span, in their order."""

    span: Span
    numbers: tuple[int, ...]
    is_fallback: bool

    @property
    def items(self) -> list[Item]:
        return [self.span.index.items[number] for number in self.numbers]


class DigestChoice(NamedTuple):
    """A digest's content, or the one reason why there is none."""

    content: DigestContent | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


class Drawn(NamedTuple):
    """Which entries of a span are chosen, or the one reason why there is none."""

    order: Chosen
    is_fallback: bool = False
    reason: str = ""


def answer(span: Span, choice: Choice, had: Iterable[int], *, is_first: bool) -> DigestChoice:
    """Choose from a span for readers who were sent the papers `had` before; a first digest is never empty."""
    drawn = draw(span, choice, had, is_first=is_first)
    if not span.issues:
        return DigestChoice(None, reason=drawn.reason)
    if not drawn.reason:
        items = items_of(span, choice, drawn)
        content = DigestContent(span, tuple([item.number for item in items]), drawn.is_fallback)
        return DigestChoice(content, span.newest_at)
    if drawn.reason == Delivery.Reason.ALL_HAD:
        return DigestChoice(None, span.newest_at, drawn.reason)
    looked_at = span.index.paper_count
    note = "1 paper looked at" if looked_at == 1 else f"{looked_at} papers looked at"
    return DigestChoice(None, span.newest_at, drawn.reason, note)


def draw(span: Span, choice: Choice, had: Iterable[int], *, is_first: bool) -> Drawn:
    """Choose as `answer` does, and give no reasons: a third of the time where only numbers are asked for."""
    if not span.issues:
        return Drawn(NONE, reason=Delivery.Reason.NO_ISSUE)
    seen = entry_index.union(span.index.by_paper, had)
    chosen = rules.order(span.index, choice, seen)
    if chosen.numbers:
        return Drawn(chosen)
    if seen and rules.order(span.index, choice).numbers:
        return Drawn(NONE, reason=Delivery.Reason.ALL_HAD)
    return draw_fallback(span, choice, seen) if is_first else Drawn(NONE, reason=Delivery.Reason.NOTHING_MATCHED)


def draw_fallback(span: Span, choice: Choice, seen: int) -> Drawn:
    """Choose the front's best, unless a reader who came back was sent some of them before."""
    best = rules.fallback_order(span.index, choice)
    if not best.numbers:
        return Drawn(NONE, reason=Delivery.Reason.NOTHING_MATCHED)
    if any(seen >> number & 1 for number in best.numbers):
        return Drawn(NONE, reason=Delivery.Reason.ALL_HAD)
    return Drawn(best, is_fallback=True)


def items_of(span: Span, choice: Choice, drawn: Drawn) -> tuple[Item, ...]:
    """Return what was drawn, each with the reason it is there."""
    if drawn.is_fallback:
        return rules.with_fallback(span.index, drawn.order).items
    return rules.with_reasons(span.index, choice, drawn.order).items

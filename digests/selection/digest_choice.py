"""Choose what the readers of one group get from their span: a digest's content, or the reason why there is none."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from digests.models import Delivery, Digest
from digests.selection import rules
from digests.selection.entry_index import Choice, Item
from digests.selection.rules import Place
from digests.selection.spans import Span
from newsletter.number_text import pluralize


class DigestContent(NamedTuple):
    """What a digest holds: the chosen items in order, and their span, whose newest issue gives the frame."""

    span: Span
    items: tuple[Item, ...]
    kind: Digest.Kind
    fallback_reason: str = ""

    @property
    def is_fallback(self) -> bool:
        return bool(self.fallback_reason)

    @property
    def first_day(self) -> date | None:
        """Return the day of the span's oldest issue if the digest covers several days, else None."""
        covers_several = self.kind in (Digest.Kind.DAYS, Digest.Kind.WEEK)
        return min(issue.date for issue in self.span.issues) if covers_several else None


class DigestChoice(NamedTuple):
    """A digest's content, or the one reason why there is none."""

    content: DigestContent | None
    covered_to: datetime | None = None
    reason: str = ""
    note: str = ""


class Draw(NamedTuple):
    """The places of the chosen entries, in order, or the one reason why there are none."""

    places: list[Place]
    is_fallback: bool = False
    reason: str = ""


def choose_digest(
    span: Span, choice: Choice, had: Collection[int], *, is_first: bool, is_weekly: bool = False
) -> DigestChoice:
    """Choose from a span for readers who were sent the papers `had` before.

    A first digest falls back to the front's best papers where nothing fits the choice.
    """
    drawn = draw(span, choice, had, is_first=is_first)
    if not span.issues:
        return DigestChoice(None, reason=drawn.reason)
    if not drawn.reason:
        kind = kind_of(span, is_first=is_first, is_weekly=is_weekly)
        return DigestChoice(content_of(span, choice, drawn, kind), span.newest_at)
    if drawn.reason == Delivery.Reason.ALL_HAD:
        return DigestChoice(None, span.newest_at, drawn.reason)
    note = f"{pluralize(span.index.paper_count, 'paper')} considered"
    return DigestChoice(None, span.newest_at, drawn.reason, note)


def draw(span: Span, choice: Choice, had: Collection[int], *, is_first: bool) -> Draw:
    """Choose as `choose_digest` does, without reasons, in a third of the time.

    Older issues only fill the room that the span's issues leave: without an issue in the span there is no digest.
    """
    if not span.issues:
        return Draw([], reason=Delivery.Reason.NO_ISSUE)
    if places := rules.choose_places(span.index, choice, had, span.older):
        return Draw(places)
    if had and rules.choose_places(span.index, choice):
        return Draw([], reason=Delivery.Reason.ALL_HAD)
    return draw_fallback(span, choice, had) if is_first else Draw([], reason=Delivery.Reason.NOTHING_MATCHED)


def draw_fallback(span: Span, choice: Choice, had: Collection[int]) -> Draw:
    """Choose the front's best papers, unless a reader who came back was sent some of them before."""
    best = rules.choose_fallback_places(span.index, choice)
    if not best:
        return Draw([], reason=Delivery.Reason.NOTHING_MATCHED)
    if rules.choose_fallback_places(span.index, choice, had) != best:
        return Draw([], reason=Delivery.Reason.ALL_HAD)
    return Draw(best, is_fallback=True)


def content_of(span: Span, choice: Choice, drawn: Draw, kind: Digest.Kind) -> DigestContent:
    why = fallback_reason(span, choice) if drawn.is_fallback else ""
    return DigestContent(span, items_of(span, choice, drawn), kind, why)


def kind_of(span: Span, *, is_first: bool, is_weekly: bool) -> Digest.Kind:
    if is_first:
        return Digest.Kind.WELCOME
    if len(span.issues) == 1:
        return Digest.Kind.DAY
    return Digest.Kind.WEEK if is_weekly else Digest.Kind.DAYS


def fallback_reason(span: Span, choice: Choice) -> Digest.FallbackReason:
    """Return why nothing in a span fits `choice`, found by lifting one restriction after the other."""
    if not (choice.topics or choice.followed_phrases or choice.followed_authors):
        return Digest.FallbackReason.NO_CHOICE
    if rules.choose_places(span.index, replace(choice, muted_phrases=(), muted_authors=()), (), span.older):
        return Digest.FallbackReason.MUTED
    if rules.choose_places(span.index, replace(choice, minimum_score=0.0), (), span.older):
        return Digest.FallbackReason.LOW_SCORE
    is_weak = not choice.topics.isdisjoint(span.index.poor)
    return Digest.FallbackReason.WEAK if is_weak else Digest.FallbackReason.NO_PAPER


def items_of(span: Span, choice: Choice, drawn: Draw) -> tuple[Item, ...]:
    """Return the items of the drawn places, each with its reason."""
    if drawn.is_fallback:
        return rules.fallback_items(drawn.places, choice)
    return rules.items_with_reasons(span.index, choice, drawn.places)

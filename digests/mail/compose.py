"""From a digest's order to a mail: cards and frame are rendered once an issue, and a mail is joined from them.

What differs from digest to digest and from reader to reader are slots. A slot's mark is keyed, so that no paper's text
can hold one.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from django.utils.html import escape

from digests.mail.cards import PREHEADER, CardTemplate, Item, SmallerCards, pieces_of, render_pieces
from digests.mail.frame import FramePieces, cut_frame, frame_of, render_frame
from digests.mail.size_limit import LINES, shorten_to_fit
from digests.mail.slots import Opened, Parts, weave
from digests.models import Digest
from digests.providers.interface import SEAM
from newsletter.excerpt import cut_at_word, wrapped
from newsletter.issues.models import Issue
from newsletter.issues.publish import snapshot_of

MOST_HTML = 90_000  # bytes; Gmail cuts a message off at 102 KB
TITLES = 4  # in a preheader at most
NUMBERS = [str(number) for number in range(1_000)]
TEXT_NUMBERS = [f"{number}.".ljust(4) for number in range(1_000)]
NO_NUMBER = " " * 4
TRIAL_REASON = "The whole front, for a test"
TRIAL_LEAD = "This is a test: the whole front, as it stands now."
LEAST_NAMED = 40  # characters of a first title by which a subject is known to name it
FALLBACK_LEAD = (
    "Nothing in the newest issue matches what you chose, so here are its best papers. "
    "Your next digest will keep to your settings."
)


class DigestOrder(NamedTuple):
    """What a digest stores, without the weight of a model: a batch may hold a thousand."""

    pk: int
    issue_id: int
    card_ids: list[int]
    is_fallback: bool
    subject: str


def compose(digest: Digest) -> Parts:
    """Return the mail of a digest with its reader slots open. One query, or none where its cards are known."""
    return opened(digest).marked()


def opened(digest: Digest | DigestOrder) -> Opened:
    """Return the mail of a digest cut at its reader slots. One query, or none where its cards are known."""
    frame, cards = frame_of(digest.issue_id), pieces_of(digest.card_ids)
    lead = FALLBACK_LEAD if digest.is_fallback else ""
    return fit(frame, cards, digest.subject, lead, SmallerCards(digest.card_ids).at)


def compose_trial(issue: Issue) -> Parts:
    """Return the whole front of an issue as it stands now, also of a draft."""
    entries = issue.entries.front().kept().select_related("paper").order_by("position")
    items = [(entry, entry.snapshot or snapshot_of(entry), TRIAL_REASON) for entry in entries]
    return compose_items(issue, items, issue.subject, TRIAL_LEAD)


def compose_items(issue: Issue, items: Sequence[Item], subject: str, lead: str = "", detail: str = LINES) -> Parts:
    """Return the mail of entries in their order, rendered anew; nothing is read or stored."""
    frame = cut_frame(render_frame(issue))
    cards = [render_pieces(*item, LINES if item[0].is_free else detail) for item in items]
    return fit(frame, cards, subject, lead, lambda place, less: render_pieces(*items[place], less)).marked()


def fit(
    frame: "FramePieces",
    cards: Sequence[CardTemplate],
    subject: str,
    lead: str,
    at: Callable[[int, str], CardTemplate],
) -> Opened:
    """Join a mail, and where it would be too long, shorten its last papers and say so in the lead."""
    room = MOST_HTML - frame.size
    if sum(card.size for card in cards) > room:
        whole, cards = cards, shorten_to_fit(cards, room, at)
        lead = f"{lead} {short_lead(whole, cards)}".strip()
    return join(frame, cards, escape(preheader_of(cards, subject)), lead)


def short_lead(whole: Sequence[CardTemplate], shown: Sequence[CardTemplate]) -> str:
    """Say how many of the last papers are shown in less detail than the reader chose."""
    less = [card.detail for before, card in zip(whole, shown, strict=True) if card is not before]
    cut = less.count(LINES)
    brief, kept = len(less) - cut, "instead of the whole abstract"
    if not brief:
        return f"To keep this mail short, {last_papers(cut, 'has', 'have')} two lines {kept}."
    others = f", and the others have two lines {kept}" if cut else ""
    return f"To keep this mail short, {last_papers(brief, 'is', 'are')} listed in brief{others}."


def last_papers(count: int, verb: str, plural_verb: str) -> str:
    return f"its last {count} papers {plural_verb}" if count > 1 else f"its last paper {verb}"


def preheader_of(cards: Sequence[CardTemplate], subject: str) -> str:
    """Return what mail programs show behind the subject: the titles that it does not name, in plain text."""
    if not cards:
        return ""
    first = next((card for card in cards if not card.is_free), cards[0])
    is_named = subject.startswith(first.title[:LEAST_NAMED])
    others = [card for card in cards if card is not first] if is_named else cards
    if not others:
        return first.summary
    words = " · ".join([card.title for card in others[:TITLES]])
    return words if len(words) <= PREHEADER else cut_at_word(words, PREHEADER)


def join(frame: "FramePieces", cards: Sequence[CardTemplate], preheader: str, lead: str) -> Opened:
    """Join cards and frame; this is the hot path, so nothing here looks at a text."""
    html, text, number = list[str](), list[str](), 0
    for card in cards:
        number += not card.is_free
        html += (SEAM, card.html[0] if card.is_free else card.html[0] + NUMBERS[number], *card.html[1])
        text += (SEAM, NO_NUMBER if card.is_free else TEXT_NUMBERS[number], *card.text[1])
    values = {"count": (SEAM, count_words(number)), "preheader": (SEAM, preheader)}
    return Opened(
        weave(frame.html, values | {"lead": (SEAM, lead), "cards": html}),
        weave(frame.text, values | {"lead": (SEAM, wrap_lead(lead)), "cards": text}),
    )


@cache
def count_words(count: int) -> str:
    return {0: "A word from the editors", 1: "1 paper"}.get(count, f"{count} papers")


@lru_cache(maxsize=8)
def wrap_lead(lead: str) -> str:
    return f"{wrapped(lead)}\n\n" if lead else ""

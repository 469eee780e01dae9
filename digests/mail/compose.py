"""From a digest's order to a mail: cards and frame are rendered once an issue, and a mail is joined from them.

What differs from digest to digest and from reader to reader are slots. A slot's mark is keyed, so that no paper's text
can hold one.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from django.utils.html import escape

from digests.mail.cards import PREHEADER, CardTemplate, Item, SmallerCards, pieces_of, render_pieces
from digests.mail.frame import FramePieces, cut_frame, frame_of, render_frame, shared_frame_of
from digests.mail.masthead import Masthead, fallback_lead, html_lead, masthead_of, text_lead
from digests.mail.reader_words import UNNAMED
from digests.mail.size_limit import LINES, shorten_to_fit
from digests.mail.slots import LINK_SLOTS, Opened, Parts, fill, slot, weave
from digests.models import Digest
from digests.providers.interface import SEAM, word_slots
from newsletter.excerpt import cut_at_word
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


class DigestOrder(NamedTuple):
    """What a digest stores, without the weight of a model: a batch may hold a thousand."""

    pk: int
    issue_id: int
    card_ids: list[int]
    kind: str
    first_day: date | None
    is_fallback: bool
    fallback_reason: str
    subject: str


def compose(digest: Digest) -> Parts:
    """Return the mail of a digest with its reader slots open. One query, or none where its cards are known."""
    return opened(digest).marked()


def compose_shared(digest: Digest) -> str:
    """Return the HTML of a digest without its reader's links and words, for a page that readers share."""
    html = opened(digest, shared_frame_of(digest.issue_id)).marked().html
    return fill(reader_links().sub("", html), word_slots(UNNAMED))


@cache
def reader_links() -> re.Pattern[str]:
    """Return the pattern of a link to an open reader slot, as our templates write it."""
    slots = "|".join(slot(name) for name in LINK_SLOTS)
    return re.compile(rf'<a [^>]*href="(?:{slots})[^>]*>[^<]*</a>')


def opened(digest: Digest | DigestOrder, frame: FramePieces | None = None) -> Opened:
    """Return the mail of a digest cut at its reader slots. One query, or none where its cards are known."""
    frame, cards = frame or frame_of(digest.issue_id), pieces_of(digest.card_ids)
    lead = fallback_lead(digest.fallback_reason) if digest.is_fallback else ""
    masthead = masthead_of(digest.kind, digest.first_day, frame.day, lead)
    return fit(frame, cards, digest.subject, masthead, SmallerCards(digest.card_ids).at)


def compose_trial(issue: Issue) -> Parts:
    """Return the whole front of an issue as it stands now, also of a draft."""
    entries = issue.entries.front().kept().select_related("paper").order_by("position")
    items = [(entry, entry.snapshot or snapshot_of(entry), TRIAL_REASON) for entry in entries]
    return compose_items(issue, items, issue.subject, TRIAL_LEAD)


def compose_items(
    issue: Issue,
    items: Sequence[Item],
    subject: str,
    lead: str = "",
    detail: str = LINES,
    kind: str = Digest.Kind.DAY,
    since: date | None = None,
) -> Parts:
    """Return the mail of entries in their order, rendered anew; nothing is read or stored."""
    frame = cut_frame(render_frame(issue), issue.date)
    cards = [render_pieces(*item, LINES if item[0].is_free else detail) for item in items]
    masthead = masthead_of(kind, since, issue.date, lead)
    return fit(frame, cards, subject, masthead, lambda place, less: render_pieces(*items[place], less)).marked()


def fit(
    frame: "FramePieces",
    cards: Sequence[CardTemplate],
    subject: str,
    masthead: Masthead,
    at: Callable[[int, str], CardTemplate],
) -> Opened:
    """Join a mail, and where it would be too long, shorten its last papers and say so in the lead."""
    room = MOST_HTML - frame.size
    if sum(card.size for card in cards) > room:
        whole, cards = cards, shorten_to_fit(cards, room, at)
        masthead = masthead._replace(lead=f"{masthead.lead} {short_lead(whole, cards)}".strip())
    return join(frame, cards, escape(preheader_of(cards, subject, masthead.covers)), masthead)


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


def preheader_of(cards: Sequence[CardTemplate], subject: str, covers: str = "") -> str:
    """Return what mail programs show behind the subject, in plain text: titles that it does not name.

    A digest of several days begins with them and with its count: “Week of 4 to 8 May · 10 papers · …”.
    """
    days = [covers, count_words(sum(not card.is_free for card in cards))] if covers else []
    named = next((card for card in cards if is_named(card, subject)), None)
    titles = [card.title for card in cards if card is not named][:TITLES]
    words = " · ".join([*days, *(titles or [card.summary for card in cards])])
    return words if len(words) <= PREHEADER else cut_at_word(words, PREHEADER)


def is_named(card: CardTemplate, subject: str) -> bool:
    """Return True if `subject` begins with the title of `card`, or with enough of it."""
    start = card.title[:LEAST_NAMED]
    return subject.startswith(start) and (len(start) == LEAST_NAMED or subject[len(start) :][:1] in ("", ","))


def join(frame: "FramePieces", cards: Sequence[CardTemplate], preheader: str, masthead: Masthead) -> Opened:
    """Join cards and frame; this is the hot path, so nothing here looks at a text."""
    html, text, number = list[str](), list[str](), 0
    for card in cards:
        number += not card.is_free
        html += (SEAM, card.html[0] if card.is_free else card.html[0] + NUMBERS[number], *card.html[1])
        text += (SEAM, NO_NUMBER if card.is_free else TEXT_NUMBERS[number], *card.text[1])
    words = {"count": count_words(number), "heading": masthead.heading, "preheader": preheader}
    words["issue_link"] = "Newest issue" if masthead.covers else "Whole issue"
    values = {name: (SEAM, value) for name, value in words.items()}
    return Opened(
        weave(frame.html, values | {"lead": html_lead(masthead), "cards": html}),
        weave(frame.text, values | {"lead": text_lead(masthead), "cards": text}),
    )


@cache
def count_words(count: int) -> str:
    return {0: "A word from the editors", 1: "1 paper"}.get(count, f"{count} papers")

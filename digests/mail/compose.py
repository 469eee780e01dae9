"""Join the mail of a digest from its cards and its frame, which are rendered once for each issue.

Whatever differs between digests or readers is a slot. The marks of slots are keyed, so that no paper's text can hold
one.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from django.utils.html import escape

from digests.mail.cards import PREHEADER, CardTemplate, EntryToRender, SmallerCards, card_templates, render_template
from digests.mail.frame import FramePieces, cut_frame, frame_of, render_frame, shared_frame_of
from digests.mail.masthead import Masthead, fallback_lead, html_lead, masthead_of, text_lead
from digests.mail.reader_words import UNNAMED
from digests.mail.size_limit import LINES, shorten_to_fit
from digests.mail.slots import LINK_SLOTS, OpenMail, Parts, fill, slot, weave
from digests.models import Digest
from digests.providers.interface import SEAM, word_slots
from newsletter.excerpt import cut_at_word
from newsletter.issues.models import Issue
from newsletter.issues.publish import snapshot_of

MAX_HTML_BYTES = 90_000  # Gmail cuts a message off at 102 KB
MAX_TITLES = 4  # in a preheader
NUMBERS = [str(number) for number in range(1_000)]
TEXT_NUMBERS = [f"{number}.".ljust(4) for number in range(1_000)]
NO_NUMBER = " " * 4
TRIAL_REASON = "The whole front, for a test"
TRIAL_LEAD = "This is a test: the whole front, as it stands now."
MIN_NAMED = 40  # a subject that begins with this many characters of a title names it


class DigestOrder(NamedTuple):
    """The stored fields of a digest. Lighter than a model instance, because a batch may hold a thousand digests."""

    pk: int
    issue_id: int
    card_ids: list[int]
    kind: str
    first_day: date | None
    is_fallback: bool
    fallback_reason: str
    subject: str


def compose(digest: Digest) -> Parts:
    """Return the mail of a digest with its reader slots open. One query, or none if its cards are in memory."""
    return compose_open(digest).with_marks()


def compose_shared(digest: Digest) -> str:
    """Return the HTML of a digest without its reader's links and words, for a page that readers share."""
    html = compose_open(digest, shared_frame_of(digest.issue_id)).with_marks().html
    return fill(reader_links().sub("", html), word_slots(UNNAMED))


@cache
def reader_links() -> re.Pattern[str]:
    """Return the pattern of a link to an open reader slot, as our templates write it."""
    slots = "|".join(slot(name) for name in LINK_SLOTS)
    return re.compile(rf'<a [^>]*href="(?:{slots})[^>]*>[^<]*</a>')


def compose_open(digest: Digest | DigestOrder, frame: FramePieces | None = None) -> OpenMail:
    """Return the mail of a digest cut at its reader slots. One query, or none where its cards are known."""
    frame, cards = frame or frame_of(digest.issue_id), card_templates(digest.card_ids)
    lead = fallback_lead(digest.fallback_reason) if digest.is_fallback else ""
    masthead = masthead_of(digest.kind, digest.first_day, frame.day, lead)
    return fit(frame, cards, digest.subject, masthead, SmallerCards(digest.card_ids).at)


def compose_trial(issue: Issue) -> Parts:
    """Return the mail of an issue's whole front as it stands now; the issue may be a draft."""
    entries = issue.entries.front().kept().select_related("paper").order_by("position")
    items = [EntryToRender(entry, entry.snapshot or snapshot_of(entry), TRIAL_REASON) for entry in entries]
    return compose_items(issue, items, issue.subject, TRIAL_LEAD)


def compose_items(
    issue: Issue,
    items: Sequence[EntryToRender],
    subject: str,
    lead: str = "",
    kind: str = Digest.Kind.DAY,
    first_day: date | None = None,
) -> Parts:
    """Render the mail of `items` in their order; nothing is read from the database or stored."""
    frame = cut_frame(render_frame(issue), issue.date)
    cards = [render_template(*item) for item in items]
    masthead = masthead_of(kind, first_day, issue.date, lead)

    def smaller(place: int, detail: str) -> CardTemplate:
        return render_template(*items[place]._replace(detail=detail))

    return fit(frame, cards, subject, masthead, smaller).with_marks()


def fit(
    frame: "FramePieces",
    cards: Sequence[CardTemplate],
    subject: str,
    masthead: Masthead,
    at: Callable[[int, str], CardTemplate],
) -> OpenMail:
    """Join a mail; if it would be too long, shorten its last papers and explain that in the lead."""
    room = MAX_HTML_BYTES - frame.size
    if sum(card.size for card in cards) > room:
        whole, cards = cards, shorten_to_fit(cards, room, at)
        masthead = masthead._replace(lead=f"{masthead.lead} {short_lead(whole, cards)}".strip())
    return join(frame, cards, escape(preheader_of(cards, subject, masthead.covers)), masthead)


def short_lead(whole: Sequence[CardTemplate], shown: Sequence[CardTemplate]) -> str:
    """Return a sentence on how many of the last papers are shown in less detail than the reader chose."""
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
    """Return the plain text that mail programs show after the subject: titles that the subject does not name.

    For a digest of several days it begins with the days and the count: “Week of 4 to 8 May · 10 papers · …”.
    """
    days = [covers, count_words(sum(not card.is_free for card in cards))] if covers else []
    named = next((card for card in cards if is_named(card, subject)), None)
    titles = [card.title for card in cards if card is not named][:MAX_TITLES]
    words = " · ".join([*days, *(titles or [card.summary for card in cards])])
    return words if len(words) <= PREHEADER else cut_at_word(words, PREHEADER)


def is_named(card: CardTemplate, subject: str) -> bool:
    """Return True if `subject` begins with the title of `card` or with its first MIN_NAMED characters."""
    start = card.title[:MIN_NAMED]
    return subject.startswith(start) and (len(start) == MIN_NAMED or subject[len(start) :][:1] in ("", ","))


def join(frame: "FramePieces", cards: Sequence[CardTemplate], preheader: str, masthead: Masthead) -> OpenMail:
    """Join cards and frame. This is the hot path, so nothing here searches or changes a text."""
    html, text, number = list[str](), list[str](), 0
    for card in cards:
        number += not card.is_free
        html += (SEAM, card.html[0] if card.is_free else card.html[0] + NUMBERS[number], *card.html[1])
        text += (SEAM, NO_NUMBER if card.is_free else TEXT_NUMBERS[number], *card.text[1])
    words = {"count": count_words(number), "heading": masthead.heading, "preheader": preheader}
    words["issue_link"] = "Newest issue" if masthead.covers else "Whole issue"
    values = {name: (SEAM, value) for name, value in words.items()}
    heading = (SEAM, unbroken_dates(masthead.heading))
    return OpenMail(
        weave(frame.html, values | {"heading": heading, "lead": html_lead(masthead), "cards": html}),
        weave(frame.text, values | {"lead": text_lead(masthead), "cards": text}),
    )


@lru_cache(maxsize=64)
def unbroken_dates(heading: str) -> str:
    """Return the heading with each day kept on one line with its month."""
    return re.sub(r"(?<=\d) (?=[A-Z])", "\u00a0", heading)


@cache
def count_words(count: int) -> str:
    return {0: "A word from the editors", 1: "1 paper"}.get(count, f"{count} papers")

"""From a digest's order to a mail: cards and frame are rendered once an issue, and a mail is joined from them.

What differs from digest to digest and from reader to reader are slots. A slot's mark is keyed, so that no paper's text
can hold one.
"""

import hashlib
import hmac
import logging
import random
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import css_inline
from django.conf import settings
from django.db import connection, transaction
from django.template.loader import get_template, render_to_string
from django.utils.html import escape

from digests.models import Card, CardsPruned, Digest, Frame
from digests.providers.interface import SEAM
from digests.shortening import FULL, shortened
from newsletter import mail
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publishing import snapshot_of
from newsletter.papers.proposing import BY_A_READER
from newsletter.templatetags.reading import brief, cut_at_word, wrapped

logger = logging.getLogger(__name__)
READER_SLOTS = ("preferences_url", "pause_url", "unsubscribe_url", "view_url", "propose_url", "vote_url")
CARD_SLOTS = ("vote_url",)  # of the reader's, in each card
DIGEST_SLOTS = ("cards", "count", "preheader", "lead")
MOST_HTML = 90_000  # bytes; Gmail cuts a message off at 102 KB
FILLED_SIZE = 4_000  # bytes at most of a lead, a preheader and the links of a frame
TOKEN_SIZE = 90  # bytes of a reader's link behind the site's address
REMEMBERED = 10_000  # cards a process keeps in memory
CARDS_AT_ONCE = 200  # loaded, and rendered where nobody did
PREHEADER = 140  # characters; mail programs show up to that much behind the subject
TITLES = 4  # in a preheader at most
NUMBERS = [str(number) for number in range(1_000)]
TEXT_NUMBERS = [f"{number}.".ljust(4) for number in range(1_000)]

BLANK_NUMBER = "0000"
NO_NUMBER = " " * 4
PICK, FREE = "Editors’ pick", "From the editors"  # as they begin a reason; the templates set them apart
TRIAL_REASON = "The whole front, for a test"
TRIAL_LEAD = "This is a test: the whole front, as it stands now."
LEAST_NAMED = 40  # characters of a first title by which a subject is known to name it
FALLBACK_LEAD = (
    "None of today’s papers matched your topics, so here are the front’s best. "
    "Your next digest will keep to what you chose."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """One mail's HTML and text; where slots are still open, their marks stand in them."""

    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail's HTML and text, each cut at the reader's slots: texts at even places, names of slots at odd ones.

    Where one text that many digests hold meets another, a seam stands instead of a name.
    """

    html: tuple[str, ...]
    text: tuple[str, ...]

    def marked(self) -> Parts:
        """Return the mail whole, a mark in each slot."""
        marks = {name: slot(name) for name in READER_SLOTS} | {SEAM: ""}
        return Parts(fill_pieces(self.html, marks), fill_pieces(self.text, marks))


Item = tuple[IssueEntry, dict[str, Any], str]  # an entry, what readers see of it, and why


@dataclass(frozen=True, slots=True)
class Pieces:
    """A card's HTML and text, each cut at its number; what follows that, sewn on, is cut at the reader's slots."""

    html: tuple[str, tuple[str, ...]]
    text: tuple[str, tuple[str, ...]]
    size: int  # bytes of HTML
    title: str  # plain, as far as a preheader may show it
    summary: str
    is_free: bool = False  # no paper: it has no number and is not counted


class Order(NamedTuple):
    """What a digest stores, without the weight of a model: a batch may hold a thousand."""

    pk: int
    issue_id: int
    card_ids: list[int]
    is_fallback: bool
    subject: str


def compose(digest: Digest) -> Parts:
    """Return the mail of a digest with its reader slots open. One query, or none where its cards are known."""
    return opened(digest).marked()


def opened(digest: Digest | Order) -> Opened:
    """Return the mail of a digest cut at its reader slots. One query, or none where its cards are known."""
    frame, cards = frame_of(digest.issue_id), pieces_of(digest.card_ids)
    lead = FALLBACK_LEAD if digest.is_fallback else ""
    return fit(frame, cards, digest.subject, lead, lambda place, size: smaller_card(digest.card_ids[place], size))


def compose_trial(issue: Issue) -> Parts:
    """Return the whole front of an issue as it stands now, also of a draft."""
    entries = issue.entries.front().kept().select_related("paper").order_by("position")
    items = [(entry, entry.snapshot or snapshot_of(entry), TRIAL_REASON) for entry in entries]
    return compose_items(issue, items, issue.subject, TRIAL_LEAD)


def compose_items(issue: Issue, items: Sequence[Item], subject: str, lead: str = "") -> Parts:
    """Return the mail of entries in their order, rendered anew; nothing is read or stored."""
    frame, cards = cut_frame(render_frame(issue)), [render_pieces(*item) for item in items]
    return fit(frame, cards, subject, lead, lambda place, size: render_pieces(*items[place], size)).marked()


def fit(
    frame: "FramePieces", cards: Sequence[Pieces], subject: str, lead: str, at: Callable[[int, str], Pieces]
) -> Opened:
    """Join a mail, and where it would be too long, shorten its last papers and say so in the lead."""
    room = MOST_HTML - frame.size
    if sum(card.size for card in cards) > room:
        cards, count = shortened(cards, room, at)
        lead = f"{lead} {brief_lead(count)}".strip()
    return join(frame, cards, escape(preheader_of(cards, subject)), lead)


def brief_lead(count: int) -> str:
    return f"To keep this mail short, its last {f'{count} papers are' if count > 1 else 'paper is'} listed in brief."


def preheader_of(cards: Sequence[Pieces], subject: str) -> str:
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


def join(frame: "FramePieces", cards: Sequence[Pieces], preheader: str, lead: str) -> Opened:
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


def weave(frame: Sequence[str], values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Put what `values` names into its slots: a seam or a slot before each text. Other slots stay open."""
    woven = [frame[0]]
    for name, text in zip(frame[1::2], frame[2::2], strict=True):
        if name in values:
            woven += (*values[name], SEAM, text)
        else:
            woven += (name, text)
    return tuple(woven)


@lru_cache(maxsize=8)
def wrap_lead(lead: str) -> str:
    return f"{wrapped(lead)}\n\n" if lead else ""


def fill_pieces(pieces: Sequence[str], values: Mapping[str, str]) -> str:
    """Return the text of `pieces`: texts at even places, names of slots, to be filled from `values`, at odd ones."""
    filled = list(pieces)
    filled[1::2] = [values[name] for name in filled[1::2]]
    return "".join(filled)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with the slots that `values` names filled; other slots stay open."""
    return fill_pieces(cut(text, values), values)


def cut(text: str, names: Collection[str]) -> list[str]:
    """Cut `text` at the slots of `names`: texts at even places, names at odd ones."""
    return re.split(f"slot-{slot_key()}-({'|'.join(names)})-", text)


def slot(name: str) -> str:
    """Return the mark of an open slot, safe in HTML, in an address and in plain text."""
    return f"slot-{slot_key()}-{name}-"


@cache
def slot_key() -> str:
    return hmac.new(settings.SECRET_KEY.encode(), b"digest slots", hashlib.sha256).hexdigest()[:20]


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


known_cards: dict[int, Pieces] = {}


def pieces_of(card_ids: Iterable[int]) -> list[Pieces]:
    """Return cards in the order of their ids; what is not in memory is loaded, and rendered where nobody did.

    Raise CardsPruned where some are gone, or cannot be rendered.
    """
    card_ids = list(card_ids)
    remember(card_ids)
    try:
        return [known_cards[card_id] for card_id in card_ids]
    except KeyError as exc:
        raise CardsPruned from exc


def remember(card_ids: Collection[int]) -> None:
    """Have cards in memory, as far as they are still there; what is known before many digests saves each a query."""
    if missing := [card_id for card_id in card_ids if card_id not in known_cards]:
        if len(known_cards) > REMEMBERED:
            known_cards.clear()
            missing = list(card_ids)
        missing = sorted(set(missing))
        # Two who begin at once with the same cards do not wait for each other chunk by chunk.
        starts = range(0, len(missing), CARDS_AT_ONCE)
        for start in random.sample(starts, len(starts)):
            load_cards(missing[start : start + CARDS_AT_ONCE])


def load_cards(card_ids: Collection[int]) -> None:
    found = Card.objects.filter(pk__in=card_ids).select_related("entry")
    cards = list(found)
    if not all(map(is_rendered, cards)):
        with transaction.atomic():
            # One renders, and who waited finds it done; in one order, so that nobody waits in a circle.
            cards = list(found.order_by("pk").select_for_update(of=("self",), no_key=True))
            render_cards([card for card in cards if not is_rendered(card)])
    for card in cards:
        with left_out(card):
            known_cards[card.pk] = cut_card(Parts(card.html, card.text), card.entry, card.entry.snapshot)


def is_rendered(card: Card) -> bool:
    return slot("number") in card.html


STORE_CARDS = """
UPDATE digests_card card SET html = fresh.html, text = fresh.text
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS fresh(id, html, text) WHERE card.id = fresh.id
"""


@contextmanager
def left_out(card: Card) -> Iterator[None]:
    """Let a card that cannot be rendered cost its own digests, and no other."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError):
        logger.exception("Card %s cannot be rendered, and is left out", card.pk)


def render_cards(cards: Sequence[Card]) -> None:
    for card in cards:
        with left_out(card):
            parts = render_card(card.entry, card.entry.snapshot, card.reason)
            card.html, card.text = parts.html, parts.text
    with connection.cursor() as cursor:
        cursor.execute(STORE_CARDS, [[getattr(card, name) for card in cards] for name in ("id", "html", "text")])


@lru_cache(maxsize=1_000)
def smaller_card(card_id: int, size: str) -> Pieces:
    card = Card.objects.select_related("entry").get(pk=card_id)
    return render_pieces(card.entry, card.entry.snapshot, card.reason, size)


def render_pieces(entry: IssueEntry, card: dict[str, Any], reason: str, size: str = FULL) -> Pieces:
    return cut_card(render_card(entry, card, reason, size), entry, card)


def cut_card(parts: Parts, entry: IssueEntry, card: Mapping[str, Any]) -> Pieces:
    mark = slot("number")
    html, text = parts.html.partition(mark), parts.text.partition(mark)
    rest, rest_of_text = cut(html[2], CARD_SLOTS), cut(text[2] + "\n\n", CARD_SLOTS)
    links = len(rest) // 2 * (len(settings.SITE_URL) + TOKEN_SIZE)
    size = len("".join([html[0], BLANK_NUMBER, *rest[::2]]).encode()) + links
    title, summary = cut_at_word(card["title"], PREHEADER), brief(card["summary"], PREHEADER)
    pieces = (html[0], (SEAM, *rest)), (text[0], (SEAM, *rest_of_text))
    return Pieces(*pieces, size, title, summary, entry.is_free)


def render_frame(issue: Issue) -> Parts:
    slots = {name: slot(name) for name in (*READER_SLOTS, *DIGEST_SLOTS)}
    context = mail.publication() | slots | {"issue": issue}
    html = render_to_string("digests/mail/body.html", context)
    return Parts(mail.inline_styles(html), render_to_string("digests/mail/body.txt", context).strip() + "\n")


def render_card(entry: IssueEntry, card: dict[str, Any], reason: str, size: str = FULL) -> Parts:
    """Render one entry for one reason; a pure function of its snapshot. Its number is a slot, and its way to vote."""
    mark = FREE if entry.is_free else PICK if entry.is_pick else ""
    slots = {name: slot(name) for name in ("number", *CARD_SLOTS)}
    context = {"entry": entry, "card": card, "mark": mark, "why": why(card, reason), "size": size} | slots
    html = render_to_string("digests/mail/card.html", context)
    inlined = css_inline.inline_fragment(html, card_styles(), load_remote_stylesheets=False)
    # As wide as a number is, so that the title's lines end where they would.
    text = render_to_string("digests/mail/card.txt", context | {"number": BLANK_NUMBER}).strip()
    return Parts(str(inlined), slot("number") + text.removeprefix(BLANK_NUMBER) + "\n")


def why(card: Mapping[str, Any], reason: str) -> str:
    """Return the reason without the mark it begins with, the comments, and whether a reader proposed it."""
    comments = card["comments"]
    words = f"{comments:,} comment{'s' * (comments != 1)}" if comments else ""
    proposed = "proposed by a reader" if card.get("proposed_by") == BY_A_READER else ""
    reason = reason.removeprefix(PICK).removeprefix(FREE).removeprefix(" · ")
    return " · ".join(filter(None, [reason, words, proposed]))


@cache
def card_styles() -> str:
    return str(get_template("digests/mail/styles.css").render({}))

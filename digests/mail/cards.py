import logging
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, NamedTuple

import css_inline
from django.conf import settings
from django.db import connection, transaction
from django.template.loader import get_template, render_to_string

from digests.mail.size_limit import ABSTRACT, LINES
from digests.mail.slots import CARD_SLOTS, Parts, cut, slot
from digests.models import Card, CardsPruned
from digests.providers.interface import SEAM
from newsletter.excerpt import brief, cut_at_word
from newsletter.issues.models import IssueEntry
from newsletter.papers.community.proposals import BY_A_READER

logger = logging.getLogger(__name__)
TOKEN_SIZE = 90  # bytes of a reader's link after the site's address
MAX_IN_MEMORY = 10_000  # cards that a process keeps
CARDS_AT_ONCE = 200  # loaded, and if need be rendered, in one query
PREHEADER = 140  # characters; mail programs show at most that much after the subject

BLANK_NUMBER = "0000"
PICK, FREE = "Editors’ pick", "From the editors"  # a reason may begin with one; the templates show it as a mark


class EntryToRender(NamedTuple):
    """An entry with its snapshot, the reason why it comes, and the detail in which it is shown."""

    entry: IssueEntry
    card: dict[str, Any]
    reason: str
    detail: str = LINES


@dataclass(frozen=True, slots=True)
class CardTemplate:
    """A card's HTML and text. Each is cut at the number; what follows the number is a seam and cut at reader slots."""

    html: tuple[str, tuple[str, ...]]
    text: tuple[str, tuple[str, ...]]
    size: int  # bytes of HTML
    detail: str  # one of size_limit.LESS
    title: str  # plain text, cut to the length of a preheader
    summary: str
    is_free: bool = False  # a free item has no number and does not count as a paper


known_cards: dict[int, CardTemplate] = {}


def card_templates(card_ids: Iterable[int]) -> list[CardTemplate]:
    """Return the cards with these ids, in this order; load those that are not in memory, and render the new ones.

    Raise CardsPruned if one is gone or cannot be rendered.
    """
    card_ids = list(card_ids)
    load_into_memory(card_ids)
    try:
        return [known_cards[card_id] for card_id in card_ids]
    except KeyError as exc:
        raise CardsPruned from exc


def load_into_memory(card_ids: Collection[int]) -> None:
    """Load the cards that still exist into memory. Called once before many digests, it saves each of them a query."""
    if missing := [card_id for card_id in card_ids if card_id not in known_cards]:
        if len(known_cards) > MAX_IN_MEMORY:
            known_cards.clear()
            missing = list(card_ids)
        missing = sorted(set(missing))
        # In random order, so that two workers who begin with the same cards do not wait for each other at each chunk.
        starts = range(0, len(missing), CARDS_AT_ONCE)
        for start in random.sample(starts, len(starts)):
            load_cards(missing[start : start + CARDS_AT_ONCE])


def load_cards(card_ids: Collection[int]) -> None:
    found = Card.objects.filter(pk__in=card_ids).select_related("entry__issue")
    cards = list(found)
    if not all(map(is_rendered, cards)):
        with transaction.atomic():
            # One worker renders while the others wait and then find it done. Rows are locked in order of their ids, so
            # that workers cannot deadlock.
            cards = list(found.order_by("pk").select_for_update(of=("self",), no_key=True))
            render_cards([card for card in cards if not is_rendered(card)])
    for card in cards:
        with log_and_skip(card):
            parts = Parts(card.html, card.text)
            known_cards[card.pk] = cut_card(parts, card.entry, card.entry.snapshot, card.detail)


def is_rendered(card: Card) -> bool:
    return slot("number") in card.html


STORE_CARDS = """
UPDATE digests_card card SET html = fresh.html, text = fresh.text
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS fresh(id, html, text) WHERE card.id = fresh.id
"""


@contextmanager
def log_and_skip(card: Card) -> Iterator[None]:
    """Log that a card cannot be rendered and go on, so that only digests with this card fail."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError):
        logger.exception("Card %s cannot be rendered and is left out", card.pk)


def render_cards(cards: Sequence[Card]) -> None:
    for card in cards:
        with log_and_skip(card):
            parts = render_card(card.entry, card.entry.snapshot, card.reason, card.detail)
            card.html, card.text = parts.html, parts.text
    with connection.cursor() as cursor:
        cursor.execute(STORE_CARDS, [[getattr(card, name) for card in cards] for name in ("id", "html", "text")])


class SmallerCards:
    """The cards of one digest in less detail; each process renders a card once. One query if any is missing."""

    known: ClassVar[dict[tuple[int, str], CardTemplate]] = {}

    def __init__(self, card_ids: Sequence[int]) -> None:
        self.card_ids = card_ids

    @cached_property
    def rows(self) -> dict[int, Card]:
        return Card.objects.select_related("entry__issue").in_bulk(self.card_ids)

    def at(self, place: int, detail: str) -> CardTemplate:
        key = self.card_ids[place], detail
        if key not in self.known:
            if len(self.known) > MAX_IN_MEMORY:
                self.known.clear()
            card = self.rows[key[0]]
            self.known[key] = render_template(card.entry, card.entry.snapshot, card.reason, detail)
        return self.known[key]


def render_template(entry: IssueEntry, card: dict[str, Any], reason: str, detail: str = LINES) -> CardTemplate:
    return cut_card(render_card(entry, card, reason, detail), entry, card, detail)


def cut_card(parts: Parts, entry: IssueEntry, card: Mapping[str, Any], detail: str) -> CardTemplate:
    mark = slot("number")
    html, text = parts.html.partition(mark), parts.text.partition(mark)
    rest, rest_of_text = cut(html[2], CARD_SLOTS), cut(text[2] + "\n\n", CARD_SLOTS)
    links = len(rest) // 2 * (len(settings.SITE_URL) + TOKEN_SIZE)
    size = len("".join([html[0], BLANK_NUMBER, *rest[::2]]).encode()) + links
    title, summary = cut_at_word(card["title"], PREHEADER), brief(card.get("brief") or card["summary"], PREHEADER)
    pieces = (html[0], (SEAM, *rest)), (text[0], (SEAM, *rest_of_text))
    return CardTemplate(*pieces, size, detail, title, summary, entry.is_free)


def render_card(entry: IssueEntry, card: dict[str, Any], reason: str, detail: str = LINES) -> Parts:
    """Render one entry for one reason, from its snapshot alone. Its number and its vote link are slots."""
    mark = FREE if entry.is_free else PICK if entry.is_pick else ""
    slots = {name: slot(name) for name in ("number", *CARD_SLOTS)}
    context = {
        "entry": entry,
        "card": card,
        "mark": mark,
        "why": reason_below_mark(card, reason),
        "detail": detail,
        **slots,
    }
    context |= {"links": links_of(entry, card), "abstract": abstract_of(card) if detail == ABSTRACT else ""}
    html = render_to_string("digests/mail/card.html", context)
    inlined = css_inline.inline_fragment(html, card_styles(), load_remote_stylesheets=False)
    # The blank is as wide as a number, so that the lines of the title break in the same places.
    text = render_to_string("digests/mail/card.txt", context | {"number": BLANK_NUMBER}).strip()
    return Parts(str(inlined), slot("number") + text.removeprefix(BLANK_NUMBER) + "\n")


def abstract_of(card: Mapping[str, Any]) -> str:
    """Return the authors' abstract; beside an editor's own summary, the snapshot keeps it under a key of its own."""
    return str(card.get("abstract", card["summary"]))


def links_of(entry: IssueEntry, card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, URL) of the links below a paper; with the vote link there are at most four.

    “Project” is left out beside “Details”, whose page links to the project. Only front papers have such a page.
    """
    details = details_url(entry)
    links = {
        "PDF": card["pdf_url"],
        "Code": card["code_url"],
        "Project": "" if details else card["project_url"],
        "Details": details,
    }
    return [(name, url) for name, url in links.items() if url]


def details_url(entry: IssueEntry) -> str:
    if not entry.pk or not entry.paper_id or entry.shelf != IssueEntry.Shelf.FRONT:
        return ""
    return f"{settings.SITE_URL}{entry.issue.get_absolute_url()}#paper-{entry.position}"


def reason_below_mark(card: Mapping[str, Any], reason: str) -> str:
    """Return the reason without the mark that it begins with; add that a reader proposed the paper if one did."""
    proposed = "proposed by a reader" if card.get("proposed_by") == BY_A_READER else ""
    reason = reason.removeprefix(PICK).removeprefix(FREE).removeprefix(" · ")
    return " · ".join(filter(None, [reason, proposed]))


@cache
def card_styles() -> str:
    return str(get_template("digests/mail/styles.css").render({}))

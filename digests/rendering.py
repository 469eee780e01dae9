"""From a digest's order to a mail: cards and frame are rendered once an issue, and a mail is joined from them.

What differs from reader to reader are slots. A slot's mark is keyed, so that no paper's text can hold one.
"""

import hashlib
import hmac
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import get_template, render_to_string

from digests.models import Digest
from newsletter import mail
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publishing import snapshot_of

READER_SLOTS = ("preferences_url", "unsubscribe_url")
DIGEST_SLOTS = ("cards", "count", "preheader", "lead")
LEADS = {
    False: "",
    True: "None of today’s papers matched your topics, so here are the front’s best. "
    "Your next digest will keep to what you chose.",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """One mail's HTML and text, with slots still open."""

    html: str
    text: str


def compose(digest: Digest) -> Parts:
    """Return the mail of a digest with its reader slots open."""
    places = enumerate(zip(digest.entry_ids, digest.reasons, strict=True), start=1)
    cards = [card_of(entry_id, reason, number) for number, (entry_id, reason) in places]
    preheader = "Trending today" if digest.is_fallback else "What trends on your topics, and why it is here"
    return join(frame_of(digest.issue_id), cards, preheader, LEADS[digest.is_fallback])


def compose_trial(issue: Issue) -> Parts:
    """Return the whole front of an issue as it stands now, also of a draft."""
    entries = issue.entries.front().kept().select_related("paper").order_by("position")
    cards = [
        render_card(entry, entry.snapshot or snapshot_of(entry.paper), "The whole front, for a test", number)
        for number, entry in enumerate(entries, start=1)
    ]
    return join(render_frame(issue), cards, "A test", "This is a test: the whole front, as it stands now.")


def join(frame: Parts, cards: Sequence[Parts], preheader: str, lead: str) -> Parts:
    count = f"{len(cards)} paper" + ("s" if len(cards) != 1 else "")
    common = {"count": count, "preheader": preheader, "lead": lead}
    html = fill(frame.html, common | {"cards": "".join(card.html for card in cards)})
    common["lead"] = textwrap.fill(lead, 72)
    text = fill(frame.text, common | {"cards": "\n".join(card.text for card in cards)})
    return Parts(html, re.sub(r"\n{3,}", "\n\n", text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with the slots that `values` names filled; other slots stay open."""
    for name, value in values.items():
        text = text.replace(slot(name), value)
    return text


def slot(name: str) -> str:
    """Return the mark of an open slot, safe in HTML, in an address and in plain text."""
    return f"slot-{slot_key()}-{name}-"


@cache
def slot_key() -> str:
    return hmac.new(settings.SECRET_KEY.encode(), b"digest slots", hashlib.sha256).hexdigest()[:20]


@lru_cache(maxsize=16)
def frame_of(issue_id: int) -> Parts:
    """Render what surrounds the cards of a published issue; it is frozen, so once is enough."""
    return render_frame(Issue.objects.select_related("curated_by").get(pk=issue_id))


@lru_cache(maxsize=8192)
def card_of(entry_id: int, reason: str, number: int) -> Parts:
    """Render one entry of a published issue for one reason; a pure function of its snapshot."""
    entry = IssueEntry.objects.get(pk=entry_id)
    return render_card(entry, entry.snapshot, reason, number)


def render_frame(issue: Issue) -> Parts:
    slots = {name: slot(name) for name in (*READER_SLOTS, *DIGEST_SLOTS)}
    context = mail.publication() | slots | {"issue": issue}
    html = render_to_string("digests/mail/body.html", context)
    return Parts(mail.inline_styles(html), render_to_string("digests/mail/body.txt", context).strip() + "\n")


def render_card(entry: IssueEntry, card: dict[str, Any], reason: str, number: int) -> Parts:
    context = {"entry": entry, "card": card, "reason": reason, "number": number}
    html = render_to_string("digests/mail/card.html", context)
    inlined = css_inline.inline_fragment(html, card_styles(), load_remote_stylesheets=False)
    return Parts(str(inlined), render_to_string("digests/mail/card.txt", context).strip() + "\n")


@cache
def card_styles() -> str:
    return str(get_template("digests/mail/styles.css").render({}))

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from digests.providers.interface import SEAM

LINK_SLOTS = ("preferences_url", "pause_url", "unsubscribe_url", "view_url", "propose_url", "vote_url")
WORD_SLOTS = ("choice_html", "rhythm_html", "again_html", "choice_text", "rhythm_text", "again_text")
READER_SLOTS = LINK_SLOTS + WORD_SLOTS
CARD_SLOTS = ("vote_url",)  # of the reader's, in each card
DIGEST_SLOTS = ("cards", "count", "heading", "issue_link", "preheader", "lead")


@dataclass(frozen=True, slots=True)
class Parts:
    """One mail's HTML and text; where slots are still open, their marks stand in them."""

    html: str
    text: str


@dataclass(frozen=True, slots=True)
class OpenMail:
    """One mail's HTML and text, each cut at the reader's slots: texts at even places, names of slots at odd ones.

    Between two texts that many digests share, a seam stands in place of a slot's name.
    """

    html: tuple[str, ...]
    text: tuple[str, ...]

    def with_marks(self) -> Parts:
        """Return the mail whole, a mark in each slot."""
        marks = {name: slot(name) for name in READER_SLOTS} | {SEAM: ""}
        return Parts(fill_pieces(self.html, marks), fill_pieces(self.text, marks))


def weave(frame: Sequence[str], values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Fill the slots that `values` names; each value begins with a seam or slot. Other slots stay open."""
    woven = [frame[0]]
    for name, text in zip(frame[1::2], frame[2::2], strict=True):
        if (value := values.get(name)) is None:
            woven += (name, text)
        else:
            woven += value
            woven += (SEAM, text)
    return tuple(woven)


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

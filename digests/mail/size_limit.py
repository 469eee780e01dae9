"""How a mail that is too long for one is made to fit: its last papers say less, and each keeps its title. Pure."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

# How much of a paper a card shows. Readers choose among the first, the second and TITLE: Preferences.Detail.
ABSTRACT, LINES, SHORT, TITLE, LINKED, BARE = "abstract", "lines", "short", "title", "linked", "bare"
LESS = (ABSTRACT, LINES, SHORT, TITLE, LINKED, BARE)  # each shows less than the one before
# Two lines instead of the abstract, then none, then a title line, then a title without its link, for addresses as long
# as a page.
STEPS = (LINES, SHORT, LINKED, BARE)


class Piece(Protocol):
    @property
    def size(self) -> int: ...

    @property
    def detail(self) -> str: ...


AnyPiece = TypeVar("AnyPiece", bound=Piece)


def shorten_to_fit(full: Sequence[AnyPiece], room: int, at: Callable[[int, str], AnyPiece]) -> list[AnyPiece]:
    """Return pieces that fit into `room`: the last ones are shortened first, all by one step before the next.

    `at` gives the piece of a place in less detail. Where even the least does not fit, that is returned.
    """
    pieces = list(full)
    excess = sum(piece.size for piece in pieces) - room
    for detail in STEPS:
        for place in reversed(range(len(pieces))):
            if excess <= 0:
                return pieces
            if is_less(detail, pieces[place].detail):
                smaller = at(place, detail)
                excess -= pieces[place].size - smaller.size
                pieces[place] = smaller
    return pieces


def is_less(detail: str, than: str) -> bool:
    return LESS.index(detail) > LESS.index(than)

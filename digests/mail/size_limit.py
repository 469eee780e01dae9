"""How a mail that is too long for one is made to fit: its last papers say less, and each keeps its title. Pure."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

FULL, SHORT, LINE, BARE = "full", "short", "line", "bare"
# Without the summary, then a title line, then a title without its link, for addresses as long as a page.
SMALLER = (SHORT, LINE, BARE)


class Sized(Protocol):
    @property
    def size(self) -> int: ...


Piece = TypeVar("Piece", bound=Sized)


def shorten_to_fit(full: Sequence[Piece], room: int, at: Callable[[int, str], Piece]) -> tuple[list[Piece], int]:
    """Return pieces that fit into `room`, and how many of them had to be shortened: the last ones first.

    `at` gives the piece of a place in a smaller size. Where even the smallest do not fit, those are returned.
    """
    pieces, shortest = list(full), len(full)
    excess = sum(piece.size for piece in pieces) - room
    for size in SMALLER:
        for place in reversed(range(len(pieces))):
            if excess <= 0:
                return pieces, len(pieces) - shortest
            smaller = at(place, size)
            excess -= pieces[place].size - smaller.size
            pieces[place] = smaller
            shortest = min(shortest, place)
    return pieces, len(pieces) - shortest

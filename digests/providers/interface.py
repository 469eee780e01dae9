"""What every provider takes and answers; a part of the flow that knows no table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol, Self

from newsletter.mail.outcome import SendOutcome

SEAM = ""  # stands where a slot's name does between two texts with nothing between them


@dataclass(frozen=True, slots=True)
class SharedBody:
    """What all readers of one digest share.

    HTML and text have texts at even places and names of the reader's slots, or seams, at odd ones. Where a text that
    many digests hold is cut off by seams, a card say, its encoded form is kept, and a digest becomes a join.
    """

    key: int  # the digest's id: equal keys mean equal content
    subject: str
    html: tuple[str, ...]
    text: tuple[str, ...]
    headers: Mapping[str, str]
    tag: str = "digest"


def slots_of(parts: Sequence[str]) -> set[str]:
    return {*parts[1::2]} - {SEAM}


def without_seams(parts: Sequence[str]) -> list[str]:
    """Return the same texts and names of slots, texts joined where a seam was. Each is copied once: they are long."""
    cuts = [-1, *(at for at in range(1, len(parts), 2) if parts[at] != SEAM), len(parts)]
    result = ["".join(parts[cuts[0] + 1 : cuts[1] : 2])]
    for at, following in pairwise(cuts[1:]):
        result += [parts[at], "".join(parts[at + 1 : following : 2])]
    return result


@dataclass(frozen=True, slots=True)
class Copy:
    """What is one reader's: the address as it is stored, and the links that fill the slots."""

    delivery_id: int
    to: str
    slots: Mapping[str, str]


class Mail(NamedTuple):
    content: SharedBody
    copy: Copy


class Provider(Protocol):
    """Hands mails over and says what is known of each. Connections open at the first call and stay until the end.

    `submit` takes up to `most` × `window` mails, makes one call for every `most` of them, and answers in their order;
    it raises nothing that a provider can cause. Where `most` is 1, give it a whole window: SMTP spreads it over its
    connections.
    """

    lane: str  # "single", "merge", "array" or "smtp"
    most: int  # mails a call; with mails of our size no limit of the provider can be passed
    shares_content: bool  # a call holds mails of one content
    window: int  # calls a commit
    can_repeat: bool  # the same mails with the same key may be submitted again

    @property
    def longest(self) -> float:
        """Return the seconds that one call may take."""

    def rounds(self, mails: int) -> int:
        """Return how many calls after another it takes to submit so many mails at once."""

    def submit(self, mails: Sequence[Mail], key: str = "") -> list[SendOutcome]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

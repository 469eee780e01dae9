"""What every provider takes and returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import NamedTuple, Protocol, Self

from newsletter.mail.provider_answer import SendOutcome

SEAM = ""  # in place of a slot's name, between two texts that just follow each other
Words = tuple[tuple[str, str], ...]  # names, and one plain line each


@dataclass(frozen=True, slots=True)
class SharedBody:
    """What all readers of one digest share.

    `html` and `text` hold texts at even indexes, and names of the reader's slots or seams at odd ones. Seams set apart
    the texts that many digests hold, such as cards, so that their encoded form is cached and a digest is a join.
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
    """Return the same texts and slot names with the texts around each seam joined; each text is copied once."""
    cuts = [-1, *(at for at in range(1, len(parts), 2) if parts[at] != SEAM), len(parts)]
    result = ["".join(parts[cuts[0] + 1 : cuts[1] : 2])]
    for at, following in pairwise(cuts[1:]):
        result += [parts[at], "".join(parts[at + 1 : following : 2])]
    return result


@lru_cache(maxsize=10_000)
def word_slots(words: Words) -> Mapping[str, str]:
    """Return what fills the slots of `words`: `name_html`, escaped, in the HTML, and `name_text` in the text.

    >>> word_slots((("choice", "R&D"),))
    {'choice_html': 'R&amp;D', 'choice_text': 'R&D'}
    """
    slots = {f"{name}_html": escape(line) for name, line in words}
    return slots | {f"{name}_text": line for name, line in words}


@dataclass(frozen=True, slots=True)
class Copy:
    """What differs by reader: the stored address, links, the Message-ID before its @, and words. Links and words fill
    the slots.

    The last two are for SMTP, and empty where no mailbox reads what returns: the envelope address of this mail, and
    the address by which the reader unsubscribes by mail.
    """

    delivery_id: int
    to: str
    links: Mapping[str, str]
    message_id: str
    words: Words = ()
    return_to: str = ""
    unsubscribe_to: str = ""

    def slots(self) -> dict[str, str]:
        return {**self.links, **word_slots(self.words)}


class Mail(NamedTuple):
    content: SharedBody
    copy: Copy


Call = Callable[[str], list[SendOutcome]]  # makes a call under a key, and returns one outcome a mail


class Provider(Protocol):
    """Hands mails over and returns their outcomes. Connections open at the first call and stay open until `close`.

    `split` cuts mails into what the provider takes in one call, `prepare` builds such a call, and the function that it
    returns makes it; `submit` does all three. None raises what a provider caused. Where `most` is 1, pass a whole
    window: SMTP spreads it over its connections.
    """

    lane: str  # "single", "merge", "mixed", "array" or "smtp"
    most: int  # mails a call, such that mails of our size stay below every limit of the provider
    shares_content: bool  # all mails of a call are of one digest
    window: int  # calls a commit
    can_repeat: bool  # submitting the same mails with the same key again is safe
    can_overlap: bool  # prepared calls may be made at the same time, each in a thread of its own

    @property
    def longest(self) -> float:
        """Return the seconds that one call takes at most."""

    def rounds(self, mails: int) -> int:
        """Return how many calls in sequence it takes to submit this many mails."""

    def split(self, mails: Sequence[Mail]) -> list[Sequence[Mail]]: ...

    def prepare(self, mails: Sequence[Mail]) -> Call: ...

    def submit(self, mails: Sequence[Mail], key: str = "") -> list[SendOutcome]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

"""What every provider takes and answers; a part of the flow that knows no table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from newsletter.mail import Outcome


@dataclass(frozen=True, slots=True)
class Content:
    """What all readers of one digest share."""

    key: int  # the digest's id: equal keys mean equal content
    subject: str
    html: tuple[str, ...]  # texts at even places, names of the reader's slots at odd ones
    text: tuple[str, ...]
    headers: Mapping[str, str]
    tag: str = "digest"


@dataclass(frozen=True, slots=True)
class Copy:
    """What is one reader's: the address as it is stored, and the links that fill the slots."""

    delivery_id: int
    to: str
    slots: Mapping[str, str]


class Mail(NamedTuple):
    content: Content
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

    def submit(self, mails: Sequence[Mail], key: str = "") -> list[Outcome]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

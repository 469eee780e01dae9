"""What every mailbox does that returned mail is read from."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self


class Fetched(NamedTuple):
    """A mail, or the beginning of one; `size` counts the bytes of all of it."""

    raw: bytes
    size: int


class Mailbox(Protocol):
    """Lists mails by names of its own, hands them out, and moves them to other folders."""

    def waiting(self) -> Iterator[str]: ...

    def fetch(self, name: str, most: int) -> Fetched | None: ...

    def move(self, name: str, folder: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

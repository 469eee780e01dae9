"""What the provider answers, for as long as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager

from anymail.signals import pre_send


@contextmanager
def answering(error: Exception, *, once: bool = False) -> Iterator[None]:
    """Answer sends with `error` while the block runs, or only the first of them."""
    left = [error] if once else None

    def answer(sender: object, message: object, **_: object) -> None:
        if left is None:
            raise error
        if left:
            raise left.pop()

    pre_send.connect(answer)
    try:
        yield
    finally:
        pre_send.disconnect(answer)

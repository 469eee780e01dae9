"""What the provider answers, for as long as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anymail.exceptions import AnymailRequestsAPIError
from anymail.signals import pre_send
from django.core import mail
from requests import Response


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


def http_error(status: int, **headers: str) -> AnymailRequestsAPIError:
    """Return what Anymail raises for an answer of the provider with this status."""
    response = Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return AnymailRequestsAPIError("refused", response=response)


def sent() -> list[Any]:
    """Return the mails that were accepted, oldest first, with all that Anymail knows of them."""
    return mail.outbox

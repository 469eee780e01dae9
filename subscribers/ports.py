"""What letters and sign-up pages ask of sending. `digests` lies above this app and connects its functions here."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Sending:
    is_held: Callable[[], bool]  # this database may be a restored backup: no letter may leave
    count_sent_today: Callable[[], int]  # mails that the provider of letters was given on this day of UTC
    first_digest: Callable[[], str]  # when a reader who confirms now is mailed: “now”, “stopped” or “no issue”


_connected: list[Sending] = []


def connect(sending: Sending) -> None:
    _connected[:] = [sending]


def sending() -> Sending:
    if not _connected:
        raise ImproperlyConfigured("Nothing is connected to subscribers.ports: is “digests” in INSTALLED_APPS?")
    return _connected[0]

"""What letters and sign-up pages ask of sending. `digests` lies above this app and connects its functions here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class FirstDigest:
    """What a reader who has just confirmed gets, and when the next issue reaches that reader."""

    kind: str  # “now”, “stopped”, “no issue” or “all had”
    next_at: datetime  # in UTC


@dataclass(frozen=True, slots=True)
class Sending:
    is_held: Callable[[], bool]  # this database may be a copy: no letter may leave
    count_sent_today: Callable[[], int]  # mails that the provider of letters was given on this day of UTC
    first_digest: Callable[[int], FirstDigest]  # of the reader with this id, who has just confirmed
    # Give the readers with these address hashes back what bounced between two moments; return how many mails.
    give_back_bounced: Callable[[Collection[str], datetime, datetime], int]


_connected: list[Sending] = []


def connect(sending: Sending) -> None:
    _connected[:] = [sending]


def sending() -> Sending:
    if not _connected:
        raise ImproperlyConfigured("Nothing is connected to subscribers.ports: is “digests” in INSTALLED_APPS?")
    return _connected[0]

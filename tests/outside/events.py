"""A provider's later events about the mails it accepted: in its own format, signed, and late, doubled or shuffled."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import orjson

from tests.outside.interfaces.api import Api, Kind
from tests.outside.ledger import Entry


@dataclass(frozen=True, slots=True)
class Event:
    """One webhook call, ready to be posted."""

    address: str
    kind: Kind
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Which events come, how often and in which order; the same seed gives the same ones."""

    kinds: Sequence[Kind] = (Kind.DELIVERED,)  # each mail has all of them, in this order
    copies: int = 1
    is_shuffled: bool = False
    share: float = 1.0  # of the mails that have events at all
    age: float = 0.0  # seconds by which the event is late, by its own time; its signature is of now
    seed: int = 0


def events(api: Api, entries: Iterable[Entry], reports: Reports) -> list[Event]:
    chance = random.Random(reports.seed)
    told = [entry for entry in entries if entry.accepted and chance.random() < reports.share]
    once = [event_of(api, entry, kind, reports.age) for entry in told for kind in reports.kinds]
    found = [event for event in once for _ in range(reports.copies)]
    if reports.is_shuffled:
        chance.shuffle(found)
    return found


def event_of(api: Api, entry: Entry, kind: Kind, age: float) -> Event:
    now = time.time()
    body = orjson.dumps(api.event(entry, kind, now - age))
    headers = {"Content-Type": "application/json", **api.headers(body, now)}
    return Event(entry.address, kind, headers, body)


def post(url: str, found: Iterable[Event]) -> Iterator[int]:
    """Post one event after another on one connection; yield the status of each answer."""
    target = urlsplit(url)
    assert target.hostname
    connection = HTTPConnection(target.hostname, target.port, timeout=30)
    for event in found:
        connection.request("POST", target.path, event.body, event.headers)
        answer = connection.getresponse()
        answer.read()
        yield answer.status
    connection.close()

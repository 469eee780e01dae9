"""What every provider's look-up takes and returns, and the one bounded call they all make."""

import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

import requests
from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.signals import AnymailTrackingEvent
from django.utils.module_loading import import_string

from digests.provider_events.posted_events import UNREADABLE
from digests.providers.base import METADATA
from newsletter.mail.provider_answer import requested_wait

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0  # for one answer, from the first byte sent to the last received
MOST_BYTES = 4_000_000  # of one answer
CHUNK_BYTES = 65_536
CLOCKS_APART = timedelta(minutes=2)  # the provider's clock and ours
NOT_ALLOWED_WAIT = timedelta(hours=1)  # a person has to change a key or a plan
TROUBLE_WAIT = timedelta(minutes=5)
NOT_ALLOWED = {
    401: "does not accept our key for this",
    402: "wants to be paid for this",
    403: "does not let our key or plan ask",
    404: "does not know our domain or account",
}


class LookupFailed(Exception):
    """The provider did not answer the question; the message says why in a sentence. Ask again after `wait`."""

    def __init__(self, reason: str, wait: timedelta = TROUBLE_WAIT) -> None:
        super().__init__(reason)
        self.wait = wait


class Doubt(NamedTuple):
    """A delivery that may have been sent, with what a provider's records may be searched by."""

    delivery_id: int
    to: str  # the reader's address
    subject: str
    since: datetime  # it was sent after this moment, if at all
    until: datetime  # and before this one
    is_alone: bool  # no other digest can have gone to this reader between the two


class Reply(NamedTuple):
    """What one call found. `unread` are deliveries that a call with `after` has to go on with."""

    events: list[AnymailTrackingEvent]
    after: str = ""
    unread: frozenset[int] = frozenset()


class Lookup(ABC):
    """Asks one provider. Keys, addresses and sessions are those of Anymail's backend, by which its mails are sent."""

    backend_name: str  # Anymail's module
    name: str  # Anymail's name of the provider, which events are stored under
    calls_a_minute: int  # well below the provider's limit, which sending may need
    most = 1  # deliveries a call
    needs_alone = False  # its records name no delivery, so that only address, subject and time tell mails apart

    def __init__(self) -> None:
        """Raise AnymailConfigurationError if this provider's key is not set."""
        backend = import_string(f"anymail.backends.{self.backend_name}.EmailBackend")
        self.backend: AnymailRequestsBackend = backend()
        self.backend.open()

    @abstractmethod
    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        """Make one call about at most `most` deliveries, which all go on from `after`, empty at first.

        Raise LookupFailed, and one of UNREADABLE for an answer of an unknown shape.
        """

    def get(self, path: str, params: Mapping[str, str | int], **how: Any) -> Any:
        """Return the JSON that the provider answers to a GET, bounded in time and bytes. Raise LookupFailed."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        try:
            with self.session.get(
                f"{self.backend.api_url}{path}",
                params=params,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
                **how,
            ) as response:
                fail_for_status(response)
                return json.loads(read_bounded(response, deadline))
        except (ValueError, RecursionError) as exc:
            raise LookupFailed("Its answer is not JSON.") from exc
        except (requests.RequestException, OSError) as exc:
            raise LookupFailed(f"It cannot be reached ({type(exc).__name__}).") from exc

    @property
    def session(self) -> requests.Session:
        session: requests.Session = self.backend.session
        return session

    def event(
        self, doubt: Doubt, event_type: str, at: datetime | None, message_id: str, record: Any, **more: Any
    ) -> AnymailTrackingEvent:
        """Return an event about `doubt` in the form in which Anymail reads webhooks."""
        return AnymailTrackingEvent(
            event_type=event_type,
            timestamp=at,
            message_id=message_id,
            recipient=doubt.to,
            metadata={METADATA: str(doubt.delivery_id)},
            esp_event=record,
            event_id=None,
            **{"description": None, "mta_response": None, "reject_reason": None, "tags": [], **more},
        )

    def close(self) -> None:
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def fail_for_status(response: requests.Response) -> None:
    status = response.status_code
    if status == 429:
        wish = response.headers.get("Retry-After") or ""
        raise LookupFailed("It asked for a pause (429).", requested_wait(wish))
    if status in NOT_ALLOWED:
        raise LookupFailed(f"It {NOT_ALLOWED[status]} ({status}).", NOT_ALLOWED_WAIT)
    if status != 200:
        raise LookupFailed(f"It gave no answer ({status}).")


def read_bounded(response: requests.Response, deadline: float) -> bytes:
    body = b""
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > MOST_BYTES:
            raise LookupFailed(f"Its answer is longer than {MOST_BYTES:,} bytes.")
        if time.monotonic() > deadline:
            raise LookupFailed("Its answer took too long.")
    return body


def rows_of(answer: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects in the list `name` of an answer; other things in it are left out.

    Raise LookupFailed if there is no such list.
    """
    rows = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise LookupFailed("Its answer has another form than documented.")
    return [row for row in rows if isinstance(row, dict)]


def read_each(
    read: Callable[[dict[str, Any]], AnymailTrackingEvent], rows: Iterable[dict[str, Any]]
) -> Iterator[AnymailTrackingEvent]:
    """Yield what `read` makes of each row; log and skip those that it cannot read."""
    for row in rows:
        try:
            yield read(row)
        except UNREADABLE as exc:
            logger.warning("Cannot read a record of a provider: %s", type(exc).__name__)


def moment_of(text: object) -> datetime | None:
    """Return a moment written as in ISO 8601, in UTC where it names no zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_within(doubt: Doubt, moment: datetime | None) -> bool:
    return moment is not None and doubt.since - CLOCKS_APART <= moment <= doubt.until + CLOCKS_APART


def is_same_subject(doubt: Doubt, subject: object) -> bool:
    return " ".join(str(subject).split()) == " ".join(doubt.subject.split())


def is_to(doubt: Doubt, address: object) -> bool:
    return str(address).strip().lower() == doubt.to.lower()

"""The base of HTTP lanes. Anymail's backends still supply URLs, keys, sessions, statuses and errors.

Only the payload is our own, because Anymail's parses every address of a call: Anymail builds a message with holes
once, the result is cut at the holes, and each call is a join.
"""

import logging
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from anymail.message import AnymailMessage, AnymailRecipientStatus

from digests.providers.base import UNSUBSCRIBE_SLOT, ProviderBase, with_faults, without_unsubscribe
from digests.providers.byte_template import ByteTemplate, address_hole, fill, hole, json_inner
from digests.providers.http_session import Session
from digests.providers.interface import Call, Copy, Mail, SharedBody, Words, slots_of, word_slots
from newsletter.mail import message as mail
from newsletter.mail import provider_answer
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.refusal import Blame, read_refusal

logger = logging.getLogger(__name__)
CACHED_BODIES = 8
CACHED_FRAMES = 32
# Words of a 4xx answer that concern our account or sender, and no reader.
BLAMES_SENDER = re.compile(
    r"\bsender|'from'|\bfrom (?:address|parameter|field|email)|api.?key|\baccount|\bcredits?\b|\bplan\b"
)
# Words that surely mean that the one address of a call is invalid.
BLAMES_ADDRESS = re.compile(r"\bto'? parameter is not a valid|not valid in to\b|invalid [`'\"]?to[`'\"]? field")
ANSWER_READ = 20_000  # characters


class Recipient(NamedTuple):
    """What Anymail needs of an address to read an answer."""

    addr_spec: str


@dataclass(slots=True)
class Request:
    """Takes the place of Anymail's payload."""

    params: dict[str, Any]
    recipients: list[Recipient]
    sender_domain: str = ""
    cc_and_bcc_emails: list[Recipient] = field(default_factory=list)

    def get_request_params(self, api_url: str) -> dict[str, Any]:
        return self.params

    @property
    def all_recipients(self) -> list[Recipient]:
        return self.recipients

    to_recipients = to_emails = all_recipients


class HttpLane(ProviderBase):
    """One request a call. A provider's file adds how its frame is cut and how its body is joined."""

    can_overlap = True
    mark: bytes  # precedes a reader's own List-Unsubscribe in the body
    most_bytes = 0  # of one mail, 0 for no limit; `most` such mails stay below the provider's limit

    def __init__(self, backend: AnymailRequestsBackend) -> None:
        self.backend = backend
        self.frames: dict[Any, Any] = {}
        self.contents: dict[int, Any] = {}

    def open(self) -> None:
        if self.backend.session is None:
            self.backend.session = Session(self.backend.create_session())

    def close(self) -> None:
        self.backend.close()

    def split(self, mails: Sequence[Mail]) -> list[Sequence[Mail]]:
        return [mails[first : first + self.most] for first in range(0, len(mails), self.most)]

    def build_call(self, mails: Sequence[Mail]) -> Call:
        try:
            params, faults = self.build(mails)
            self.open()
        except AnymailError as exc:  # concerns what all digests share, and no reader
            outcomes = [replace(provider_answer.outcome_of_building(exc), status="not_accepted")] * len(mails)
            return lambda key: outcomes
        fit = [each for each, fault in zip(mails, faults, strict=True) if fault is None]
        return with_faults(faults, lambda key: self.post(params, fit, key) if fit else [])

    @abstractmethod
    def build(self, mails: Sequence[Mail]) -> tuple[dict[str, Any], list[SendOutcome | None]]:
        """Return the request, and for each mail the refusal that keeps it out of the request, or None."""

    def post(self, params: dict[str, Any], mails: Sequence[Mail], key: str) -> list[SendOutcome]:
        """Make the call. From here on, only a clear answer proves that nothing was accepted."""
        request = Request(params, [Recipient(each.copy.to) for each in mails])
        try:
            response = self.backend.post_to_esp(request, None)
            return self.read(response, request, mails)
        except AnymailRequestsAPIError as exc:
            return outcomes_of_refusal(exc, mails)
        except Exception as exc:  # the answer may have any shape, and every mail needs an outcome
            logger.warning(
                "Cannot read the provider's answer to a call of %s mails: %s", len(mails), type(exc).__name__
            )
            return [SendOutcome("unknown", reason="The provider's answer cannot be read.")] * len(mails)

    def read(self, response: Any, request: Request, mails: Sequence[Mail]) -> list[SendOutcome]:
        statuses = self.backend.parse_recipient_status(response, request, None)
        return [outcome_of_status(statuses.get(each.copy.to)) for each in mails]

    def frame_of(self, content: SharedBody) -> Any:
        """Return the frame for these headers, slots and tag, which all digests of an issue share; cached."""
        slots = tuple(sorted(slots_of(content.html) | slots_of(content.text)))
        key = (content.tag, slots, *content.headers.items())
        if key not in self.frames:
            if len(self.frames) >= CACHED_FRAMES:
                self.frames.clear()
            self.frames[key] = self.cut_frame(content.tag, content.headers, slots)
        return self.frames[key]

    @abstractmethod
    def cut_frame(self, tag: str, headers: Mapping[str, str], slots: Sequence[str]) -> Any: ...

    def kept(self, content: SharedBody) -> Any:
        """Return the encoded content; the last few are cached."""
        if content.key not in self.contents:
            if len(self.contents) >= CACHED_BODIES:
                del self.contents[next(iter(self.contents))]
            self.contents[content.key] = self.encode(content)
        return self.contents[content.key]

    @abstractmethod
    def encode(self, content: SharedBody) -> Any: ...

    def params_of(self, message: AnymailMessage) -> dict[str, Any]:
        """Return the parameters of the request that Anymail would make."""
        payload = self.backend.build_message_payload(message, self.backend.send_defaults)
        params: dict[str, Any] = payload.get_request_params(self.backend.api_url)
        return params

    def item(self, pieces: ByteTemplate, copy: Copy) -> tuple[bytes, SendOutcome | None]:
        """Return one reader's part of the call, and the refusal that its bytes show, or None."""
        values = {name.encode(): json_inner(link) for name, link in copy.links.items()}
        values |= encode_words(copy.words)
        values |= {b"to": json_inner(copy.to), b"delivery": b"%d" % copy.delivery_id}
        data = fill(pieces, values)
        if self.mark + b"<" + values[UNSUBSCRIBE_SLOT.encode()] + b'>"' not in data:
            return data, without_unsubscribe()
        if self.most_bytes and len(data) > self.most_bytes:
            return data, SendOutcome("refused", reason="This mail is too large for the provider.", code="size")
        return data, None


@lru_cache(maxsize=10_000)
def encode_words(words: Words) -> dict[bytes, bytes]:
    return {name.encode(): json_inner(line) for name, line in word_slots(words).items()}


def message_with_holes(tag: str, headers: Mapping[str, str], metadata: dict[str, str]) -> AnymailMessage:
    return mail.build(
        address_hole(), hole("subject"), hole("text"), hole("html"), tag=tag, headers=dict(headers), metadata=metadata
    )


def outcome_of_status(status: AnymailRecipientStatus | None) -> SendOutcome:
    match (status.status, status.message_id) if status else (None, None):
        case ("sent" | "queued", str(message_id)) if message_id:
            return SendOutcome("accepted", provider_id=message_id)
        case ("invalid" | "rejected", _):
            return SendOutcome(
                "refused", reason="The provider refuses the address.", code="address", is_permanent=True
            )
        case ("failed", _):
            return SendOutcome("refused", reason="The provider refused the mail.", code="failed", answer="failed")
    return SendOutcome("unknown", reason="The provider's answer does not name this mail.")


def outcomes_of_refusal(exc: AnymailRequestsAPIError, mails: Sequence[Mail]) -> list[SendOutcome]:
    """Return what an error answer means for each mail: an address it names is refused, others may go again."""
    outcome = provider_answer.outcome_of_http(exc)
    if not outcome.is_refused:
        return [outcome] * len(mails)
    said = exc.response.text[:ANSWER_READ].lower() if exc.response is not None else ""
    words = set(re.split(r"[\s'\"<>,;()\[\]{}\\]+", said))
    named = [not words.isdisjoint((to := each.copy.to.lower(), f"{to}.")) for each in mails]
    # An answer that repeats the whole call singles out no address.
    if any(named) and not (all(named) and len(mails) > 1):
        return [outcome_if_named(outcome, is_named) for is_named in named]
    if BLAMES_SENDER.search(said):
        why = f"The provider does not take our sender or account.{provider_answer.quoted(outcome.answer)}"
        return [SendOutcome("not_accepted", reason=why, code="sender", answer=outcome.answer)] * len(mails)
    if len(mails) > 1:
        why = f"The provider refused the whole call ({outcome.code})."
        return [SendOutcome("not_accepted", reason=why, code=outcome.code, wait=timedelta(0))] * len(mails)
    is_permanent = BLAMES_ADDRESS.search(said) is not None
    return [replace(outcome, is_permanent=is_permanent)]


def outcome_if_named(outcome: SendOutcome, is_named: bool) -> SendOutcome:
    """Return what an answer that names an address means; it may name it, and yet say that the fault is ours."""
    if not is_named:
        return SendOutcome("not_accepted", reason="Another address of the call was refused.", wait=timedelta(0))
    if read_refusal(outcome.answer).blame is Blame.US:
        return outcome
    return SendOutcome("refused", reason="The provider refuses the address.", code=outcome.code, is_permanent=True)

"""The interface that each provider's module implements: how it reads a call, answers it and reports on it."""

import base64
from abc import ABC, abstractmethod
from collections.abc import Sequence
from email.utils import getaddresses, parseaddr
from enum import StrEnum
from typing import Any

import orjson

from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer

WEBHOOK_SECRET = "provider:knocks"  # for the providers that sign nothing: user and password


class Kind(StrEnum):
    """What became of a mail that was accepted."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SOFT_BOUNCED = "soft_bounced"
    COMPLAINED = "complained"


class Refusal(Exception):
    """The whole call is refused for its content. No mail of it was accepted."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Api(ABC):
    """One provider's HTTP interface. With `is_counting`, mails have no bodies."""

    name: str

    def __init__(self, is_counting: bool = False) -> None:
        self.is_counting = is_counting

    @abstractmethod
    def settings(self, url: str) -> dict[str, str]:
        """Return the settings for ANYMAIL that send to this server instead of the provider's."""

    @abstractmethod
    def mails(self, request: Request) -> list[Mail]:
        """Return the mail of each recipient of a call. Raise Refusal if the provider refuses the whole call."""

    @abstractmethod
    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        """Accept the mails without trouble, give each its id, and return the answer to the caller."""

    @abstractmethod
    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        """Return the webhook's body for one accepted mail, before it is signed."""

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer what became of mails, from the accepted entries of the ledger."""
        return json_answer(404, {"message": "No such interface."})

    def headers(self, body: bytes, at: float) -> dict[str, str]:
        """Return the headers that prove to the webhook that a body comes from the provider."""
        return {"Authorization": basic_auth(WEBHOOK_SECRET)}


def basic_auth(user_and_password: str) -> str:
    return "Basic " + base64.b64encode(user_and_password.encode()).decode()


def accept(mail: Mail, message_id: str) -> None:
    mail.is_accepted, mail.message_id = True, message_id


def address_of(recipient: str) -> str:
    """Return the bare address of `Name <address>`; the usual form, a bare address, is returned at once."""
    return parseaddr(recipient)[1] if "<" in recipient else recipient.strip()


def addresses_of(recipients: str) -> list[str]:
    """Return the bare addresses of a header's list."""
    if "," not in recipients:
        return [address_of(recipients)]
    return [address for _, address in getaddresses([recipients])]


def decoded(words: object) -> dict[str, str]:
    """Return metadata that travels as JSON in one string."""
    try:
        found = orjson.loads(words) if isinstance(words, str) else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}

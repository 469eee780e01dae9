"""SendGrid: JSON; a message to one recipient in one personalization, as Anymail sends ours."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer, query_of

KEY = "key-of-sendgrid"
QUERY = re.compile(r"\(unique_args\['(\w+)'\]=\"([^\"]*)\"\)")
EVENTS: dict[Kind, dict[str, str]] = {
    Kind.DELIVERED: {"event": "delivered", "response": "250 OK"},
    Kind.BOUNCED: {
        "event": "bounce",
        "type": "bounce",
        "status": "5.1.1",
        "reason": "550 5.1.1 The email account does not exist.",
    },
    Kind.SOFT_BOUNCED: {
        "event": "bounce",
        "type": "blocked",
        "status": "4.2.2",
        "reason": "452 4.2.2 The mailbox is full.",
    },
    Kind.COMPLAINED: {"event": "spamreport"},
}


class SendGrid(Api):
    name = "sendgrid"

    def settings(self, url: str) -> dict[str, str]:
        return {"SENDGRID_API_URL": f"{url}/v3/", "SENDGRID_API_KEY": KEY}

    def mails(self, request: Request) -> list[Mail]:
        if not request.path.endswith("/mail/send"):
            raise Refusal(error(404, "No such interface."))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refusal(error(401, "The provided authorization grant is invalid, expired, or revoked"))
        message = orjson.loads(request.body)
        return [
            Mail(
                recipient["email"],
                message.get("subject", ""),
                content.get("text/plain", ""),
                content.get("text/html", ""),
                message.get("headers", {}),
                message.get("custom_args", {}) | part.get("custom_args", {}),
                message.get("categories", []),
            )
            for content in [{part["type"]: part["value"] for part in message["content"] if not self.is_counting}]
            for part in message["personalizations"]
            for recipient in part["to"]
        ]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        if any(mail.trouble == "invalid" for mail in mails):
            return error(400, "Does not contain a valid address.")
        message_id = uuid4().hex[:22]
        for number, mail in enumerate(mails):
            accept(mail, f"{message_id}.filter0001.1.{number}")
        return Answer(202, b"", {"X-Message-Id": message_id})

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer with the messages that carry a piece of metadata, as GET /v3/messages: without that metadata."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "The provided authorization grant is invalid, expired, or revoked")
        query = query_of(request)
        if not (wanted := QUERY.fullmatch(query["query"])):
            return error(400, "invalid query")
        found = [message_of(entry) for entry in entries if entry.metadata.get(wanted[1]) == wanted[2]]
        return json_answer(200, {"messages": found[: int(query["limit"])]})

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        about = {"email": entry.address, "timestamp": int(at), "sg_message_id": entry.message_id}
        return [EVENTS[kind] | about | entry.metadata | {"sg_event_id": uuid4().hex}]


def message_of(entry: Entry) -> dict[str, Any]:
    return {
        "from_email": "papers@papers.example.org",
        "msg_id": entry.message_id,
        "subject": entry.subject,
        "to_email": entry.address,
        "status": "delivered",
        "opens_count": 0,
        "clicks_count": 0,
        "last_event_time": f"{datetime.fromtimestamp(entry.at, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def error(status: int, words: str) -> Answer:
    return json_answer(status, {"errors": [{"message": words, "field": None, "help": None}]})

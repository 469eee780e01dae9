"""Postmark: JSON; a message, or up to 500 different ones a call, each answered for itself."""

import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept, address_of, addresses_of
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer, query_of

TOKEN = "token-of-postmark"
MESSAGES_A_CALL = 500
CALL_BYTES = 50_000_000
PATHS = re.compile(r"/email(/batch)?$")
EVENTS: dict[Kind, dict[str, Any]] = {
    Kind.DELIVERED: {"RecordType": "Delivery", "Details": "250 OK"},
    Kind.BOUNCED: {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "TypeCode": 1,
        "Name": "Hard bounce",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account does not exist.",
        "Inactive": True,
    },
    Kind.SOFT_BOUNCED: {
        "RecordType": "Bounce",
        "Type": "SoftBounce",
        "TypeCode": 4096,
        "Name": "Soft bounce",
        "Description": "Unable to temporarily deliver message (i.e. mailbox full).",
        "Details": "smtp;452 4.2.2 The mailbox is full.",
        "Inactive": False,
    },
    Kind.COMPLAINED: {
        "RecordType": "SpamComplaint",
        "Type": "SpamComplaint",
        "TypeCode": 512,
        "Name": "Spam complaint",
        "Description": "",
        "Inactive": True,
    },
}


class Postmark(Api):
    name = "postmark"

    def settings(self, url: str) -> dict[str, str]:
        return {"POSTMARK_API_URL": f"{url}/", "POSTMARK_SERVER_TOKEN": TOKEN}

    def mails(self, request: Request) -> list[Mail]:
        check(request)
        if len(request.body) > CALL_BYTES:
            raise Refusal(Answer(413, b"Request entity too large", content_type="text/html"))
        content = orjson.loads(request.body)
        messages = content if isinstance(content, list) else [content]
        if len(messages) > MESSAGES_A_CALL:
            raise Refusal(json_answer(422, error(410, "Too many batch messages.")))
        return [mail for message in messages for mail in self.copies(message)]

    def copies(self, message: dict[str, Any]) -> list[Mail]:
        text, html = ("", "") if self.is_counting else (message.get("TextBody", ""), message.get("HtmlBody", ""))
        headers = {header["Name"]: header["Value"] for header in message.get("Headers", [])}
        tags = [message["Tag"]] if "Tag" in message else []
        return [
            Mail(address, message.get("Subject", ""), text, html, headers, message.get("Metadata", {}), tags)
            for address in addresses_of(message.get("To", ""))
        ]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        """Answer for each mail; a single message has one recipient here, as ours have."""
        answers = [answer_for(mail) for mail in mails]
        if request.path.endswith("/batch"):
            return json_answer(200, answers)
        return json_answer(200 if mails[0].is_accepted else 422, answers[0])

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer with the messages that carry a piece of metadata, as GET /messages/outbound."""
        if request.headers.get("x-postmark-server-token") != TOKEN:
            return json_answer(401, error(10, "The Server Token you provided is not valid."))
        query = query_of(request)
        wanted = {name.removeprefix("metadata_"): value for name, value in query.items() if "metadata_" in name}
        found = [message_of(entry) for entry in entries if wanted.items() <= entry.metadata.items()]
        page = found[int(query["offset"]) :][: int(query["count"])]
        return json_answer(200, {"TotalCount": len(found), "Messages": page})

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        address = {"Recipient" if kind is Kind.DELIVERED else "Email": entry.address}
        moment = {
            "DeliveredAt" if kind is Kind.DELIVERED else "BouncedAt": datetime.fromtimestamp(at, UTC).isoformat()
        }
        number = {} if kind is Kind.DELIVERED else {"ID": zlib.crc32(f"{kind} {entry.message_id}".encode())}
        about = {"MessageID": entry.message_id, "Metadata": entry.metadata, "Tag": "".join(entry.tags[:1])}
        return EVENTS[kind] | about | address | moment | number


def check(request: Request) -> None:
    if not PATHS.search(request.path):
        raise Refusal(json_answer(404, error(404, "No such interface.")))
    if request.headers.get("x-postmark-server-token") != TOKEN:
        raise Refusal(json_answer(401, error(10, "The Server Token you provided is not valid.")))


def message_of(entry: Entry) -> dict[str, Any]:
    return {
        "Tag": "".join(entry.tags[:1]),
        "MessageID": entry.message_id,
        "To": [{"Email": entry.address, "Name": None}],
        "Cc": [],
        "Bcc": [],
        "Recipients": [entry.address],
        "ReceivedAt": datetime.fromtimestamp(entry.at, UTC).isoformat(),
        "From": "papers@papers.example.org",
        "Subject": entry.subject,
        "Attachments": [],
        "Status": "Sent",
        "TrackOpens": False,
        "TrackLinks": "None",
        "Metadata": entry.metadata,
        "Sandboxed": False,
        "MessageStream": "broadcast",
    }


def answer_for(mail: Mail) -> dict[str, Any]:
    address = address_of(mail.address)
    match mail.trouble:
        case "refused":
            return error(
                406,
                "You tried to send to a recipient that has been marked as inactive.\n"
                f"Found inactive addresses: {address.lower()}.\n"
                "Inactive recipients are ones that have generated a hard bounce or a spam complaint.",
            )
        case "invalid":
            return error(300, f"Invalid 'To' address: '{address}'.")
    accept(mail, str(uuid4()))
    moment = datetime.now(UTC).isoformat()
    return error(0, "OK") | {"MessageID": mail.message_id, "SubmittedAt": moment, "To": mail.address}


def error(code: int, words: str) -> dict[str, Any]:
    return {"ErrorCode": code, "Message": words}

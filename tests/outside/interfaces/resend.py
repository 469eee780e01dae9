"""Resend: JSON; one message, or up to a hundred a call, with idempotency keys; events are signed as by svix."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept, address_of, decoded
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer, query_of

KEY = "key-of-resend"
SIGNING_KEY = b"signs for resend, 32 bytes long."
MESSAGES_A_CALL = 100
PATHS = re.compile(r"/emails(/batch)?$")
BOUNCES = {
    Kind.BOUNCED: {
        "message": "The recipient's email provider sent a hard bounce message, but didn't specify the reason.",
        "type": "Permanent",
        "subType": "General",
    },
    Kind.SOFT_BOUNCED: {
        "message": "The recipient's email provider sent a bounce message because the recipient's inbox was full.",
        "type": "Transient",
        "subType": "MailboxFull",
    },
}
EVENTS = {
    Kind.DELIVERED: "email.delivered",
    Kind.BOUNCED: "email.bounced",
    Kind.SOFT_BOUNCED: "email.bounced",
    Kind.COMPLAINED: "email.complained",
}


class Resend(Api):
    name = "resend"

    def __init__(self, is_counting: bool = False) -> None:
        super().__init__(is_counting)
        self.taken: dict[str, tuple[bytes, Answer]] = {}  # what each key was used for, and the answer then

    def settings(self, url: str) -> dict[str, str]:
        secret = "whsec_" + base64.b64encode(SIGNING_KEY).decode()
        return {"RESEND_API_URL": f"{url}/", "RESEND_API_KEY": KEY, "RESEND_SIGNING_SECRET": secret}

    def mails(self, request: Request) -> list[Mail]:
        check(request)
        content = orjson.loads(request.body)
        messages = content if isinstance(content, list) else [content]
        if len(messages) > MESSAGES_A_CALL:
            raise Refusal(error(422, "validation_error", "The batch holds more than 100 emails."))
        return [mail for message in messages for mail in self.copies(message)]

    def copies(self, message: dict[str, Any]) -> list[Mail]:
        text, html = ("", "") if self.is_counting else (message.get("text", ""), message.get("html", ""))
        headers = message.get("headers", {})
        own = {tag["name"]: tag["value"] for tag in message.get("tags", [])}
        metadata = own | decoded(headers.get("X-Metadata"))
        recipients = [message["to"]] if isinstance(message["to"], str) else message["to"]
        return [
            Mail(address_of(recipient), message.get("subject", ""), text, html, headers, metadata)
            for recipient in recipients
        ]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        key = request.headers.get("idempotency-key", "")
        if not key:
            return fresh_answer(request, mails)
        if key in self.taken:
            return self.repeated_answer(key, request, mails)
        answer = fresh_answer(request, mails)
        if answer.status == 200:
            self.taken[key] = (request.body, answer)
        return answer

    def repeated_answer(self, key: str, request: Request, mails: Sequence[Mail]) -> Answer:
        body, answer = self.taken[key]
        for mail in mails:
            mail.trouble = "repeated"
        if body != request.body:
            return error(409, "invalid_idempotent_request", "The key was used for another payload.")
        return answer

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer with a page of what was sent, the newest first, as GET /emails: no header and no metadata."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "invalid_api_key", "API key is invalid")
        query, newest = query_of(request), [*reversed(entries)]
        ids = [entry.message_id for entry in newest]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        page = newest[start:][: int(query["limit"])]
        data = [mail_of(entry) for entry in page]
        return json_answer(200, {"object": "list", "has_more": start + len(page) < len(newest), "data": data})

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        moment = datetime.fromtimestamp(at, UTC).isoformat()
        data: dict[str, Any] = {"created_at": moment, "email_id": entry.message_id, "to": [entry.address]}
        data |= {"from": "papers@papers.example.org", "subject": entry.subject}
        data["headers"] = [{"name": name, "value": value} for name, value in entry.headers.items()]
        if kind in BOUNCES:
            data["bounce"] = BOUNCES[kind]
        return {"type": EVENTS[kind], "created_at": moment, "data": data}

    def headers(self, body: bytes, at: float) -> dict[str, str]:
        """Return svix's headers; their id is the event's, so that a repeated post has the same id."""
        identity, moment = f"msg_{uuid5(NAMESPACE_URL, body.decode()).hex}", str(int(at))
        signed = hmac.new(SIGNING_KEY, f"{identity}.{moment}.".encode() + body, hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(signed).decode()
        svix = {"svix-id": identity, "svix-timestamp": moment, "svix-signature": signature}
        return super().headers(body, at) | svix


def mail_of(entry: Entry) -> dict[str, Any]:
    return dict.fromkeys(("bcc", "cc", "reply_to", "scheduled_at")) | {
        "id": entry.message_id,
        "to": [entry.address],
        "from": "papers@papers.example.org",
        "created_at": datetime.fromtimestamp(entry.at, UTC).isoformat(),
        "subject": entry.subject,
        "last_event": "delivered",
    }


def check(request: Request) -> None:
    if not PATHS.search(request.path):
        raise Refusal(error(404, "not_found", "No such interface."))
    if request.headers.get("authorization") != f"Bearer {KEY}":
        raise Refusal(error(401, "invalid_api_key", "API key is invalid"))


def fresh_answer(request: Request, mails: Sequence[Mail]) -> Answer:
    """Accept all mails or none; in permissive mode, accept those that are valid."""
    wrong = [at for at, mail in enumerate(mails) if mail.trouble == "invalid"]
    is_permissive = request.headers.get("x-batch-validation") == "permissive"
    if wrong and not is_permissive:
        return error(422, "validation_error", "Invalid `to` field.")
    valid = [mail for mail in mails if mail.trouble != "invalid"]
    for mail in valid:
        accept(mail, str(uuid4()))
    if not request.path.endswith("/batch"):
        return json_answer(200, {"id": mails[0].message_id})
    errors = {"errors": [{"index": at, "message": "Invalid `to` field."} for at in wrong]} if is_permissive else {}
    return json_answer(200, {"data": [{"id": mail.message_id} for mail in valid]} | errors)


def error(status: int, name: str, words: str) -> Answer:
    return json_answer(status, {"statusCode": status, "name": name, "message": words})

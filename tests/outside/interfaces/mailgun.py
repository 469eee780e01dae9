"""Mailgun: forms; one call is one body for up to a thousand recipients, and is accepted or refused as a whole."""

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept, address_of, basic_auth
from tests.outside.interfaces.forms import Form, read_form
from tests.outside.interfaces.merging import Template
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer, query_of

KEY = "key-of-mailgun"
SIGNING_KEY = "signs-for-mailgun"
RECIPIENTS_A_CALL = 1000
CALL_BYTES = 25_000_000  # before they are compressed
OPTION_BYTES = 16_000  # of all fields o:, h: and v:
FIELDS = re.compile(r"(%recipient(?:\.[^%\s]+|_email|_name|_fname|_lname)?%|%(?:mailing_list_|tag_)?unsubscribe_url%)")
EVENTS: dict[Kind, dict[str, Any]] = {
    Kind.DELIVERED: {"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}},
    Kind.BOUNCED: {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "delivery-status": {"code": 550, "message": "5.1.1 The email account does not exist.", "description": ""},
    },
    Kind.SOFT_BOUNCED: {
        "event": "failed",
        "severity": "temporary",
        "reason": "generic",
        "delivery-status": {"code": 452, "message": "4.2.2 The mailbox is full.", "retry-seconds": 1800},
    },
    Kind.COMPLAINED: {"event": "complained"},
}


class Mailgun(Api):
    name = "mailgun"

    def settings(self, url: str) -> dict[str, str]:
        return {
            "MAILGUN_API_URL": f"{url}/v3",
            "MAILGUN_API_KEY": KEY,
            "MAILGUN_SENDER_DOMAIN": "papers.example.org",
            "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY,
        }

    def mails(self, request: Request) -> list[Mail]:
        check(request)
        if len(request.body) > CALL_BYTES:
            raise Refusal(Answer(413, b"Request entity too large", content_type="text/html"))
        form = read_form(request.headers.get("content-type", ""), request.body)
        recipients = [address_of(recipient) for kind in ("to", "cc", "bcc") for recipient in form.get(kind, [])]
        if not recipients:
            raise Refusal(complaint("to parameter is missing"))
        if len(recipients) > RECIPIENTS_A_CALL:
            raise Refusal(complaint("too many recipients, the limit is 1000"))
        options = [value for name, values in form.items() if name[:2] in ("o:", "h:", "v:") for value in values]
        if sum(map(len, options)) > OPTION_BYTES:
            raise Refusal(complaint("options are limited to 16 kB in total"))
        variables = orjson.loads(form["recipient-variables"][0]) if "recipient-variables" in form else {}
        copy = Copy(form, is_counting=self.is_counting)
        return [copy.for_recipient(address, variables.get(address, {})) for address in recipients]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        if any(mail.trouble == "invalid" for mail in mails):
            return complaint("to parameter is not a valid address. please check documentation")
        message_id = f"<{uuid4().hex}@papers.example.org>"
        for mail in mails:
            accept(mail, message_id)
        return json_answer(200, {"id": message_id, "message": "Queued. Thank you."})

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer with the events of each recipient that is asked for, as GET /v3/<domain>/events."""
        if request.headers.get("authorization") != basic_auth(f"api:{KEY}"):
            return Answer(401, b"Forbidden", content_type="text/html")
        query = query_of(request)
        wanted, begin = query["recipient"].split(" OR "), float(query["begin"])
        asked = [entry for entry in entries if entry.address in wanted and entry.at >= begin]
        items = [item for entry in asked for item in self.items(entry)][: int(query["limit"])]
        page = f"https://api.mailgun.net/v3/papers.example.org/events/{uuid4().hex}"
        return json_answer(200, {"items": items, "paging": dict.fromkeys(("first", "next", "previous", "last"), page)})

    def items(self, entry: Entry) -> list[Any]:
        delivered = self.event(entry, Kind.DELIVERED, entry.at + 1)["event-data"]
        accepted = {name: value for name, value in delivered.items() if name != "delivery-status"}
        return [accepted | {"event": "accepted", "timestamp": entry.at}, delivered]

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        headers = {"to": entry.address, "message-id": entry.message_id.strip("<>"), "subject": entry.subject}
        data = {"id": uuid4().hex, "timestamp": at, "recipient": entry.address, "message": {"headers": headers}}
        about = {"user-variables": entry.metadata, "tags": entry.tags}
        return {"signature": signature(), "event-data": data | about | EVENTS[kind]}


def check(request: Request) -> None:
    if not request.path.endswith("/messages"):
        raise Refusal(Answer(200, b"Mailgun Magnificent API", content_type="text/html"))
    if request.headers.get("authorization") != basic_auth(f"api:{KEY}"):
        raise Refusal(Answer(401, b"Forbidden", content_type="text/html"))


def complaint(words: str) -> Answer:
    return json_answer(400, {"message": words})


def signature() -> dict[str, str]:
    timestamp, token = str(int(time.time())), uuid4().hex + uuid4().hex[:18]
    signed = hmac.new(SIGNING_KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": signed}


class Copy:
    """What all recipients of a call share, with fields to be filled for each."""

    def __init__(self, form: Form, *, is_counting: bool) -> None:
        self.subject = template(form, "subject")
        self.text, self.html = (template(form if not is_counting else {}, name) for name in ("text", "html"))
        self.headers = {name[2:]: template(form, name) for name in form if name.startswith("h:")}
        self.metadata = {name[2:]: template(form, name) for name in form if name.startswith("v:")}
        self.tags = form.get("o:tag", [])

    def for_recipient(self, address: str, variables: dict[str, Any]) -> Mail:
        fill = partial(value_of, address, variables)
        headers = {name: value.fill(fill) for name, value in self.headers.items()}
        return Mail(
            address,
            self.subject.fill(fill),
            self.text.fill(fill),
            self.html.fill(fill),
            {name: value for name, value in headers.items() if value},
            {name: value.fill(fill) for name, value in self.metadata.items()},
            self.tags,
        )


def template(form: Form, name: str) -> Template:
    return Template(form[name][0] if name in form else "", FIELDS)


def value_of(address: str, variables: dict[str, Any], field: str) -> str:
    """Return the value of a field; an unknown field stays as it is written."""
    if field.startswith("%recipient."):
        return str(variables.get(field[11:-1], field))
    if "unsubscribe" in field:
        return "https://email.papers.example.org/u/of-mailgun"
    return address if field in ("%recipient%", "%recipient_email%") else ""

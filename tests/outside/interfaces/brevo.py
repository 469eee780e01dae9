"""Brevo: JSON; up to a thousand versions a call, each with the call's bodies or its own.

A call is accepted or refused as a whole.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept, decoded
from tests.outside.interfaces.merging import Template
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer, query_of

KEY = "key-of-brevo"
VERSIONS_A_CALL, RECIPIENTS_A_CALL, RECIPIENTS_A_VERSION = 1000, 2000, 99
PARAMS_BYTES, ALL_PARAMS_BYTES = 100_000, 1_000_000
BODIES = ("htmlContent", "textContent")
FIELDS = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
EMPTY = Template("", FIELDS)
PARAMETER = re.compile(r"\{\{\s*params\.(\w+)\s*\}\}")
EVENTS = {
    Kind.DELIVERED: {"event": "delivered"},
    Kind.BOUNCED: {"event": "hard_bounce", "reason": "550 5.1.1 The email account does not exist."},
    Kind.SOFT_BOUNCED: {"event": "soft_bounce", "reason": "452 4.2.2 The mailbox is full."},
    Kind.COMPLAINED: {"event": "spam"},
}


class Brevo(Api):
    name = "brevo"

    def settings(self, url: str) -> dict[str, str]:
        return {"BREVO_API_URL": f"{url}/v3/", "BREVO_API_KEY": KEY}

    def mails(self, request: Request) -> list[Mail]:
        check(request)
        message = orjson.loads(request.body)
        versions = message.get("messageVersions", [message])
        if complaint := complaint_about(message, versions):
            raise Refusal(error(*complaint))
        shown = ("subject",) if self.is_counting else ("subject", *BODIES)
        common = {name: Template(message.get(name, ""), FIELDS) for name in shown}
        return [mail for version in versions for mail in copies(message, version, common)]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        if any(mail.trouble == "invalid" for mail in mails):
            return error("invalid_parameter", "email is not valid in to")
        for mail in mails:
            accept(mail, f"<{uuid4().hex}@smtp-relay.papers.example.org>")
        if b'"messageVersions"' in request.body:
            return json_answer(201, {"messageIds": [mail.message_id for mail in mails]})
        return json_answer(201, {"messageId": mails[0].message_id})

    def look_up(self, request: Request, entries: Sequence[Entry]) -> Answer:
        """Answer with the events of one address, as GET /v3/smtp/statistics/events: they carry no metadata."""
        if request.headers.get("api-key") != KEY:
            return json_answer(401, {"code": "unauthorized", "message": "Key not found"})
        query, now = query_of(request), time.time()
        events = [
            {
                "email": entry.address,
                "date": datetime.fromtimestamp(entry.at + later, UTC).isoformat(),
                "subject": entry.subject,
                "messageId": entry.message_id,
                "event": word,
                "tag": "".join(entry.tags[:1]),
                "from": "papers@papers.example.org",
            }
            for entry in entries
            if entry.address == query["email"] and now - entry.at < 86_400 * int(query["days"])
            for later, word in enumerate(("requests", "delivered"))
        ]
        return json_answer(200, {"events": events[: int(query["limit"])]} if events else {})

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        about = {"email": entry.address, "ts_epoch": int(at * 1000), "message-id": entry.message_id}
        about |= {"subject": entry.subject, "tags": entry.tags}
        custom = entry.headers.get("X-Mailin-custom")
        return EVENTS[kind] | about | ({"X-Mailin-custom": custom} if custom else {})


def check(request: Request) -> None:
    if not request.path.endswith("/smtp/email"):
        raise Refusal(json_answer(404, {"code": "not_found", "message": "No such interface."}))
    if request.headers.get("api-key") != KEY:
        raise Refusal(json_answer(401, {"code": "unauthorized", "message": "Key not found"}))


def complaint_about(message: dict[str, Any], versions: list[dict[str, Any]]) -> tuple[str, str] | None:
    """Return the code and the words of the refusal of a whole call, or None."""
    params = [len(orjson.dumps(version.get("params", {}))) for version in versions]
    if len(versions) > VERSIONS_A_CALL:
        return "invalid_parameter", "Number of messageVersions exceeds the limit"
    if not all(version.get("to") for version in versions):
        return "missing_parameter", "to is missing"
    if "messageVersions" in message and "to" in message:
        return "invalid_parameter", "to is not allowed with messageVersions"
    if sum(len(version["to"]) for version in versions) > RECIPIENTS_A_CALL:
        return "invalid_parameter", "Total number of recipients exceeds the limit"
    if any(len(version["to"]) > RECIPIENTS_A_VERSION for version in versions):
        return "invalid_parameter", "Number of recipients of a version exceeds the limit"
    if max(params) > PARAMS_BYTES or sum(params) > ALL_PARAMS_BYTES:
        return "invalid_parameter", "params exceed the limit"
    if not any(message.get(name) for name in BODIES):
        return "missing_parameter", "htmlContent or textContent is missing"
    return None


def copies(message: dict[str, Any], version: dict[str, Any], common: dict[str, Template]) -> list[Mail]:
    own = {name: Template(version[name], FIELDS) for name in common if version is not message and name in version}
    text, html, subject = ((common | own).get(name, EMPTY) for name in ("textContent", "htmlContent", "subject"))
    fill = partial(value_of, message.get("params", {}) | version.get("params", {}))
    headers = message.get("headers", {}) | version.get("headers", {})
    return [
        Mail(
            recipient["email"],
            subject.fill(fill),
            text.fill(fill),
            html.fill(fill),
            headers,
            decoded(headers.get("X-Mailin-custom")),
            message.get("tags", []),
        )
        for recipient in version["to"]
    ]


def value_of(parameters: dict[str, Any], field: str) -> str:
    """Return the value of a field; empty if there is no such parameter."""
    found = PARAMETER.fullmatch(field)
    return str(parameters.get(found[1], "")) if found else ""


def error(code: str, words: str) -> Answer:
    return json_answer(400, {"code": code, "message": words})

"""Mailjet, version 3.1 of its send API: JSON; common properties and up to fifty messages, each with its answer."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from tests.outside.interfaces.api import Api, Kind, Refusal, accept, basic_auth, decoded
from tests.outside.interfaces.merging import Template
from tests.outside.ledger import Entry, Mail
from tests.outside.web import Answer, Request, json_answer

KEY, SECRET = "key-of-mailjet", "secret-of-mailjet"
MESSAGES_A_CALL = 50
PERSONAL = r"\[\[(?:var|data):.*?\]\]"
FIELDS = re.compile(rf"({PERSONAL})")
FIELDS_OF_LANGUAGE = re.compile(rf"({PERSONAL}|\{{\{{.*?\}}\}}|\{{%.*?%\}})", re.DOTALL)
VARIABLE = re.compile(r"""(?:\[\[|\{\{)\s*var:(\w+)(?::"?(.*?)"?)?\s*(?:\]\]|\}\})""")
EVENTS: dict[Kind, dict[str, Any]] = {
    Kind.DELIVERED: {"event": "sent", "smtp_reply": "sent (250 2.0.0 OK)"},
    Kind.BOUNCED: {
        "event": "bounce",
        "hard_bounce": True,
        "blocked": False,
        "error_related_to": "recipient",
        "error": "user unknown",
    },
    Kind.SOFT_BOUNCED: {
        "event": "bounce",
        "hard_bounce": False,
        "blocked": False,
        "error_related_to": "recipient",
        "error": "quota exceeded",
    },
    Kind.COMPLAINED: {"event": "spam", "source": "JMRPP"},
}


class Mailjet(Api):
    name = "mailjet"

    def settings(self, url: str) -> dict[str, str]:
        return {"MAILJET_API_URL": f"{url}/v3.1/", "MAILJET_API_KEY": KEY, "MAILJET_SECRET_KEY": SECRET}

    def mails(self, request: Request) -> list[Mail]:
        check(request)
        content = orjson.loads(request.body)
        if len(content["Messages"]) > MESSAGES_A_CALL:
            raise Refusal(json_answer(400, error("send-0017", "More than 50 messages.")))
        common = content.get("Globals", {})
        # A property of a message takes the place of the common one as a whole, headers and variables too.
        return [mail for message in content["Messages"] for mail in self.copies(common | message)]

    def copies(self, message: dict[str, Any]) -> list[Mail]:
        fields = FIELDS_OF_LANGUAGE if message.get("TemplateLanguage") else FIELDS
        fill = partial(value_of, message.get("Variables", {}))
        names = ("Subject",) if self.is_counting else ("Subject", "TextPart", "HTMLPart")
        parts = [Template(message.get(name, ""), fields).fill(fill) for name in names]
        subject, text, html = [*parts, "", ""][:3]
        metadata = decoded(message.get("EventPayload")) or {"delivery": message.get("CustomID", "")}
        tags = [message["CustomCampaign"]] if "CustomCampaign" in message else []
        headers = message.get("Headers", {})
        return [Mail(to["Email"], subject, text, html, headers, metadata, tags) for to in message["To"]]

    def answer(self, request: Request, mails: Sequence[Mail]) -> Answer:
        """Answer for each mail; a message has one recipient here, as ours have."""
        answers = [answer_for(mail) for mail in mails]
        return json_answer(200 if all(mail.is_accepted for mail in mails) else 400, {"Messages": answers})

    def event(self, entry: Entry, kind: Kind, at: float) -> Any:
        about = {"time": int(at), "MessageID": int(entry.message_id), "email": entry.address}
        about |= {"customcampaign": "".join(entry.tags[:1]), "CustomID": ""}
        return [EVENTS[kind] | about | {"Payload": orjson.dumps(entry.metadata).decode()}]


def check(request: Request) -> None:
    if not request.path.endswith("/send"):
        raise Refusal(json_answer(404, error("mj-0003", "No such interface.")))
    if request.headers.get("authorization") != basic_auth(f"{KEY}:{SECRET}"):
        raise Refusal(json_answer(401, error("mj-0002", "API key authentication failed.")))


def answer_for(mail: Mail) -> dict[str, Any]:
    if mail.trouble:
        wrong = {"ErrorCode": "mj-0013", "StatusCode": 400, "ErrorMessage": "The address is not valid."}
        return {"Status": "error", "Errors": [wrong | {"ErrorRelatedTo": ["To[0].Email"]}]}
    unique = uuid4()
    accept(mail, str(unique.int >> 75))
    to = {"Email": mail.address, "MessageUUID": str(unique), "MessageID": int(mail.message_id)}
    return {"Status": "success", "To": [to], "Cc": [], "Bcc": []}


def value_of(variables: dict[str, Any], field: str) -> str:
    """Return the value of a field; its default, or nothing, if there is no such variable."""
    found = VARIABLE.fullmatch(field)
    return str(variables.get(found[1], found[2] or "")) if found else ""


def error(code: str, words: str) -> dict[str, Any]:
    return {"ErrorCode": code, "StatusCode": 400, "ErrorMessage": words}

"""Posts of providers to our webhooks: their recorded forms, filled in and signed as they do it."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.test import Client

PAYLOADS = Path(__file__).parents[2] / "payloads" / "webhooks"
SECRET = "papers:a-secret"
SIGNING_KEY = "a-signing-key"
SVIX_SECRET = "whsec_" + base64.b64encode(b"a-secret-of-resend-for-this-test").decode()
SETTINGS = {
    "WEBHOOK_SECRET": [SECRET],
    "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY,
    "RESEND_SIGNING_SECRET": SVIX_SECRET,
    "MAILERSEND_SIGNING_SECRET": SIGNING_KEY,
}


@dataclass(frozen=True)
class Event:
    """One event as a provider tells it: `name` is a key of its recorded forms."""

    provider: str
    name: str
    to: str
    at: datetime
    metadata: dict[str, str]
    message_id: str = ""

    def body(self) -> Any:
        form = json.loads((PAYLOADS / f"{self.provider}.json").read_text())[self.name]
        return FILL[self.provider](self, form)


def _mailgun(event: Event, body: Any) -> Any:
    data = body["event-data"]
    data.update(recipient=event.to, timestamp=event.at.timestamp())
    data["user-variables"] = event.metadata
    data["message"]["headers"]["to"] = event.to
    return body | {"signature": signature(event.at, json.dumps(body))}


def signature(at: datetime, content: str = "") -> dict[str, str]:
    """Return a signature of Mailgun; the same one for the same content."""
    stamp, token = str(int(at.timestamp())), hashlib.md5(f"{at} {content}".encode()).hexdigest()
    signed = hmac.new(SIGNING_KEY.encode(), f"{stamp}{token}".encode(), hashlib.sha256)
    return {"timestamp": stamp, "token": token, "signature": signed.hexdigest()}


def _postmark(event: Event, body: Any) -> Any:
    when = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}.get(body["RecordType"], "BouncedAt")
    who = "Recipient" if when in {"DeliveredAt", "ChangedAt"} else "Email"
    body["MessageID"] = event.message_id or body["MessageID"]
    return body | {who: event.to, when: event.at.isoformat(), "Metadata": event.metadata}


def _resend(event: Event, body: Any) -> Any:
    headers = [{"name": "X-Metadata", "value": json.dumps(event.metadata)}]
    body["data"].update(to=[event.to], headers=headers)
    return body | {"created_at": event.at.isoformat()}


def _brevo(event: Event, body: Any) -> Any:
    custom = json.dumps(event.metadata)
    return body | {"email": event.to, "ts_epoch": int(event.at.timestamp() * 1000), "X-Mailin-custom": custom}


def _mailjet(event: Event, body: Any) -> Any:
    return body | {"email": event.to, "time": int(event.at.timestamp()), "Payload": json.dumps(event.metadata)}


def _sendgrid(event: Event, body: Any) -> Any:
    return [body | {"email": event.to, "timestamp": int(event.at.timestamp())} | event.metadata]


def _sparkpost(event: Event, body: Any) -> Any:
    (inner,) = body["msys"].values()
    inner |= {"raw_rcpt_to": event.to, "timestamp": str(int(event.at.timestamp())), "rcpt_meta": event.metadata}
    return [body]


def _mailersend(event: Event, body: Any) -> Any:
    body["data"]["created_at"] = event.at.isoformat()
    body["data"]["email"]["recipient"] = {"object": "recipient", "email": event.to}
    return body


def _amazon_ses(event: Event, body: Any) -> Any:
    name, verb = ("bounce", "bounced") if "bounce" in body else ("complaint", "complained")
    recorded = body[name].get(f"{verb}Recipients", [{}])
    body[name][f"{verb}Recipients"] = [recorded[0] | {"emailAddress": event.to}]
    headers = [{"name": "X-Metadata", "value": json.dumps(event.metadata)}]
    body["mail"] = {"messageId": "00000137860315fd", "destination": [event.to], "headers": headers}
    message = {"Type": "Notification", "MessageId": "19ba9823", "Timestamp": event.at.isoformat()}
    return message | {"Message": json.dumps(body)}


FILL = {
    "mailgun": _mailgun,
    "postmark": _postmark,
    "resend": _resend,
    "brevo": _brevo,
    "mailjet": _mailjet,
    "amazon_ses": _amazon_ses,
    "sendgrid": _sendgrid,
    "sparkpost": _sparkpost,
    "mailersend": _mailersend,
}


def post(client: Client, event: Event) -> Any:
    return post_body(client, event.provider, event.body())


def post_body(client: Client, provider: str, body: Any, secret: str = SECRET, **headers: str) -> Any:
    """Post as the provider does, with the shared secret, and where it signs with its signature."""
    text = body if isinstance(body, str) else json.dumps(body)
    if provider == "resend":
        headers = svix_headers(text) | headers
    if provider == "amazon_ses":
        headers |= {"x-amz-sns-message-type": body["Type"], "x-amz-sns-message-id": body["MessageId"]}
    if provider == "mailersend":
        signed = hmac.new(SIGNING_KEY.encode(), text.encode(), hashlib.sha256)
        headers = {"Signature": signed.hexdigest()} | headers
    authorization = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}
    url = f"/anymail/{provider}/tracking/"
    return client.post(url, text, content_type="application/json", headers=authorization | headers)


def svix_headers(text: str) -> dict[str, str]:
    key, stamp = base64.b64decode(SVIX_SECRET.removeprefix("whsec_")), str(int(time.time()))
    name = "msg_" + hashlib.md5(text.encode()).hexdigest()
    signed = hmac.new(key, f"{name}.{stamp}.{text}".encode(), hashlib.sha256).digest()
    return {"svix-id": name, "svix-timestamp": stamp, "svix-signature": "v1," + base64.b64encode(signed).decode()}

"""Mailgun: its events, by recipient and time, fifty readers a call. Each event carries the id of our delivery.

Free accounts keep events for a day, others for up to 30. An event may be indexed half an hour late. A key that may
only send is refused with 401.
"""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from django.conf import settings

from digests.provider_lookups.interface import CLOCKS_APART, Doubt, Lookup, Reply, read_each, rows_of
from digests.providers.base import METADATA

KINDS = ("accepted", "delivered", "failed", "rejected", "complained", "unsubscribed")
EVENTS_A_PAGE = 300  # the most that Mailgun returns


class Mailgun(Lookup):
    backend_name = "mailgun"
    name = "Mailgun"
    calls_a_minute = 6
    most = 50  # addresses in the line of a request: about 2 KB

    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        backend: Any = self.backend
        domain = backend.sender_domain or parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
        begin = min(doubt.since for doubt in doubts) - CLOCKS_APART
        params: dict[str, str | int] = {
            "begin": int(begin.timestamp()),
            "ascending": "yes",
            "limit": EVENTS_A_PAGE,
            "recipient": " OR ".join(doubt.to for doubt in doubts),
            "event": " OR ".join(KINDS),
        }
        answer = self.get(f"{domain}/events", params, auth=("api", backend.api_key))
        wanted = {str(doubt.delivery_id) for doubt in doubts}
        mine = [row for row in rows_of(answer, "items") if delivery_of(row) in wanted]
        return Reply([*read_each(read, mine)])


def delivery_of(row: dict[str, Any]) -> str:
    variables = row.get("user-variables")
    return str(variables.get(METADATA, "")) if isinstance(variables, dict) else ""


def read(row: dict[str, Any]) -> AnymailTrackingEvent:
    """Read an event as Anymail reads the webhook's, which has the same form."""
    view = MailgunTrackingWebhookView(webhook_signing_key="not used")
    event: AnymailTrackingEvent = view.esp_to_anymail_event({"event-data": row})
    return event

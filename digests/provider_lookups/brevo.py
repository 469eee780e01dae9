"""Brevo: its events of one address, one delivery a call.

Its events carry no metadata. A mail is ours if it went to this reader under this subject in the time in which it can
have been sent, if it is the only one, and if no other digest can have gone to the reader in that time. Events are kept
for 90 days.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType
from anymail.webhooks.brevo import BrevoTrackingWebhookView

from digests.provider_lookups.interface import (
    Doubt,
    Lookup,
    Reply,
    is_same_subject,
    is_to,
    is_within,
    moment_of,
    read_each,
    rows_of,
)
from newsletter import clock

EVENTS_A_CALL = 100
# Its words in this list, and in its webhooks.
WORDS = {
    "requests": "request",
    "delivered": "delivered",
    "deferred": "deferred",
    "hardBounces": "hard_bounce",
    "softBounces": "soft_bounce",
    "spam": "spam",
    "blocked": "blocked",
    "invalid": "invalid_email",
    "error": "error",
    "unsubscribed": "unsubscribe",
}


class Brevo(Lookup):
    backend_name = "brevo"
    name = "Brevo"
    calls_a_minute = 1  # Brevo allows 100 an hour
    needs_alone = True

    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        (doubt,) = doubts
        backend: Any = self.backend
        params: dict[str, str | int] = {
            "email": doubt.to,
            "days": (clock.now() - doubt.since).days + 2,  # from today back, in the time zone of the account
            "limit": EVENTS_A_CALL,
            "sort": "asc",
        }
        answer = self.get("smtp/statistics/events", params, headers={"api-key": backend.api_key})
        # Without events, Brevo leaves the list out.
        rows = [] if answer == {} else rows_of(answer, "events")
        about = [row for row in rows if is_to(doubt, row.get("email")) and is_same_subject(doubt, row.get("subject"))]
        ids = {str(row.get("messageId")) for row in about if is_within(doubt, moment_of(row.get("date")))}
        if len(ids) != 1 or not doubt.is_alone:
            return Reply([])
        (message_id,) = ids
        mine = [row for row in about if row.get("messageId") == message_id and str(row.get("event")) in WORDS]
        return Reply([*read_each(partial(self.read, doubt), mine)])

    def read(self, doubt: Doubt, row: dict[str, Any]) -> AnymailTrackingEvent:
        word, reason = WORDS[row["event"]], row.get("reason")
        kind, _ = BrevoTrackingWebhookView.event_types.get(word, (EventType.UNKNOWN, None))
        record = {"event": word, "date": row.get("date"), "reason": reason}
        at = moment_of(row.get("date"))
        return self.event(doubt, kind, at, str(row["messageId"]), record, mta_response=reason)

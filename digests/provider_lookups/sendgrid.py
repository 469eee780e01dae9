"""SendGrid: its Email Activity by our metadata, one delivery a call. It is a paid add-on: without it, 403.

It says whether a mail was processed or delivered; why one was not comes by webhook. It is kept for up to 30 days.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType

from digests.provider_lookups.interface import Doubt, Lookup, Reply, is_to, moment_of, read_each, rows_of
from digests.providers.base import METADATA

MESSAGES_A_CALL = 10
KEPT = ("msg_id", "status", "last_event_time")


class SendGrid(Lookup):
    backend_name = "sendgrid"
    name = "SendGrid"
    calls_a_minute = 5  # SendGrid allows six

    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        (doubt,) = doubts
        backend: Any = self.backend
        params: dict[str, str | int] = {
            "limit": MESSAGES_A_CALL,
            "query": f"(unique_args['{METADATA}']=\"{doubt.delivery_id}\")",
        }
        answer = self.get("messages", params, headers={"Authorization": f"Bearer {backend.api_key}"})
        # The answer repeats no metadata. The address is checked, in case the filter was not understood.
        mine = [row for row in rows_of(answer, "messages") if is_to(doubt, row.get("to_email"))]
        return Reply([*read_each(partial(self.read, doubt), mine)])

    def read(self, doubt: Doubt, row: dict[str, Any]) -> AnymailTrackingEvent:
        is_delivered = row.get("status") == "delivered"
        kind = EventType.DELIVERED if is_delivered else EventType.QUEUED
        record = {name: row.get(name) for name in KEPT}
        return self.event(doubt, kind, moment_of(row.get("last_event_time")), str(row["msg_id"]), record)

"""Postmark: its search of sent messages by our metadata, one delivery a call.

It says that Postmark took the mail; what the receiver said comes by webhook. Messages are kept for 45 days unless the
server's retention says otherwise.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType

from digests.provider_lookups.interface import Doubt, Lookup, Reply, is_to, moment_of, read_each, rows_of
from digests.providers.base import METADATA

MESSAGES_A_CALL = 10  # there is one, unless a restored database gave its id to another mail
KEPT = ("MessageID", "ReceivedAt", "Status", "Metadata", "Tag")


class Postmark(Lookup):
    backend_name = "postmark"
    name = "Postmark"
    calls_a_minute = 20

    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        (doubt,) = doubts
        backend: Any = self.backend
        headers = {"Accept": "application/json", "X-Postmark-Server-Token": backend.server_token}
        params: dict[str, str | int] = {
            "count": MESSAGES_A_CALL,
            "offset": 0,
            f"metadata_{METADATA}": str(doubt.delivery_id),
        }
        answer = self.get("messages/outbound", params, headers=headers)
        mine = [row for row in rows_of(answer, "Messages") if is_about(doubt, row)]
        return Reply([*read_each(partial(self.read, doubt), mine)])

    def read(self, doubt: Doubt, row: dict[str, Any]) -> AnymailTrackingEvent:
        record = {name: row.get(name) for name in KEPT}
        return self.event(doubt, EventType.QUEUED, moment_of(row.get("ReceivedAt")), str(row["MessageID"]), record)


def is_about(doubt: Doubt, row: dict[str, Any]) -> bool:
    """Return whether a message carries this delivery's id and went to its reader.

    The id alone is not enough: a filter may be ignored, and a restored database gives ids to other mails.
    """
    metadata, recipients = row.get("Metadata"), row.get("Recipients")
    is_named = isinstance(metadata, dict) and str(metadata.get(METADATA, "")) == str(doubt.delivery_id)
    return is_named and isinstance(recipients, list) and any(is_to(doubt, address) for address in recipients)

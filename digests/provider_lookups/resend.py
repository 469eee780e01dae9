"""Resend: the list of what it sent, newest first, a hundred mails a call, read back to the time of the doubt.

The list carries no metadata, and an idempotency key cannot be asked for without sending again. So a mail is told by
its reader, its subject and the time in which it can have been sent, as at Brevo.
"""

import re
from collections.abc import Sequence
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType

from digests.provider_lookups.interface import (
    CLOCKS_APART,
    Doubt,
    Lookup,
    LookupFailed,
    Reply,
    is_same_subject,
    is_to,
    is_within,
    moment_of,
    rows_of,
)

MAILS_A_CALL = 100  # the most that Resend returns
EMAIL_ID = re.compile(r"[\w-]{1,100}")
# The last event of a mail. A word that is not here, such as “scheduled”, says only that Resend has the mail.
KINDS = {
    "delivered": EventType.DELIVERED,
    "opened": EventType.DELIVERED,
    "clicked": EventType.DELIVERED,
    "bounced": EventType.BOUNCED,
    "complained": EventType.COMPLAINED,
    "suppressed": EventType.REJECTED,
    "failed": EventType.FAILED,
}


class Resend(Lookup):
    backend_name = "resend"
    name = "Resend"
    calls_a_minute = 10  # Resend allows two a second, for sending as well
    most = 1000
    needs_alone = True

    def ask(self, doubts: Sequence[Doubt], after: str) -> Reply:
        backend: Any = self.backend
        params: dict[str, str | int] = {"limit": MAILS_A_CALL} | ({"after": after} if after else {})
        answer = self.get("emails", params, headers={"Authorization": f"Bearer {backend.api_key}"})
        rows = rows_of(answer, "data")
        found = {doubt: [row for row in rows if is_about(doubt, row)] for doubt in doubts}
        events = [self.read(doubt, mine[0]) for doubt, mine in found.items() if len(mine) == 1 and doubt.is_alone]
        if not rows or answer.get("has_more") is not True:
            return Reply(events)
        last, oldest = str(rows[-1].get("id")), moment_of(rows[-1].get("created_at"))
        if oldest is None or not EMAIL_ID.fullmatch(last) or last == after:
            raise LookupFailed("Its list cannot be read on.")
        left = {doubt.delivery_id for doubt, mine in found.items() if not mine and oldest >= begin_of(doubt)}
        return Reply(events, last if left else "", frozenset(left))

    def read(self, doubt: Doubt, row: dict[str, Any]) -> AnymailTrackingEvent:
        word = str(row.get("last_event"))
        kind, at = KINDS.get(word, EventType.SENT), moment_of(row.get("created_at"))
        record = {"type": f"email.{word}", "created_at": row.get("created_at")}
        # When anything later than the sending happened is not said.
        return self.event(doubt, kind, at if kind == EventType.SENT else None, str(row["id"]), record)


def begin_of(doubt: Doubt) -> Any:
    return doubt.since - CLOCKS_APART


def is_about(doubt: Doubt, row: dict[str, Any]) -> bool:
    recipients = row.get("to")
    is_recipient = isinstance(recipients, list) and any(is_to(doubt, address) for address in recipients)
    in_time = is_within(doubt, moment_of(row.get("created_at")))
    return is_recipient and in_time and is_same_subject(doubt, row.get("subject"))

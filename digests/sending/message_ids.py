"""Message-IDs of digests sent by SMTP: the same at a repeat, so that servers drop doubles, and unguessable.

Each is an HMAC of the delivery's id by a secret that the database holds from its first day on: no clock and no setting
that may change has a part in it. Two databases with one past (a restored backup that was allowed to send) give a
delivery from before the parting the same Message-ID, and later deliveries different ones: what such a database is
called from then on is mixed in.
"""

import base64
import hmac
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Max

from digests.models import Delivery, SendingSwitch


class MessageIds(NamedTuple):
    """What Message-IDs are made of: a secret, and the database's names, each for the deliveries behind an id."""

    secret: bytes
    after: Sequence[int]
    names: Sequence[str]

    def local_part(self, delivery_id: int) -> str:
        """Return what stands before the @, 26 lower-case letters and digits."""
        name = ("", *self.names)[bisect_left(self.after, delivery_id)]
        digest = hmac.digest(self.secret, f"{name}:{delivery_id}".encode(), "sha256")
        return base64.b32encode(digest[:16]).decode().rstrip("=").lower()


def load_message_ids() -> MessageIds:
    """Read the secret and the names; one query, and two more in a database that has never sent."""
    row, _ = SendingSwitch.objects.get_or_create(pk=1)
    after, names = [after for after, _ in row.message_names], [name for _, name in row.message_names]
    return MessageIds(bytes.fromhex(row.message_secret), after, names)


def with_name(names: Sequence[tuple[int, str]], name: str) -> list[tuple[int, str]]:
    """Return `names` with one more, for all deliveries that do not exist yet."""
    last = Delivery.objects.aggregate(last=Max("id"))["last"] or 0
    return [*names, (last, name)]

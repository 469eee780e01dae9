"""Which mails may repeat papers of an earlier one, of which nobody ever learned whether it left."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import connection

# The abandoned are few, and have an index of their own; papers are compared for their readers alone.
REPEATS = """
SELECT mail.id, max(earlier.slot)
FROM digests_delivery mail
JOIN digests_delivery earlier ON earlier.subscriber_id = mail.subscriber_id AND earlier.id <> mail.id
  AND earlier.status = 'abandoned' AND earlier.settled_by IS NULL
  AND earlier.slot < mail.slot AND earlier.slot > mail.slot - make_interval(days => %(days)s)
JOIN digests_digest before ON before.id = earlier.digest_id
JOIN digests_digest now ON now.id = mail.digest_id
WHERE mail.id = ANY(%(ids)s)
  AND EXISTS (
    SELECT FROM digests_card old JOIN issues_issueentry old_entry ON old_entry.id = old.entry_id
    JOIN issues_issueentry entry ON entry.paper_id = old_entry.paper_id
    JOIN digests_card card ON card.entry_id = entry.id
    WHERE old.id = ANY(before.card_ids) AND card.id = ANY(now.card_ids)
  )
GROUP BY mail.id
"""


def find_repeats(delivery_ids: Collection[int]) -> dict[int, datetime]:
    """Return the slot of the newest mail that each of these may repeat, by delivery id; most are missing from it."""
    with connection.cursor() as cursor:
        cursor.execute(REPEATS, {"ids": list(delivery_ids), "days": settings.DIGEST_SPAN.days})
        return dict(cursor.fetchall())

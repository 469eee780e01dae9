"""Deletes deliveries, batches, digests and cards older than DIGEST_KEEP. Issues stay.

Rows are deleted in chunks, each in its own short transaction; locked rows are left for the next night. It is therefore
safe to repeat, to run twice at once and to kill at any point, and it blocks nobody.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection

from newsletter import clock
from subscribers.retention.unused_preferences import delete_unused_preferences

CHUNK = 10_000  # ids a transaction

UNFINISHED = (
    "SELECT FROM digests_batch batch WHERE batch.id = old.batch_id AND batch.status NOT IN ('done', 'dropped')"
)
OLD_ISSUES = "SELECT id FROM issues_issue WHERE published_at < %(content)s"
# What counts as old in each table, in order of deletion: mail goes before the content it was made of.
OLD_MAIL = {
    "digests_delivery": f"made_at < %(limit)s AND NOT EXISTS ({UNFINISHED})",
    "digests_batch": "made_at < %(limit)s AND status IN ('done', 'dropped') "
    "AND NOT EXISTS (SELECT FROM digests_delivery delivery WHERE delivery.batch_id = old.id)",
    "digests_assembly": "at < %(limit)s",
    "digests_providerlookup": "noted_at < %(limit)s",
}
OLD_CONTENT = {
    "digests_digest": f"issue_id IN ({OLD_ISSUES})",
    "digests_frame": f"issue_id IN ({OLD_ISSUES})",
    "digests_card": f"entry_id IN (SELECT id FROM issues_issueentry WHERE issue_id IN ({OLD_ISSUES}))",
}


def delete_old_rows() -> dict[str, int]:
    """Delete rows that are too old; return the number of rows deleted from each table."""
    limit = clock.now() - settings.DIGEST_KEEP
    deleted = {table: delete_rows(table, old, {"limit": limit}) for table, old in OLD_MAIL.items()}
    content = oldest_mail(limit) - settings.DIGEST_SPAN
    deleted |= {table: delete_rows(table, old, {"content": content}) for table, old in OLD_CONTENT.items()}
    # No remaining delivery was made for preferences unused since before the oldest mail.
    return deleted | {"subscribers_preferences": delete_unused_preferences(oldest_mail(limit))}


def oldest_mail(limit: datetime) -> datetime:
    """Return when the oldest remaining delivery was made, at most `limit`. It holds papers of the span before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT least(min(made_at), %s) FROM digests_delivery WHERE made_at < %s", [limit, limit])
        oldest: datetime = cursor.fetchone()[0]
        return oldest


def delete_rows(table: str, old: str, values: Mapping[str, datetime]) -> int:
    """Delete the rows of `table` that match the SQL condition `old` in chunks; return the number deleted."""
    return sum(delete_chunk(table, old, values, first) for first in chunk_starts(table, old, values))


def chunk_starts(table: str, old: str, values: Mapping[str, datetime]) -> Iterator[int]:
    """Yield the first id of each chunk that may hold old rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(id), max(id) FROM {table} old WHERE {old}", values)
        first, last = cursor.fetchone()
    if first is not None:
        yield from range(first, last + 1, CHUNK)


def delete_chunk(table: str, old: str, values: Mapping[str, datetime], first: int) -> int:
    chosen = f"SELECT id FROM {table} old WHERE id >= %(first)s AND id < %(end)s AND {old} FOR UPDATE SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id IN ({chosen})", {**values, "first": first, "end": first + CHUNK})
        return int(cursor.rowcount)

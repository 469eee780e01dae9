"""Nightly: delete preferences that no reader has used for a while."""

from datetime import datetime
from typing import Any

from django.db import connection

from newsletter import clock

CHUNK = 10_000  # rows per transaction

USED = "EXISTS (SELECT FROM subscribers_subscriber reader WHERE reader.preferences_id = old.id)"
MARK = f"""
UPDATE subscribers_preferences old SET unused_since = %(now)s WHERE unused_since IS NULL AND NOT {USED}
"""
UNMARK = f"""
UPDATE subscribers_preferences old SET unused_since = NULL WHERE unused_since IS NOT NULL AND {USED}
"""
# A reader who is choosing these preferences right now holds the row lock and clears unused_since.
DELETE = f"""
WITH unused AS MATERIALIZED (
  SELECT id FROM subscribers_preferences old WHERE unused_since < %(limit)s AND NOT {USED}
  LIMIT %(chunk)s FOR UPDATE SKIP LOCKED
), topics AS (
  DELETE FROM subscribers_preferencestopic topic USING unused WHERE topic.preferences_id = unused.id
)
DELETE FROM subscribers_preferences old USING unused WHERE old.id = unused.id
"""


def delete_unused_preferences(limit: datetime) -> int:
    """Delete preferences unused since before `limit`; return how many. Safe to repeat and to kill."""
    execute(MARK, now=clock.now())
    execute(UNMARK)
    count = 0
    while deleted := execute(DELETE, limit=limit, chunk=CHUNK):
        count += deleted
    return count


def execute(statement: str, **values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)

"""The step that lets go of preferences nobody has had for long."""

from datetime import datetime
from typing import Any

from django.db import connection

from newsletter import clock

CHUNK = 10_000  # rows a transaction

USED = "EXISTS (SELECT FROM subscribers_subscriber reader WHERE reader.preferences_id = old.id)"
MARK = f"""
UPDATE subscribers_preferences old SET unused_since = %(now)s WHERE unused_since IS NULL AND NOT {USED}
"""
UNMARK = f"""
UPDATE subscribers_preferences old SET unused_since = NULL WHERE unused_since IS NOT NULL AND {USED}
"""
# Who is choosing so right now holds the row, and takes its mark away.
FORGET = f"""
WITH chosen AS MATERIALIZED (
  SELECT id FROM subscribers_preferences old WHERE unused_since < %(limit)s AND NOT {USED}
  LIMIT %(chunk)s FOR UPDATE SKIP LOCKED
), parted AS (
  DELETE FROM subscribers_preferencestopic topic USING chosen WHERE topic.preferences_id = chosen.id
)
DELETE FROM subscribers_preferences old USING chosen WHERE old.id = chosen.id
"""


def forget_unused_preferences(limit: datetime) -> int:
    """Delete preferences that no reader has had since `limit`; return how many. Safe to repeat and to kill."""
    execute(MARK, now=clock.now())
    execute(UNMARK)
    count = 0
    while gone := execute(FORGET, limit=limit, chunk=CHUNK):
        count += gone
    return count


def execute(statement: str, **values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)

"""Export all readers as CSV in constant memory, complete enough to move to another service and back."""

import csv
from collections.abc import Iterator
from typing import Any

from django.db import connection

from subscribers.csv_cells import escape_formula

READERS_PER_QUERY = 5_000
COLUMNS = (
    "email", "state", "suppressed", "topics", "followed_phrases", "followed_authors", "muted_phrases", "muted_authors",
    "max_papers", "minimum_score", "detail", "frequency", "weekday", "hour", "zone", "paused_until", "subscribed_at",
    "confirmed_at", "unsubscribed_at", "consents",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
READERS = """
WITH part AS MATERIALIZED (SELECT * FROM subscribers_subscriber WHERE id > %s ORDER BY id LIMIT %s),
topics AS (
    SELECT chosen.preferences_id, string_agg(DISTINCT coalesce(heir.slug, topic.slug), ', ') AS slugs
    FROM subscribers_preferencestopic chosen
    JOIN papers_topic topic ON topic.id = chosen.topic_id
    LEFT JOIN papers_topic heir ON heir.id = topic.retired_into_id
    WHERE chosen.preferences_id IN (SELECT preferences_id FROM part)
    GROUP BY chosen.preferences_id
), consents AS (
    SELECT subscriber_id, string_agg(
        act || ' ' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            || CASE WHEN source = '' THEN '' ELSE ' (' || source || ')' END, '; ' ORDER BY at, id) AS acts
    FROM subscribers_consent WHERE subscriber_id IN (SELECT id FROM part)
    GROUP BY subscriber_id
)
SELECT part.id, email, status, coalesce(suppression.reason, ''), coalesce(topics.slugs, ''),
    array_to_string(followed_phrases, '; '), array_to_string(followed_authors, '; '),
    array_to_string(muted_phrases, '; '), array_to_string(muted_authors, '; '), max_papers, minimum_score, detail,
    frequency, weekday, send_time, timezone, paused_until, created_at, confirmed_at, unsubscribed_at,
    coalesce(consents.acts, '')
FROM part
JOIN subscribers_preferences preferences ON preferences.id = part.preferences_id
LEFT JOIN topics ON topics.preferences_id = part.preferences_id
LEFT JOIN consents ON consents.subscriber_id = part.id
LEFT JOIN subscribers_suppression suppression ON suppression.address_hash = part.address_hash
ORDER BY part.id
"""


class Echo:
    """A file for csv.writer whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line


def lines() -> Iterator[str]:
    """Yield the CSV text in parts, header first. No transaction stays open between two parts."""
    table: Any = csv.writer(Echo())
    yield "\ufeff" + table.writerow(COLUMNS)  # by the mark Excel learns that this is UTF-8
    last = 0
    while part := read_readers(last):
        yield "".join(table.writerow(cells_of(row)) for row in part)
        last = part[-1][0]


def read_readers(last: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(READERS, [last, READERS_PER_QUERY])
        return list(cursor.fetchall())


def cells_of(row: tuple[Any, ...]) -> list[str]:
    values = dict(zip(COLUMNS, row[1:], strict=True))
    values["weekday"] = WEEKDAYS[values["weekday"]]
    values["hour"] = values["hour"].isoformat("seconds").removesuffix(":00")
    return [escape_formula(text_of(value)) for value in values.values()]


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)

"""Store the preferences of imported readers, one row for all who chose the same."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import connection

from subscribers.choice_bounds import USUAL_DETAIL, USUAL_MAX_PAPERS
from subscribers.models import Preferences

# Compared by key, so a choice that a reader of the page made is the same row.
ADD_CHOICES = """
INSERT INTO subscribers_preferences (key, followed_phrases, followed_authors, muted_phrases, muted_authors, max_papers,
    minimum_score, detail)
SELECT key, followed_phrases, followed_authors, muted_phrases, muted_authors, max_papers, minimum_score, detail
FROM jsonb_to_recordset(%s) AS choice (key text, followed_phrases text[], followed_authors text[],
    muted_phrases text[], muted_authors text[], max_papers int, minimum_score float8, detail text)
ON CONFLICT DO NOTHING
RETURNING id, key
"""
# Locked, so that the nightly clean-up does not delete preferences that have no reader yet.
FIND_CHOICES = "SELECT id, key FROM subscribers_preferences WHERE key = ANY(%s) FOR KEY SHARE"
ADD_TOPICS = """
INSERT INTO subscribers_preferencestopic (preferences_id, topic_id)
SELECT * FROM unnest(%s::bigint[], %s::bigint[])
"""
MOST_KEPT = 100_000  # ids in memory


class PapersChoice(NamedTuple):
    """A choice of papers: the columns of a Preferences row and its topics."""

    topics: tuple[int, ...]
    followed_phrases: tuple[str, ...] = ()
    followed_authors: tuple[str, ...] = ()
    muted_phrases: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    max_papers: int = USUAL_MAX_PAPERS
    minimum_score: float = 0.0
    detail: str = USUAL_DETAIL

    def columns(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}

    @property
    def key(self) -> str:
        columns = self.columns()
        topics = columns.pop("topics")
        return Preferences(**columns).fingerprint(topics)


class PreferencesStore:
    """The ids of stored preferences by choice, written on demand."""

    def __init__(self) -> None:
        self.ids: dict[PapersChoice, int] = {}

    def store(self, choices: Collection[PapersChoice]) -> None:
        """Look up the ids of `choices`, and insert missing ones, in the caller's transaction."""
        if len(self.ids) > MOST_KEPT:
            self.ids.clear()
        by_key = {choice.key: choice for choice in choices if choice not in self.ids}
        # Sorted, so that two transactions that insert the same keys cannot deadlock.
        keys = sorted(by_key)
        rows = [{"key": key, **by_key[key].columns()} for key in keys]
        with connection.cursor() as cursor:
            cursor.execute(ADD_CHOICES, [json.dumps(rows)])
            added = {by_key[key]: pk for pk, key in cursor.fetchall()}
            cursor.execute(FIND_CHOICES, [[key for key in keys if by_key[key] not in added]])
            self.ids |= added | {by_key[key]: pk for pk, key in cursor.fetchall()}
            pairs = [(pk, topic) for choice, pk in added.items() for topic in choice.topics]
            cursor.execute(ADD_TOPICS, [[pk for pk, _ in pairs], [topic for _, topic in pairs]])

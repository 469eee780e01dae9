"""Map the topics, hours and zones in a file to stored preferences and rhythms."""

import re
from datetime import time
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zoneinfo import available_timezones

from django.db import connection

from newsletter.papers.models import Topic
from subscribers.digest_schedule import Rhythm
from subscribers.models import Preferences, Subscriber

FREQUENCIES = {str(word).lower(): value for value, label in Subscriber.Frequency.choices for word in (value, label)}
WEEKDAYS = {str(word).lower(): value for value, label in Subscriber.Weekday.choices for word in (value, label)}
DETAILS = {str(word).lower(): value for value, label in Preferences.Detail.choices for word in (value, label)}
ZONES = {zone.lower(): zone for zone in available_timezones() - {"Factory", "localtime"}}
SEVEN = time(7)
HOUR = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?(?::00)?(?:\.0+)?")
BETWEEN_TOPICS = re.compile(r"[,;|]")
CACHE_SIZE = 100_000

Value = TypeVar("Value")


class Defaults(NamedTuple):
    """The values for rows that leave a column empty."""

    topics: tuple[int, ...]
    rhythm: Rhythm


class Papers(NamedTuple):
    """What a row says of the papers: topic ids, and how much stands under each."""

    topics: tuple[int, ...]
    detail: str


class Choice(NamedTuple):
    """The choice of one row; `note` names the values that could not be mapped."""

    papers: Papers
    rhythm: Rhythm
    note: str


class ChoiceMapper:
    """Maps the cells of rows to choices, caching by topics and by rhythm."""

    def __init__(self, defaults: Defaults, has_labels: bool) -> None:
        self.defaults, self.has_labels = defaults, has_labels
        self.topics = known_topics()
        self.topics_of = lru_cache(CACHE_SIZE)(self.read_topics)
        self.rhythm_of = lru_cache(CACHE_SIZE)(self.read_rhythm)

    def choice_of(self, cells: tuple[str, ...]) -> Choice:
        topics, unknown_topics = self.topics_of(cells[0])
        rhythm, unknown = self.rhythm_of(cells[1:-1])
        unknown_detail: list[str] = []
        detail = look_up(DETAILS, cells[-1].strip(), Preferences.Detail.LINES.value, "detail", unknown_detail)
        missing = (*unknown, *unknown_detail, *unknown_topics)
        note = f"not known here: {', '.join(missing)}" if missing else ""
        return Choice(Papers(topics, detail), rhythm, note)

    def read_topics(self, cell: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return the ids of the topics in a cell, and the words for the note if some are unknown."""
        named = [name for part in BETWEEN_TOPICS.split(cell) if (name := part.strip(" []\"'").lower())]
        chosen = tuple(sorted({self.topics[name] for name in named if name in self.topics}))
        has_unknown = not self.has_labels and any(name not in self.topics for name in named)
        return chosen or self.defaults.topics, ("a topic",) if has_unknown else ()

    def read_rhythm(self, cells: tuple[str, ...]) -> tuple[Rhythm, tuple[str, ...]]:
        """Return the rhythm in the cells, and the words for the note about unknown ones."""
        frequency, weekday, hour, zone = (cell.strip() for cell in cells)
        unknown: list[str] = []
        usual = self.defaults.rhythm
        rhythm = Rhythm(
            look_up(FREQUENCIES, frequency, usual.frequency, "frequency", unknown),
            look_up(WEEKDAYS, weekday, usual.weekday, "weekday", unknown),
            parse_hour(hour, usual.send_time, unknown),
            look_up(ZONES, zone, usual.timezone, "zone", unknown),
        )
        return rhythm, tuple(unknown)


def look_up(known: dict[str, Value], word: str, usual: Value, name: str, unknown: list[str]) -> Value:
    if word and word.lower() not in known:
        unknown.append(f"its {name}")
    return known.get(word.lower(), usual)


def parse_hour(text: str, usual: time, unknown: list[str]) -> time:
    if not text:
        return usual
    if match := HOUR.fullmatch(text):
        return time(int(match[1]), int(match[2] or 0))
    unknown.append("its hour")
    return usual


def known_topics() -> dict[str, int]:
    """Return topic ids by slug and by name; a retired topic maps to its successor."""
    topics = list(Topic.objects.all())
    ids = {topic.pk: topic.retired_into_id or topic.pk for topic in topics}
    return {word.lower(): ids[topic.pk] for topic in topics for word in (topic.name, topic.slug)}


ADD_CHOICES = """
INSERT INTO subscribers_preferences (key, followed_phrases, followed_authors, muted_phrases, muted_authors, max_papers,
    minimum_score, detail)
SELECT key, '{}', '{}', '{}', '{}', %s, %s, detail FROM unnest(%s::text[], %s::text[]) AS wanted(key, detail)
ON CONFLICT DO NOTHING
RETURNING id, key
"""
# Locked, so that the nightly clean-up does not delete preferences that have no reader yet.
FIND_CHOICES = "SELECT id, key FROM subscribers_preferences WHERE key = ANY(%s) FOR KEY SHARE"
ADD_TOPICS = """
INSERT INTO subscribers_preferencestopic (preferences_id, topic_id)
SELECT * FROM unnest(%s::bigint[], %s::bigint[])
"""


def key_of(choice: Papers) -> str:
    return Preferences(detail=choice.detail).fingerprint(list(choice.topics))


class PreferencesStore:
    """The ids of stored preferences by what they say of the papers, written on demand."""

    def __init__(self) -> None:
        self.ids: dict[Papers, int] = {}

    def store(self, choices: set[Papers]) -> None:
        """Look up the ids of `choices`, and insert missing ones, in the caller's transaction."""
        usual = Preferences()
        by_key = {key_of(choice): choice for choice in choices if choice not in self.ids}
        # Sorted, so that two transactions that insert the same keys cannot deadlock.
        keys = sorted(by_key)
        with connection.cursor() as cursor:
            details = [by_key[key].detail for key in keys]
            cursor.execute(ADD_CHOICES, [usual.max_papers, usual.minimum_score, keys, details])
            added = {by_key[key]: pk for pk, key in cursor.fetchall()}
            cursor.execute(FIND_CHOICES, [[key for key in keys if by_key[key] not in added]])
            self.ids |= added | {by_key[key]: pk for pk, key in cursor.fetchall()}
            pairs = [(pk, topic) for choice, pk in added.items() for topic in choice.topics]
            cursor.execute(ADD_TOPICS, [[pk for pk, _ in pairs], [topic for _, topic in pairs]])

"""Map the topics, phrases, hours and zones in a file to stored preferences and rhythms."""

import re
import sys
from collections.abc import Callable, Sequence
from datetime import date, time
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import available_timezones

from newsletter import clock
from newsletter.papers.models import Topic
from subscribers.choice_bounds import LONGEST_PAUSE, MOST_PAPERS
from subscribers.csv_cells import unescape_formula
from subscribers.digest_schedule import Rhythm
from subscribers.imports.file_header import value_of
from subscribers.imports.preferences_store import PapersChoice
from subscribers.models import Preferences, Subscriber
from subscribers.phrases import MAX_ENTRIES, MAX_ENTRY_LENGTH, split_entries

FREQUENCIES = {str(word).lower(): value for value, label in Subscriber.Frequency.choices for word in (value, label)}
DAYS = {str(label).lower(): value for value, label in Subscriber.Weekday.choices}
# No numbers: some services count from Monday as 0, some as 1, some from Sunday.
WEEKDAYS = DAYS | {day[:length]: value for day, value in DAYS.items() for length in (2, 3, 4, 5)}
DETAILS = {str(word).lower(): value for value, label in Preferences.Detail.choices for word in (value, label)}
ZONES = {zone.lower(): zone for zone in available_timezones() - {"Factory", "localtime"}}
SEVEN = time(7)
HOUR = re.compile(
    r"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d)(?:\.0+)?)?|\.0)?\s*h?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?",
    re.IGNORECASE,
)
BETWEEN_TOPICS = re.compile(r"[,;|]")
CACHE_SIZE = 100_000
CACHED_LENGTH = 1_000  # characters; longer cells are read anew, so that the cache stays small

Value = TypeVar("Value")


class Number(NamedTuple, Generic[Value]):
    """A column of numbers from `least` to `most`."""

    name: str
    kind: Callable[[str], Value]
    least: float
    most: float
    hint: str


MAX_PAPERS = Number("number of papers", int, 1, MOST_PAPERS, f"a number from 1 to {MOST_PAPERS}")
MINIMUM_SCORE = Number("minimum score", float, 0, sys.float_info.max, "a number, 0 or more")


class Defaults(NamedTuple):
    """The values for rows that leave a column empty."""

    topics: tuple[int, ...]
    rhythm: Rhythm


class Choice(NamedTuple):
    """The choice of one row; `notes` name the values for which a default is used, `fault` why none can be."""

    papers: PapersChoice
    rhythm: Rhythm
    notes: tuple[str, ...] = ()
    fault: str = ""


class ChoiceMapper:
    """Maps the cells of rows (see file_reader.Row) to choices, with a cache for each group of columns."""

    def __init__(self, defaults: Defaults, has_labels: bool) -> None:
        self.defaults, self.has_labels = defaults, has_labels
        self.topics = known_topics()
        self.topics_of = lru_cache(CACHE_SIZE)(self.read_topics)
        self.rhythm_of = lru_cache(CACHE_SIZE)(self.read_rhythm)
        self.wishes_of = lru_cache(CACHE_SIZE)(read_wishes)

    def choice_of(self, cells: tuple[str, ...]) -> Choice:
        if max(map(len, cells)) > CACHED_LENGTH:
            parts = self.read_topics(cells[0]), self.read_rhythm(cells[1:6]), read_wishes(cells[6:])
        else:
            parts = self.topics_of(cells[0]), self.rhythm_of(cells[1:6]), self.wishes_of(cells[6:])
        (topics, topic_notes), (rhythm, rhythm_notes, fault), (wishes, wish_notes) = parts
        # Followed words are a choice of their own, which default topics would widen.
        if not topics and not wishes.followed_phrases and not wishes.followed_authors:
            topics = self.defaults.topics
        papers = PapersChoice(topics, *wishes[1:])
        return Choice(papers, rhythm, rhythm_notes + topic_notes + wish_notes, fault)

    def read_topics(self, cell: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return the ids of the topics in a cell, and a note for each unknown one."""
        named = [name for part in BETWEEN_TOPICS.split(cell) if (name := part.strip(" []\"'"))]
        chosen = tuple(sorted({self.topics[name.lower()] for name in named if name.lower() in self.topics}))
        unknown = [] if self.has_labels else [name for name in named if name.lower() not in self.topics]
        return chosen, tuple(f"topic “{value_of(name)}”" for name in unknown)

    def read_rhythm(self, cells: tuple[str, ...]) -> tuple[Rhythm, tuple[str, ...], str]:
        """Return the rhythm in the cells, notes about unknown ones, and a fault if the pause cannot be read."""
        frequency, weekday, hour, zone, pause = (cell.strip() for cell in cells)
        notes: list[str] = []
        usual = self.defaults.rhythm
        paused_until, fault = parse_pause(pause)
        rhythm = Rhythm(
            look_up(FREQUENCIES, frequency, usual.frequency, "frequency", "daily, weekdays or weekly", notes),
            look_up(WEEKDAYS, weekday, usual.weekday, "weekday", "Monday to Sunday, or Mon to Sun", notes),
            parse_hour(hour, usual.send_time, notes),
            look_up(ZONES, zone, usual.timezone, "time zone", "a name as Europe/Berlin", notes),
            paused_until,
        )
        return rhythm, tuple(notes), fault


def look_up(known: dict[str, Value], word: str, usual: Value, name: str, hint: str, notes: list[str]) -> Value:
    if word and word.lower() not in known:
        notes.append(f"{name} “{value_of(word)}” (write {hint})")
    return known.get(word.lower(), usual)


def parse_hour(text: str, usual: time, notes: list[str]) -> time:
    """Return a time of day, as in “07:00”, “7:00 AM” or “7h”."""
    if not text:
        return usual
    match = HOUR.fullmatch(text)
    if match is None or (match["half"] and not 1 <= int(match["hour"]) <= 12):
        notes.append(f"hour “{value_of(text)}” (write 07:00)")
        return usual
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return time(hour, int(match["minute"] or 0), int(match["second"] or 0))


def parse_pause(text: str) -> tuple[date | None, str]:
    """Return the end of a pause, and why it cannot be read, if so: its reader must not be mailed meanwhile."""
    try:
        until = date.fromisoformat(text) if text else None
    except ValueError:
        return None, f"its pause until “{value_of(text)}” cannot be read; write it as 2026-05-31"
    if until and until > clock.today() + LONGEST_PAUSE:
        return None, f"its pause until {until} is longer than a year"
    return until, ""


def read_wishes(cells: tuple[str, ...]) -> tuple[PapersChoice, tuple[str, ...]]:
    """Return the choice of papers in the cells, without topics, and notes about values that cannot be taken."""
    *lists, papers, score, detail = cells
    notes: list[str] = []
    followed, followed_authors, muted, muted_authors = (read_entries(cell, notes) for cell in lists)
    usual = PapersChoice(())
    return (
        PapersChoice(
            (),
            followed,
            followed_authors,
            muted,
            muted_authors,
            max_papers=parse_number(papers, MAX_PAPERS, usual.max_papers, notes),
            minimum_score=parse_number(score, MINIMUM_SCORE, usual.minimum_score, notes),
            detail=look_up(DETAILS, detail.strip(), usual.detail, "detail", "title, lines or abstract", notes),
        ),
        tuple(notes),
    )


def read_entries(cell: str, notes: list[str]) -> tuple[str, ...]:
    entries = split_entries(unescape_formula(cell)) if cell else []
    kept = [entry for entry in entries if len(entry) <= MAX_ENTRY_LENGTH][:MAX_ENTRIES]
    if len(kept) < len(entries):
        notes.append(f"{len(entries) - len(kept)} of {len(entries)} words or authors (at most {MAX_ENTRIES})")
    return tuple(kept)


def parse_number(text: str, wanted: Number[Value], usual: Value, notes: list[str]) -> Value:
    if not text.strip():
        return usual
    try:
        number = wanted.kind(text)
        if wanted.least <= number <= wanted.most:  # type: ignore[operator]
            return number
    except ValueError:
        pass
    notes.append(f"{wanted.name} “{value_of(text)}” (write {wanted.hint})")
    return usual


def known_topics() -> dict[str, int]:
    """Return topic ids by name and by slug, which wins; a retired topic maps to its successor."""
    topics: Sequence[Topic] = list(Topic.objects.all())
    ids = {topic.pk: topic.retired_into_id or topic.pk for topic in topics}
    names = {topic.name.lower(): ids[topic.pk] for topic in topics}
    return names | {topic.slug.lower(): ids[topic.pk] for topic in topics}

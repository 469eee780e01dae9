"""What a mail says to its reader in words: which papers come, and when. Each is one plain line of limited length."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from html import escape
from zoneinfo import ZoneInfo

from django.db import connection

from digests.mail.slots import LINK_SLOTS
from digests.providers.base import LONGEST_SLOT
from digests.providers.interface import Words, word_slots
from newsletter.excerpt import cut_at_word
from newsletter.templatetags.reading import zone_words
from subscribers.models import Subscriber

WEEK = timedelta(days=7)
LONGEST_CHOICE = 60  # characters, so that “You get …,” fits on a line of plain text
WEEKDAYS = Subscriber.Weekday.labels
ONLY_PICKS = "the editors’ picks"  # come to everybody, and to a reader who chose nothing they come alone
# Of nobody in particular, as in previews.
UNNAMED: Words = (("choice", "the papers you chose"), ("rhythm", "when you chose"), ("again", ""))


def words_of(choice: str, frequency: str, weekday: int, send_time: time, zone: str, again: str = "") -> Words:
    """Return what fills the slots of a reader who chose `choice`, in words, and this rhythm.

    `again` says that papers of the mail may have come before.
    """
    return ("choice", choice), ("rhythm", describe_rhythm(frequency, weekday, send_time, zone)), ("again", again)


def words_of_reader(reader: Subscriber, preferences_id: int, again: str = "") -> Words:
    """Return the words for `reader` with a choice of the reader's, now or then; one query."""
    choice = choices_in_words([preferences_id]).get(preferences_id, ONLY_PICKS)
    return words_of(choice, *reader.rhythm[:4], again)


def again_words(earlier: datetime, slot: datetime, zone: str) -> str:
    """Return what a mail of `slot` says of papers that may have come with the one of the slot `earlier`.

    >>> monday = datetime(2026, 5, 4, 7, tzinfo=ZoneInfo("UTC"))
    >>> again_words(monday, monday + timedelta(days=1), "UTC")
    'Some of these may have reached you on Monday.'
    """
    day = earlier.astimezone(ZoneInfo(zone)).date()
    is_recent = slot.astimezone(ZoneInfo(zone)).date() - day < WEEK
    return f"Some of these may have reached you on {f'{day:%A}' if is_recent else f'{day.day} {day:%B}'}."


def unnamed_slots(link: str) -> dict[str, str]:
    """Return what fills the slots of a mail to nobody in particular: every link leads to `link`."""
    return {**dict.fromkeys(LINK_SLOTS, link), **word_slots(UNNAMED)}


# A topic's name is that of its heir once it is retired; heirs are no chains.
CHOICES = """
SELECT preferences.id, coalesce(topics.names, '{}'), followed_phrases, followed_authors
FROM subscribers_preferences preferences LEFT JOIN LATERAL (
  SELECT array_agg(DISTINCT coalesce(heir.name, topic.name)) AS names
  FROM subscribers_preferencestopic chosen JOIN papers_topic topic ON topic.id = chosen.topic_id
  LEFT JOIN papers_topic heir ON heir.id = topic.retired_into_id
  WHERE chosen.preferences_id = preferences.id
) topics ON true
WHERE preferences.id = ANY(%s)
"""


def choices_in_words(preferences: Collection[int]) -> dict[int, str]:
    """Return what each preferences row brings, in words, by its id; one query."""
    with connection.cursor() as cursor:
        cursor.execute(CHOICES, [list(preferences)])
        return {pk: describe_choice(*chosen) for pk, *chosen in cursor.fetchall()}


def describe_choice(topics: Iterable[str], phrases: Sequence[str] = (), authors: Sequence[str] = ()) -> str:
    """Return what a choice brings, shortened where it is long.

    >>> describe_choice(["Robotics", "Agents"], ["tokenizer"])
    'Agents, Robotics and papers with “tokenizer”'
    """
    lines = sorted(filter(None, map(one_line, topics)), key=str.casefold)
    lines += with_lead("papers with ", [f"“{one_line(phrase)}”" for phrase in phrases])
    lines += with_lead("papers by ", [one_line(author) for author in authors])
    return shorten_list(lines) if lines else ONLY_PICKS


def with_lead(lead: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield `lines`, the first of them behind `lead`."""
    yield from [lead + line if not number else line for number, line in enumerate(lines)]


def one_line(text: str) -> str:
    """Return `text` without controls, marks of direction and breaks."""
    return "".join(filter(str.isprintable, " ".join(text.split())))


def shorten_list(lines: Sequence[str]) -> str:
    """Return “A, B and C”, or “A and 2 more” where that is too long; a name too long for itself is cut."""
    if fits(whole := join_with_and(lines)):
        return whole
    for named in reversed(range(1, min(len(lines), LONGEST_CHOICE))):
        if fits(short := join_with_and([*lines[:named], f"{len(lines) - named} more"])):
            return short
    more = [f"{len(lines) - 1} more"] if len(lines) > 1 else []
    lengths = range(LONGEST_CHOICE - len(" and ") - len("".join(more)), 1, -1)
    return next(filter(fits, (join_with_and([cut_at_word(lines[0], length), *more]) for length in lengths)))


def join_with_and(lines: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(lines[:-1]), *lines[-1:]]))


def fits(line: str) -> bool:
    return len(line) <= LONGEST_CHOICE and len(escape(line).encode()) <= LONGEST_SLOT


@lru_cache(maxsize=10_000)
def describe_rhythm(frequency: str, weekday: int, send_time: time, zone: str) -> str:
    """Return when digests come.

    >>> describe_rhythm("weekdays", 0, time(7), "Asia/Tokyo"), describe_rhythm("weekly", 1, time(18, 30), "UTC")
    ('weekdays at 07:00, Tokyo time', 'Tuesdays at 18:30 UTC')
    """
    days = {"daily": "every day", "weekdays": "weekdays"}.get(frequency) or f"{WEEKDAYS[weekday]}s"
    city = zone_words(zone)
    return f"{days} at {send_time:%H:%M}{', ' if city.endswith(' time') else ' '}{city}"

"""Insert any number of made-up readers by COPY, for load tests. The same seed gives the same readers."""

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from itertools import accumulate
from typing import NamedTuple

from django.db import connection, transaction

from newsletter import clock
from newsletter.papers.models import Topic
from subscribers.addresses.canonical import hash_address
from subscribers.digest_schedule import Rhythm, next_slot
from subscribers.models import Preferences, Subscriber

ZONES = (
    "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Africa/Lagos",
    "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland", "UTC",
)  # fmt: skip
SIZES = (5, 10, 15, 30)
MOST_TOPICS = 30  # only the first of the list; Zipf's law leaves the rest few readers
WORDS = (
    "gaussian splatting", "diffusion", "mixture of experts", "long context", "reward model", "tokenizer", "protein",
    "medical imaging", "world model", "speculative decoding", "sim-to-real", "knowledge graph", "watermark", "survey",
)  # fmt: skip
FOLLOWING_SHARE = 0.15
CHUNK = 50_000


class RandomChoice(NamedTuple):
    """The preferences of one made-up reader."""

    topics: tuple[int, ...]
    phrases: tuple[str, ...]
    authors: tuple[str, ...]
    max_papers: int


def make_subscribers(count: int, seed: int = 1, *, due_at: datetime | None = None) -> Iterator[int]:
    """Insert `count` active readers; yield the number inserted after each chunk. Raise ValueError without topics.

    Each has one to eight topics (Zipf's law, exponent 1) and 5 to 30 papers a digest; 15 % follow a phrase or an
    author. Time zones and hours are random. The next digest is due at `due_at`, by default at the reader's hour.
    """
    dice, topics = random.Random(seed), list(Topic.objects.current().order_by("slug")[:MOST_TOPICS])
    if not topics:
        raise ValueError("There are no topics. Load them first.")
    odds = list(accumulate(1 / rank for rank in range(1, len(topics) + 1)))
    start = Subscriber.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    known: dict[RandomChoice, int] = {}
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        chosen = [random_choice(dice, [topic.pk for topic in topics], odds) for _ in range(size)]
        with transaction.atomic():
            write_preferences({choice for choice in chosen if choice not in known}, known)
            ids = [known[choice] for choice in chosen]
            write_readers(dice, ids, start + first, due_at)
        yield first + size


def random_choice(dice: random.Random, topics: Sequence[int], odds: Sequence[float]) -> RandomChoice:
    wanted = min(dice.randint(1, 8), len(topics))
    picked: set[int] = set()
    while len(picked) < wanted:
        picked.add(topics[bisect(odds, dice.random() * odds[-1])])
    follows = dice.random() < FOLLOWING_SHARE
    phrases = (dice.choice(WORDS),) if follows and dice.random() < 0.7 else ()
    authors = (f"Author {dice.randint(1, 500)}",) if follows and not phrases else ()
    return RandomChoice(tuple(sorted(picked)), phrases, authors, dice.choice(SIZES))


def write_preferences(choices: set[RandomChoice], known: dict[RandomChoice, int]) -> None:
    """Insert the missing rows of `choices`, and add the ids of all of them to `known`."""
    rows = {}
    for choice in choices:
        row = Preferences(
            followed_phrases=list(choice.phrases),
            followed_authors=list(choice.authors),
            max_papers=choice.max_papers,
        )
        row.key = row.fingerprint(list(choice.topics))
        rows[choice] = row
    stored = Preferences.objects.filter(key__in=[row.key for row in rows.values()])
    there = set(stored.values_list("key", flat=True))
    Preferences.objects.bulk_create([row for row in rows.values() if row.key not in there], batch_size=5_000)
    ids = dict(stored.values_list("key", "pk"))
    known |= {choice: ids[row.key] for choice, row in rows.items()}
    with connection.cursor() as cursor, cursor.copy(COPY_TOPICS) as copy:
        for choice in (choice for choice, row in rows.items() if row.key not in there):
            for topic in choice.topics:
                copy.write_row((known[choice], topic))


COPY_TOPICS = "COPY subscribers_preferencestopic (preferences_id, topic_id) FROM STDIN"
COPY_READERS = """
COPY subscribers_subscriber (email, canonical, address_hash, status, preferences_id, frequency, weekday, send_time,
    timezone, next_digest_at, token_epoch, created_at, confirmed_at) FROM STDIN
"""


def write_readers(dice: random.Random, preference_ids: Sequence[int], start: int, due_at: datetime | None) -> None:
    now = clock.now()
    slots: dict[Rhythm, datetime] = {}
    with connection.cursor() as cursor, cursor.copy(COPY_READERS) as copy:
        for number, preferences_id in enumerate(preference_ids, start=start + 1):
            rhythm = Rhythm(dice.choice(("daily", "weekdays")), 0, time(dice.randint(5, 21)), dice.choice(ZONES))
            if rhythm not in slots:
                slots[rhythm] = due_at or next_slot(rhythm, after=now)
            address = f"reader{number}@trial.example"
            when = (rhythm.frequency, rhythm.weekday, rhythm.send_time, rhythm.timezone, slots[rhythm])
            copy.write_row((address, address, hash_address(address), "active", preferences_id, *when, 0, now, now))

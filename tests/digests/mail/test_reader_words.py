"""What a mail says of its reader's choice and rhythm: one true line of limited length, whatever was chosen."""

from datetime import UTC, datetime, time, timedelta
from html import escape, unescape
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.mail.reader_words import (
    LONGEST_CHOICE,
    again_words,
    choices_in_words,
    describe_choice,
    describe_rhythm,
    words_of,
)
from digests.providers.base import LONGEST_SLOT, are_short_lines
from digests.providers.interface import word_slots
from subscribers.models import Preferences, Subscriber
from tests.factories import TopicFactory

LINE = 72
NAMES = st.text(min_size=1, max_size=100)
FEW = st.lists(NAMES, max_size=12)
RHYTHMS = st.tuples(
    st.sampled_from(Subscriber.Frequency.values),
    st.sampled_from(Subscriber.Weekday.values),
    st.times(),
    st.sampled_from(sorted(available_timezones())),
)


@given(st.lists(NAMES, max_size=40), FEW, FEW, RHYTHMS)
def test_any_choice_and_any_rhythm_are_one_short_line_each_without_markup(
    topics: list[str], phrases: list[str], authors: list[str], rhythm: tuple[str, int, time, str]
) -> None:
    words = words_of(describe_choice(topics, phrases, authors), *rhythm)
    choice, when, again = (line for _, line in words)
    assert again == ""
    assert len(f"You get {choice},") <= LINE
    assert len(f"{when}.") <= LINE
    assert are_short_lines(words)
    slots = word_slots(words)
    for name in ("choice", "rhythm"):
        assert not set("<>\"'") & set(slots[f"{name}_html"])
        assert unescape(slots[f"{name}_html"]) == slots[f"{name}_text"]
        assert len(slots[f"{name}_html"].encode()) <= LONGEST_SLOT


@given(
    st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=30), min_size=1, max_size=30, unique=True)
)
def test_what_is_not_named_is_counted(topics: list[str]) -> None:
    line = describe_choice(topics)
    named, _, more = line.removesuffix(" more").rpartition(" and ") if line.endswith(" more") else (line, "", "0")
    assert len(named.replace(" and ", ", ").split(", ")) + int(more) == len(topics)


@pytest.mark.parametrize(
    ("topics", "phrases", "authors", "line"),
    [
        (["Robotics", "Agents"], [], [], "Agents and Robotics"),
        (["Vision"], ["tokenizer"], ["Ada Lovelace"], "Vision, papers with “tokenizer” and papers by Ada Lovelace"),
        ([], ["MPI", "tokenizer"], [], "papers with “MPI” and “tokenizer”"),
        ([], [], ["Ada Lovelace"], "papers by Ada Lovelace"),
        ([], [], [], "the editors’ picks"),
        ([f"Topic {n}" for n in range(20)], [], [], "Topic 0, Topic 1, Topic 10, Topic 11, Topic 12 and 15 more"),
        (["A" * 60, "B"], [], [], "A" * 48 + "… and 1 more"),
        (["two\nlines\u202e"], [], [], "two lines"),
        (["\x00"], [], [], "the editors’ picks"),
    ],
)
def test_a_choice_in_words(topics: list[str], phrases: list[str], authors: list[str], line: str) -> None:
    assert describe_choice(topics, phrases, authors) == line


def test_quotes_that_grow_when_escaped_are_cut_sooner() -> None:
    line = describe_choice(['"' * 60])
    assert len(escape(line).encode()) <= LONGEST_SLOT < len(escape('"' * 60))
    assert len(line) < LONGEST_CHOICE


@pytest.mark.parametrize(
    ("rhythm", "line"),
    [
        (("weekdays", 0, time(7), "Asia/Tokyo"), "weekdays at 07:00, Tokyo time"),
        (("daily", 3, time(18, 30), "America/New_York"), "every day at 18:30, New York time"),
        (("weekly", 6, time(0), "UTC"), "Sundays at 00:00 UTC"),
    ],
)
def test_a_rhythm_in_words(rhythm: tuple[str, int, time, str], line: str) -> None:
    assert describe_rhythm(*rhythm) == line


@pytest.mark.django_db
def test_a_retired_topic_is_named_as_its_heir_and_once() -> None:
    old, heir, other = TopicFactory(name="Old"), TopicFactory(name="Heir"), TopicFactory(name="Other")
    chosen = Preferences.objects.for_choice([old, heir, other]).pk
    old.retire(heir)
    assert choices_in_words([chosen]) == {chosen: "Heir and Other"}


@pytest.mark.parametrize(("days", "when"), [(1, "on Monday."), (6, "on Monday."), (7, "on 4 May."), (14, "on 4 May.")])
def test_a_mail_that_may_repeat_papers_names_the_day_in_the_readers_zone(days: int, when: str) -> None:
    sunday_in_london = datetime(2026, 5, 3, 22, 30, tzinfo=UTC)
    later = sunday_in_london + timedelta(days=days)
    assert again_words(sunday_in_london, later, "Asia/Tokyo") == f"Some of these may have reached you {when}"

from datetime import date, time

import pytest

from subscribers.digest_schedule import Rhythm
from subscribers.imports.choice_mapping import ChoiceMapper, Defaults, parse_hour, parse_pause
from subscribers.imports.columns import CHOICE_COLUMNS
from tests.factories import TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
USUAL = Rhythm("daily", 0, time(7), "UTC")


def choice(**cells: str):  # type: ignore[no-untyped-def]
    names = ["topics", *(column[0] for column in CHOICE_COLUMNS)]
    assert set(cells) <= set(names)
    return ChoiceMapper(Defaults((), USUAL), has_labels=False).choice_of(tuple(cells.get(name, "") for name in names))


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("7", time(7)), ("07:00", time(7)), ("7:00 AM", time(7)), ("12 am", time(0)), ("12:30pm", time(12, 30)),
        ("6 p.m.", time(18)), ("19h", time(19)), ("19.30", time(19, 30)), ("7.0", time(7)),
        ("08:15:30", time(8, 15, 30)),
    ],
)  # fmt: skip
def test_hours_are_read_as_people_write_them(text: str, hour: time) -> None:
    notes: list[str] = []
    assert (parse_hour(text, time(1), notes), notes) == (hour, [])


@pytest.mark.parametrize("text", ["25:00", "13 pm", "0 am", "noon", "7:60"])
def test_an_invalid_hour_is_noted_and_replaced_by_the_default(text: str) -> None:
    notes: list[str] = []
    assert parse_hour(text, time(1), notes) == time(1)
    assert notes == [f"hour “{text}” (write 07:00)"]


@pytest.mark.parametrize(("word", "weekday"), [("Fri", 4), ("friday", 4), ("Thurs", 3), ("MO", 0)])
def test_weekdays_may_be_cut_short(word: str, weekday: int) -> None:
    assert choice(weekday=word).rhythm.weekday == weekday


@pytest.mark.parametrize("word", ["5", "0", "Freitag"])
def test_a_weekday_that_could_be_two_is_refused_with_the_words_that_are_known(word: str) -> None:
    found = choice(weekday=word)
    assert found.rhythm.weekday == 0
    assert found.notes == (f"weekday “{word}” (write Monday to Sunday, or Mon to Sun)",)


def test_followed_words_without_a_topic_stay_without_one() -> None:
    topic = TopicFactory(slug="vision")
    mapper = ChoiceMapper(Defaults((topic.pk,), USUAL), has_labels=False)
    assert mapper.choice_of(("",) * 6 + ("world model",) + ("",) * 6).papers.topics == ()
    assert mapper.choice_of(("",) * 13).papers.topics == (topic.pk,)


def test_a_slug_wins_over_the_name_of_another_topic() -> None:
    named, slugged = TopicFactory(slug="cv", name="vision"), TopicFactory(slug="vision", name="Sight")
    assert choice(topics="vision").papers.topics == (slugged.pk,)
    assert choice(topics="cv").papers.topics == (named.pk,)


def test_a_pause_that_cannot_be_read_keeps_its_reader_out() -> None:
    assert parse_pause("2026-06-01") == (date(2026, 6, 1), "")
    assert parse_pause("") == (None, "")
    assert parse_pause("01.06.2026")[1] == "its pause until “01.06.2026” cannot be read; write it as 2026-05-31"
    assert parse_pause("2099-01-01")[1] == "its pause until 2099-01-01 is longer than a year"


@pytest.mark.parametrize("number", ["0", "31", "nan", "ten"])
def test_a_number_of_papers_out_of_range_is_noted(number: str) -> None:
    found = choice(max_papers=number)
    assert found.papers.max_papers == 10
    assert found.notes == (f"number of papers “{number}” (write a number from 1 to 30)",)


@pytest.mark.parametrize("number", ["-1", "inf", "nan", "high"])
def test_a_minimum_score_that_is_none_is_noted_in_plain_words(number: str) -> None:
    found = choice(minimum_score=number)
    assert found.papers.minimum_score == 0
    assert found.notes == (f"minimum score “{number}” (write a number, 0 or more)",)


def test_words_beyond_twenty_are_noted() -> None:
    found = choice(followed_phrases="; ".join(f"word {n}" for n in range(22)))
    assert len(found.papers.followed_phrases) == 20
    assert found.notes == ("2 of 22 words or authors (at most 20)",)

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.selection.entry_index import Choice, Entry, build_index
from digests.selection.rules import fallback_order, select, why_left_out, with_fallback

TOPICS = {"vision": "Vision", "robotics": "Robotics", "audio": "Audio"}


def entry(number: int, *topics: str, **fields: Any) -> Entry:
    values: dict[str, Any] = {
        "id": number,
        "paper_id": number,
        "is_front": True,
        "is_pick": False,
        "score": 100.0 - number,
        "votes": 0,
        "title": f"Paper {number}",
        "summary": "",
        "authors": (),
        "topics": {slug: TOPICS[slug] for slug in topics},
    }
    return Entry(**values | fields)


def chosen(entries: list[Entry], choice: Choice, had: int = 0, **limits: int) -> list[int]:
    return [item.entry.id for item in select(build_index(entries, [choice], **limits), choice, had).items]


VISION = Choice(frozenset({"vision"}))


def test_a_reader_gets_papers_of_the_chosen_topics_in_the_issues_order() -> None:
    assert chosen([entry(1, "vision"), entry(2, "audio"), entry(3, "vision")], VISION) == [1, 3]


def test_the_front_stands_before_the_shelf_whatever_the_score() -> None:
    entries = [entry(1, "vision", score=1.0), entry(2, "vision", is_front=False, score=50.0)]
    assert chosen(entries, VISION) == [1, 2]


def test_the_shelf_gives_only_its_best_few_of_a_topic() -> None:
    shelf = [entry(n, "vision", is_front=False) for n in range(1, 9)]
    assert chosen(shelf, VISION, shelf_per_topic=3) == [1, 2, 3]


def test_an_editors_pick_goes_to_every_reader_and_comes_first() -> None:
    assert chosen([entry(1, "vision"), entry(2, "audio", is_pick=True)], VISION) == [2, 1]


def test_a_followed_phrase_takes_a_paper_from_the_shelf_whatever_its_topics() -> None:
    entries = [entry(1, "vision"), entry(2, "audio", is_front=False, title="Gaussian splatting on phones")]
    choice = Choice(frozenset({"vision"}), followed_phrases=("gaussian splatting",))
    assert chosen(entries, choice) == [2, 1]


def test_a_followed_author_is_never_missed_and_is_given_as_the_reason() -> None:
    choice = Choice(frozenset({"vision"}), followed_authors=("Ada Example",))
    index = build_index([entry(1, "audio", is_front=False, authors=("Ada Example",))], [choice])
    assert [item.reason for item in select(index, choice).items] == ["You follow Ada Example"]


def test_what_is_muted_stays_out_even_where_it_is_followed_or_picked() -> None:
    entries = [entry(1, "vision", is_pick=True, title="A survey of everything"), entry(2, "vision")]
    choice = Choice(frozenset({"vision"}), followed_phrases=("survey",), muted_phrases=("survey",))
    assert chosen(entries, choice) == [2]


def test_what_a_reader_had_before_is_left_out() -> None:
    index = build_index([entry(1, "vision"), entry(2, "vision")])
    assert [item.entry.id for item in select(index, VISION, had=index.by_paper[1]).items] == [2]


def test_a_paper_on_an_earlier_shelf_and_a_front_of_the_span_stands_once_on_the_front() -> None:
    entries = [entry(1, "vision", paper_id=7), entry(2, "vision", paper_id=7, is_front=False)]
    assert chosen(entries, VISION) == [1]


def test_the_limit_holds_and_the_number_that_matched_is_known() -> None:
    index = build_index([entry(n, "vision") for n in range(1, 20)])
    selection = select(index, Choice(frozenset({"vision"}), max_papers=5))
    assert (len(selection.items), selection.matched) == (5, 19)


@given(st.sets(st.sampled_from(sorted(TOPICS))), st.sets(st.sampled_from(sorted(TOPICS)), min_size=1))
def test_a_reason_names_one_topic_and_one_word_at_most(own: set[str], chosen_topics: set[str]) -> None:
    evidence = {slug: f"word of {slug}" for slug in own}
    index, choice = build_index([entry(1, *own, evidence=evidence)]), Choice(frozenset(chosen_topics))
    reasons = [item.reason for item in select(index, choice).items]
    assert reasons in [[f"{TOPICS[slug]}: word of {slug}"] for slug in own & chosen_topics] or not own & chosen_topics


@pytest.mark.parametrize(("votes", "reason"), [(41, "Vision · 41 votes"), (1, "Vision · 1 vote"), (0, "Vision")])
def test_the_reason_names_the_readers_topic_and_the_votes(votes: int, reason: str) -> None:
    index = build_index([entry(1, "vision", "audio", votes=votes)])
    assert select(index, VISION).items[0].reason == reason


def test_papers_below_the_minimum_score_come_only_where_they_are_followed_or_picked() -> None:
    entries = [entry(1, "vision", score=9.0), entry(2, "vision", score=1.0), entry(3, is_pick=True, score=1.0)]
    assert chosen(entries, Choice(frozenset({"vision"}), minimum_score=5.0)) == [3, 1]


def test_without_a_match_the_fallback_brings_the_fronts_best_and_says_so() -> None:
    index = build_index([entry(1, "audio", votes=9), entry(2, "audio", is_front=False)])
    shown = with_fallback(index, fallback_order(index, VISION))
    assert ([item.reason for item in shown.items], shown.is_fallback) == (["Trending today · 9 votes"], True)


entries_of = st.lists(
    st.builds(
        lambda n, topics, front, pick: (n, topics, front, pick and front),
        st.integers(1, 40),
        st.sets(st.sampled_from(sorted(TOPICS))),
        st.booleans(),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)
choices_of = st.builds(Choice, st.frozensets(st.sampled_from(sorted(TOPICS))), max_papers=st.integers(1, 12))


@given(entries_of, choices_of)
def test_every_entry_is_either_chosen_or_left_out_for_one_reason(rows: list[Any], choice: Choice) -> None:
    entries = [entry(n, *sorted(topics), is_front=front, is_pick=pick) for n, topics, front, pick in rows]
    entries.sort(key=lambda e: (not e.is_front, -e.score))
    index = build_index(entries)
    selection = select(index, choice)
    taken = [item.entry.id for item in selection.items]
    left = why_left_out(index, choice, selection)
    assert len(taken) == len(set(taken)) <= choice.max_papers
    assert set(taken) | left.keys() == {e.id for e in entries}
    assert not set(taken) & left.keys()
    assert all(item.reason for item in selection.items)
    assert all(item.entry.is_pick or choice.topics & item.entry.topics.keys() for item in selection.items)

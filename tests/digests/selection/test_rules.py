from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.selection.choice_effect import older_issues
from digests.selection.entry_index import WEAK, Choice, Entry, IssueIndex, build_index, entries_of_papers
from digests.selection.rules import (
    OlderIssue,
    choose_fallback_places,
    entries_to_explain,
    fallback_items,
    reasons_left_out,
    select,
)

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


def chosen(entries: list[Entry], choice: Choice, had: Collection[int] = (), **limits: int) -> list[int]:
    return [item.entry.id for item in select(build_index(entries, [choice], **limits), choice, had)]


def why(index: IssueIndex, choice: Choice) -> dict[int, str]:
    return reasons_left_out(index, choice, select(index, choice))


VISION = Choice(frozenset({"vision"}))


def test_a_reader_gets_papers_of_the_chosen_topics_in_the_issues_order() -> None:
    assert chosen([entry(1, "vision"), entry(2, "audio"), entry(3, "vision")], VISION) == [1, 3]


def test_the_front_stands_before_the_shelf_whatever_the_score() -> None:
    entries = [entry(1, "vision", score=1.0), entry(2, "vision", is_front=False, score=50.0)]
    assert chosen(entries, VISION) == [1, 2]


def shelved(number: int, *topics: str, fit: float = 0.8, **fields: Any) -> Entry:
    return entry(number, *topics, is_front=False, fits=dict.fromkeys(topics, fit), **{"score": 0.0} | fields)


def test_the_best_few_of_each_topics_shelf_come_before_the_rest_of_any() -> None:
    shelf = [shelved(n, "vision", fit=0.9) for n in range(1, 9)] + [shelved(n, "audio") for n in range(9, 12)]
    choice = Choice(frozenset({"vision", "audio"}))
    assert chosen(shelf, choice, shelf_per_topic=3) == [1, 2, 3, 9, 10, 11, 4, 5, 6, 7]


def test_what_is_muted_or_was_had_is_taken_out_before_the_best_few_are_counted() -> None:
    shelf = [shelved(1, "vision", title="A survey"), *[shelved(n, "vision") for n in range(2, 7)], shelved(7, "audio")]
    choice = Choice(frozenset({"vision", "audio"}), muted_phrases=("survey",), max_papers=3)
    assert chosen(shelf, choice, had={2}, shelf_per_topic=2) == [3, 4, 7]


def test_the_shelf_stands_in_the_order_of_fit_and_score_together() -> None:
    shelf = [
        shelved(1, "vision", fit=0.7),
        shelved(2, "vision", fit=0.9),
        shelved(3, "vision", fit=0.7, score=5.0),
        shelved(4, "vision", fit=0.9, score=1.0),
    ]
    assert chosen(shelf, VISION) == [4, 2, 3, 1]


def test_scores_of_a_shelf_are_compared_within_a_topic_only() -> None:
    shelf = [shelved(n, "vision", fit=0.7, score=100.0 + n) for n in range(1, 4)]
    shelf += [shelved(n, "audio", fit=0.7, score=n / 10) for n in range(4, 7)]
    assert chosen(shelf, Choice(frozenset({"vision", "audio"}), max_papers=2)) == [3, 6]


def test_a_paper_that_fits_poorly_comes_last_and_never_alone() -> None:
    weak, strong = shelved(1, "vision", fit=0.4, score=9.0), shelved(2, "vision")
    leading = entry(3, "vision", fits={"vision": 0.3})
    assert chosen([leading, weak, strong], VISION) == [2, 1, 3]
    assert chosen([leading, weak], VISION) == []
    assert why(build_index([weak]), VISION) == {1: "it fits the topic poorly, and nothing better stands before it"}


def test_a_paper_that_fits_poorly_is_held_to_the_minimum_score_too() -> None:
    entries = [shelved(1, "vision", score=9.0), shelved(2, "vision", fit=0.4, score=1.0)]
    assert chosen(entries, Choice(frozenset({"vision"}), minimum_score=5.0)) == [1]


def test_a_weak_fit_is_no_hindrance_under_another_topic_that_fits() -> None:
    both = entry(1, "vision", "audio", is_front=False, fits={"vision": 0.2, "audio": 0.9})
    choice = Choice(frozenset({"vision", "audio"}))
    assert [item.reason for item in select(build_index([both]), choice)] == ["Audio"]


def test_a_paper_whose_fit_is_unknown_is_not_weak_and_stands_behind_what_fits_well() -> None:
    unknown = entry(1, "vision", is_front=False, score=0.0)
    assert chosen([unknown], VISION) == [1]
    assert chosen([unknown, shelved(2, "vision", fit=0.9)], VISION) == [2, 1]


# Older issues


def older(*entries: Entry, closed: Collection[int] = ()) -> OlderIssue:
    index = build_index(entries)
    return OlderIssue(index, entries_of_papers(index, set(closed)))


def test_older_issues_fill_up_what_the_span_leaves_the_newest_first_and_name_their_day() -> None:
    index = build_index([shelved(1, "vision")])
    before = [
        older(shelved(2, "vision", day=date(2026, 5, 2)), shelved(3, "audio")),
        older(entry(4, "vision", day=date(2026, 5, 1), votes=3), shelved(5, "vision")),
    ]
    items = select(index, Choice(frozenset({"vision"}), max_papers=3), older=before)
    assert [(item.entry.id, item.reason) for item in items] == [
        (1, "Vision"),
        (2, "Vision · from 2 May"),
        (4, "Vision · 3 votes · from 1 May"),
    ]


def test_older_issues_bring_nothing_muted_or_had_or_closed_and_nothing_weak() -> None:
    before = older(
        shelved(1, "vision", title="A survey"), shelved(2, "vision"), shelved(3, "vision"),
        shelved(4, "vision", fit=0.3), shelved(5, "vision"), closed={3},
    )  # fmt: skip
    choice = Choice(frozenset({"vision"}), muted_phrases=("survey",))
    items = select(build_index([], [choice]), choice, had={2}, older=[before])
    assert [item.entry.id for item in items] == [5]


def test_a_full_digest_reads_no_older_issue_and_a_filled_one_reads_no_further() -> None:
    def read(*issues: OlderIssue) -> Iterator[OlderIssue]:
        yield from issues
        pytest.fail("an older issue was read for nothing")

    index, choice = build_index([entry(1, "vision")]), Choice(frozenset({"vision"}), max_papers=1)
    assert [item.entry.id for item in select(index, choice, older=read())] == [1]
    two = replace(choice, max_papers=2)
    assert [item.entry.id for item in select(index, two, older=read(older(entry(2, "vision"))))] == [1, 2]


def test_an_older_pick_counts_by_its_topics_alone() -> None:
    before = older(entry(1, "audio", is_pick=True), entry(2, "vision", is_pick=True))
    items = select(build_index([]), VISION, older=[before])
    assert [(item.entry.id, item.reason) for item in items] == [(2, "Vision")]


def test_an_editors_pick_goes_to_every_reader_and_comes_first() -> None:
    assert chosen([entry(1, "vision"), entry(2, "audio", is_pick=True)], VISION) == [2, 1]


def test_a_followed_phrase_takes_a_paper_from_the_shelf_whatever_its_topics() -> None:
    entries = [entry(1, "vision"), entry(2, "audio", is_front=False, title="Gaussian splatting on phones")]
    choice = Choice(frozenset({"vision"}), followed_phrases=("gaussian splatting",))
    assert chosen(entries, choice) == [1, 2]


TOKENIZER = Choice(frozenset({"vision"}), followed_phrases=("tokenizer",), max_papers=3)


def beside_many(**fields: Any) -> list[Entry]:
    """Return an entry on audio with `fields`, and more papers on vision than a digest holds."""
    return [entry(1, "audio", **fields), *(entry(number, "vision") for number in range(2, 20))]


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"title": "A tokenizer of sounds"}, [2, 3, 1]),
        ({"summary": "Our tokenizer cuts sounds. No tokenizer is faster."}, [2, 3, 4]),
    ],
    ids=["in the title", "in the abstract"],
)
def test_a_paper_on_other_topics_comes_behind_the_readers_own_and_only_if_its_title_has_the_phrase(
    fields: dict[str, str], numbers: list[int]
) -> None:
    assert chosen(beside_many(**fields), TOKENIZER) == numbers


def test_a_followed_phrase_in_passing_has_a_sure_place_in_a_paper_on_the_readers_topics() -> None:
    entries = beside_many(summary="We also change the tokenizer.")
    assert chosen(entries, replace(TOKENIZER, topics=frozenset({"vision", "audio"}))) == [2, 3, 1]


@pytest.mark.parametrize(
    "fields", [{"title": "A tokenizer of sounds"}, {"summary": "Our tokenizer cuts. No tokenizer is faster."}]
)
def test_a_followed_phrase_leads_on_the_readers_topics_where_much_is_made_of_it(fields: dict[str, str]) -> None:
    assert chosen(beside_many(**fields), replace(TOKENIZER, topics=frozenset({"vision", "audio"}))) == [1, 2, 3]


def test_a_small_topic_without_better_papers_brings_those_that_fit_fairly() -> None:
    fair, poor = shelved(1, "vision", fit=0.6), shelved(2, "vision", fit=0.3)
    assert chosen([poor, fair], VISION) == [1, 2]
    assert chosen([poor], VISION) == []
    assert chosen([shelved(3, "vision", fit=0.55, score=9.0), fair], VISION) == [1, 3]


def test_poor_fits_fill_a_digest_up_to_three_papers_and_no_further() -> None:
    poor = [shelved(number, "vision", fit=0.4) for number in range(10, 20)]
    assert chosen([entry(1, "vision"), *poor], VISION) == [1, 10, 11]
    assert chosen([*(entry(number, "vision") for number in range(1, 7)), *poor], VISION) == [1, 2, 3, 4, 5, 6]


def test_fair_fits_fill_a_digest_up_to_five_papers_behind_older_ones() -> None:
    fair = [shelved(number, "vision", fit=0.65) for number in range(10, 30)]
    assert chosen([entry(1, "vision"), *fair], VISION) == [1, 10, 11, 12, 13]
    older = OlderIssue(build_index([shelved(40, "vision", fit=0.9)]), 0)
    items = select(build_index([entry(1, "vision"), *fair]), VISION, older=[older])
    assert [item.entry.id for item in items][:2] == [1, 40]


def test_votes_put_a_paper_first_only_if_it_fits_well() -> None:
    voted, fitting = entry(1, "vision", fits={"vision": 0.72}, score=50.0), shelved(2, "vision", fit=0.95)
    assert chosen([voted, fitting], VISION) == [2, 1]
    assert chosen([replace(voted, fits={"vision": 0.9}), fitting], VISION) == [1, 2]


def test_picks_count_among_the_five_papers_that_weak_fits_fill_up() -> None:
    weak = [shelved(number, "vision", fit=0.65) for number in range(10, 20)]
    picks = [entry(number, "audio", is_pick=True) for number in range(1, 6)]
    assert chosen([*picks, *weak], VISION) == [1, 2, 3, 4, 5]
    assert chosen([*picks[:3], *weak], VISION) == [1, 2, 3, 10, 11]
    assert chosen([entry(1, "audio", paper_id=-1, is_pick=True), *weak], VISION) == [1, 10, 11, 12, 13, 14]


def test_a_weak_fit_beyond_five_papers_is_left_out_for_that_and_not_for_the_limit() -> None:
    index = build_index([entry(1, "vision"), *[shelved(number, "vision", fit=0.65) for number in range(10, 15)]])
    five = "it fits the topic weakly, and weak fits come only up to 5 papers in all"
    assert why(index, VISION) == {14: five}
    assert why(index, replace(VISION, max_papers=4)) == {
        13: "beyond the reader’s limit of 4",
        14: "beyond the reader’s limit of 4",
    }


def test_a_poor_fit_beside_a_fallback_is_left_out_because_nothing_better_stands_before_it() -> None:
    index = build_index([entry(1, "audio"), shelved(2, "vision", fit=0.4)])
    best = fallback_items(choose_fallback_places(index, VISION), VISION)
    assert reasons_left_out(index, VISION, best, is_fallback=True) == {
        2: "it fits the topic poorly, and nothing better stands before it"
    }


def test_a_reader_without_topics_gets_every_paper_that_names_a_followed_phrase() -> None:
    assert chosen(beside_many(summary="We also change the tokenizer."), replace(TOKENIZER, topics=frozenset())) == [1]


def test_a_followed_author_is_never_missed_and_is_given_as_the_reason() -> None:
    choice = Choice(frozenset({"vision"}), followed_authors=("Ada Example",))
    index = build_index([entry(1, "audio", is_front=False, authors=("Ada Example",))], [choice])
    assert [item.reason for item in select(index, choice)] == ["You follow Ada Example"]


def test_only_what_a_reader_follows_and_a_paper_has_is_given_as_the_reason() -> None:
    choice = Choice(frozenset(), ("splats", "phones"), ("Ada Example", "Bo Sample"))
    entries = [
        entry(1, "audio", authors=("Bo Sample",)),
        entry(2, "audio", title="Splats"),
        entry(3, "audio", authors=("Cy Other",)),
    ]
    items = select(build_index(entries, [choice]), choice)
    assert [(item.entry.id, item.reason) for item in items] == [
        (1, "You follow Bo Sample"),
        (2, "You follow “splats”"),
    ]


def test_what_is_muted_stays_out_even_where_it_is_followed_or_picked() -> None:
    entries = [entry(1, "vision", is_pick=True, title="A survey of everything"), entry(2, "vision")]
    choice = Choice(frozenset({"vision"}), followed_phrases=("survey",), muted_phrases=("survey",))
    assert chosen(entries, choice) == [2]


@pytest.mark.parametrize("phrase", ["large language model", "Large language models", "LLM", "llm"])
@pytest.mark.parametrize("title", ["Of LLMs", "The LLM", "Large-language models", "A large language model"])
def test_a_muted_phrase_mutes_its_abbreviation_and_its_plural_too(phrase: str, title: str) -> None:
    entries = [entry(1, "vision", title=title), entry(2, "vision", title="Of language")]
    assert chosen(entries, replace(VISION, muted_phrases=(phrase,))) == [2]


@pytest.mark.parametrize(
    ("summary", "numbers"),
    [("Large language models (LLMs) err.", [2, 3, 1]), ("Large language models (LLMs) err. LLMs learn.", [1, 2, 3])],
)
def test_an_abbreviation_behind_its_phrase_names_it_no_second_time(summary: str, numbers: list[int]) -> None:
    choice = Choice(frozenset({"vision", "audio"}), followed_phrases=("large language model",), max_papers=3)
    assert chosen(beside_many(summary=summary), choice) == numbers


def test_what_a_reader_had_before_is_left_out() -> None:
    index = build_index([entry(1, "vision"), entry(2, "vision")])
    assert [item.entry.id for item in select(index, VISION, had={1})] == [2]


def test_a_paper_on_an_earlier_shelf_and_a_front_of_the_span_stands_once_on_the_front() -> None:
    entries = [entry(1, "vision", paper_id=7), entry(2, "vision", paper_id=7, is_front=False)]
    assert chosen(entries, VISION) == [1]


def test_the_limit_holds() -> None:
    index = build_index([entry(n, "vision") for n in range(1, 20)])
    assert len(select(index, Choice(frozenset({"vision"}), max_papers=5))) == 5


@given(st.sets(st.sampled_from(sorted(TOPICS))), st.sets(st.sampled_from(sorted(TOPICS)), min_size=1))
def test_a_reason_names_one_topic_and_one_word_at_most(own: set[str], chosen_topics: set[str]) -> None:
    evidence = {slug: f"word of {slug}" for slug in own}
    index, choice = build_index([entry(1, *own, evidence=evidence)]), Choice(frozenset(chosen_topics))
    reasons = [item.reason for item in select(index, choice)]
    assert reasons in [[f"{TOPICS[slug]}: word of {slug}"] for slug in own & chosen_topics] or not own & chosen_topics


def test_readers_who_get_a_paper_for_the_same_reason_share_one_item() -> None:
    index = build_index([entry(1, "vision", "audio", is_pick=True)])
    first, second = (select(index, choice) for choice in (VISION, replace(VISION, max_papers=3)))
    assert first[0] is second[0]
    assert first[0].reason == "Editors’ pick · Vision"
    assert select(index, Choice(frozenset({"audio"})))[0].reason == "Editors’ pick · Audio"


@pytest.mark.parametrize(("votes", "reason"), [(41, "Vision · 41 votes"), (1, "Vision · 1 vote"), (0, "Vision")])
def test_the_reason_names_the_readers_topic_and_the_votes(votes: int, reason: str) -> None:
    index = build_index([entry(1, "vision", "audio", votes=votes)])
    assert select(index, VISION)[0].reason == reason


def test_papers_below_the_minimum_score_come_only_where_they_are_followed_or_picked() -> None:
    entries = [entry(1, "vision", score=9.0), entry(2, "vision", score=1.0), entry(3, is_pick=True, score=1.0)]
    assert chosen(entries, Choice(frozenset({"vision"}), minimum_score=5.0)) == [3, 1]


def test_without_a_match_the_fallback_brings_the_fronts_best() -> None:
    index = build_index([entry(1, "audio", votes=9), entry(2, "audio", is_front=False)])
    shown = fallback_items(choose_fallback_places(index, VISION), VISION)
    assert [item.reason for item in shown] == ["From the newest issue · 9 votes"]


# Free items


def test_a_free_item_comes_with_papers_or_a_pick_and_never_alone() -> None:
    note = entry(1, paper_id=-1)
    assert chosen([note, entry(2, "vision")], VISION) == [1, 2]
    assert chosen([note, entry(2, "audio", is_pick=True)], VISION) == [1, 2]
    assert chosen([note, entry(2, "audio")], VISION) == []
    assert chosen([entry(1, paper_id=-1, is_pick=True)], VISION) == [1]


def test_a_fallback_brings_free_items_first_under_their_own_reason_and_nothing_muted() -> None:
    entries = [entry(1, "audio"), entry(2, "audio", title="A survey"), entry(3, paper_id=-3)]
    choice = replace(VISION, muted_phrases=("survey",))
    index = build_index(entries, [choice])
    shown = fallback_items(choose_fallback_places(index, choice), choice)
    assert [(item.entry.id, item.reason) for item in shown] == [(3, "From the editors"), (1, "From the newest issue")]
    assert choose_fallback_places(index, choice, had={1}) == []


# What was left out


def test_each_entry_that_was_left_out_has_the_first_reason_that_keeps_it_out() -> None:
    choice = replace(VISION, muted_phrases=("survey",), followed_phrases=("splats",), minimum_score=5.0, max_papers=1)
    entries = [
        entry(1, "vision", score=9.0, title="Chosen splats"),
        entry(2, "vision", score=9.0, title="A survey of splats"),
        entry(3, "vision", score=9.0, title="Had splats"),
        entry(4, "audio", score=9.0),
        entry(5, "vision", score=1.0),
        entry(6, "vision", score=9.0),
        entry(7, "audio", score=1.0, title="More splats"),
        entry(8, "vision", score=9.0, fits={"vision": 0.3}),
    ]
    index = build_index(entries, [choice])
    assert reasons_left_out(index, choice, select(index, choice, had={2, 3}), had={2, 3}) == {
        2: "muted",
        3: "sent before",
        4: "none of the reader’s topics",
        5: "below the reader’s minimum score",
        6: "beyond the reader’s limit of 1",
        7: "beyond the reader’s limit of 1",
        8: "beyond the reader’s limit of 1",
    }


def test_a_free_item_without_papers_is_left_out_with_that_reason() -> None:
    index = build_index([entry(1, paper_id=-1), entry(2, "audio")])
    assert why(index, VISION) == {
        1: "it comes along with papers, and there were none",
        2: "none of the reader’s topics",
    }


def test_a_reader_may_ask_after_the_front_and_what_fits_the_choice() -> None:
    choice = replace(VISION, followed_phrases=("splats",), muted_phrases=("survey",))
    entries = [
        entry(1, "audio"),
        shelved(2, "vision"),
        shelved(3, "audio"),
        shelved(4, "audio", title="Splats"),
        shelved(5, "audio", title="A survey"),
    ]
    asked = entries_to_explain(build_index(entries, [choice]), choice)
    assert [number for number in range(1, 6) if asked >> number - 1 & 1] == [1, 2, 4, 5]


topics = st.dictionaries(st.sampled_from(sorted(TOPICS)), st.sampled_from([0.2, 0.6, 0.9]))
entries = st.builds(
    lambda paper, fits, is_front, is_pick, score: (paper, fits, is_front, is_pick and is_front, score),
    st.integers(1, 40), topics, st.booleans(), st.booleans(), st.sampled_from([0.0, 1.0, 5.0]),
)  # fmt: skip
issues = st.lists(entries, max_size=20, unique_by=lambda row: row[0])
choices_of = st.builds(
    Choice,
    st.frozensets(st.sampled_from(sorted(TOPICS))),
    max_papers=st.integers(1, 12),
    minimum_score=st.sampled_from([0.0, 0.0, 1.0]),
)


def made(rows: list[Any], first: int = 0) -> list[Entry]:
    rows = sorted(rows, key=lambda row: (not row[2], -row[4]))
    return [
        entry(first + n, *sorted(fits), paper_id=paper, is_front=front, is_pick=pick, score=score, fits=fits)
        for n, (paper, fits, front, pick, score) in enumerate(rows, start=1)
    ]


def is_strong(one: Entry, choice: Choice) -> bool:
    fits = any(one.fit(slug) >= WEAK for slug in choice.topics & one.topics.keys())
    return one.is_pick or (fits and one.score >= choice.minimum_score)


@given(issues, choices_of, st.sets(st.integers(1, 40)))
def test_every_entry_is_either_chosen_or_left_out_for_one_reason(
    rows: list[Any], choice: Choice, had: set[int]
) -> None:
    index = build_index(made(rows))
    items = select(index, choice, had)
    taken = [item.entry.id for item in items]
    left = reasons_left_out(index, choice, items, had)
    assert len(taken) == len(set(taken)) <= choice.max_papers
    assert set(taken) | left.keys() == {e.id for e in index.entries}
    assert not set(taken) & left.keys()
    assert all(item.reason for item in items)
    assert all(item.entry.is_pick or choice.topics & item.entry.topics.keys() for item in items)


@given(st.lists(issues, min_size=1, max_size=4), choices_of, st.sets(st.integers(1, 40)))
def test_a_digest_is_full_or_holds_all_that_fits_and_begins_with_its_own_and_what_fits(
    days: list[list[Any]], choice: Choice, had: set[int]
) -> None:
    indexes = [build_index(made(rows, first=100 * number)) for number, rows in enumerate(days)]
    before = list(older_issues(indexes[0], indexes[1:]))
    chosen_entries = [item.entry for item in select(indexes[0], choice, had, before)]
    papers = [one.paper_id for one in chosen_entries]
    stands: dict[int, Entry] = {}
    for index in indexes:
        for one in index.entries:
            stands.setdefault(one.paper_id, one)
    own = set(indexes[0].by_paper)
    wanted = {
        paper
        for paper, one in stands.items()
        if paper not in had and is_strong(replace(one, is_pick=one.is_pick and paper in own), choice)
    }
    ranks = [
        0 if one.is_pick and one.paper_id in own else 1 if one.paper_id in wanted else 2 for one in chosen_entries
    ]
    assert len(papers) == len(set(papers)) <= choice.max_papers
    assert not set(papers) & had
    assert ranks == sorted(ranks)
    if ranks[:1] == [2]:
        assert max(one.fit(slug) for one in chosen_entries for slug in choice.topics & one.topics.keys()) >= 0.5
    assert len(papers) == choice.max_papers or wanted <= set(papers)
    strong = [paper in own for paper, rank in zip(papers, ranks, strict=True) if rank < 2]
    assert strong == sorted(strong, reverse=True)

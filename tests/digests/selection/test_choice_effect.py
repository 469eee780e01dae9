from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from digests.selection.choice_effect import Effect, IssueDay, Week, effects, entries_by, entries_with, first_effect
from digests.selection.entry_index import Choice, Entry, build_index, index_words
from tests.digests.selection.test_rules import VISION, entry
from tests.factories import MONDAY

DAY = timedelta(days=1)
# Words that meet in their singular, capitals, marks, and letters that change their number in small letters.
WORDS = "model XL Models policy policies RAG RAGs rag C++ c y ie ies boxes Straße ﬁne İstanbul … . , - _ s news"
PARTS = st.sampled_from(WORDS.split())
TEXTS = st.lists(PARTS | st.sampled_from(" \n"), max_size=8).map("".join) | st.lists(PARTS, max_size=8).map(" ".join)


def week(*entries: list[Entry] | None) -> list[IssueDay]:
    """Return days from Monday on, each with its entries, or without an issue."""
    return [
        IssueDay(MONDAY + days * DAY, None if of_day is None else build_index(of_day))
        for days, of_day in enumerate(entries)
    ]


def titles(days: list[IssueDay], choice: Choice) -> list[tuple[str, ...]]:
    return [effect.titles for effect in effects(days, choice)]


def test_each_day_says_what_it_would_have_brought_newest_first() -> None:
    seen, heard, *later = entry(1, "vision"), entry(2, "audio"), entry(3, "vision"), entry(4, "vision")
    assert effects(week([seen, heard], later), VISION) == [
        Effect(MONDAY + DAY, True, tuple(later)),
        Effect(MONDAY, True, (seen,)),
    ]


def test_a_day_without_an_issue_differs_from_one_without_a_match() -> None:
    assert effects(week(None, [entry(1, "audio")]), VISION) == [Effect(MONDAY + DAY, True), Effect(MONDAY, False)]


def test_a_paper_that_rose_from_the_shelf_to_the_front_comes_once() -> None:
    days = week([entry(1, "vision", paper_id=7, is_front=False)], [entry(2, "vision", paper_id=7), entry(3, "vision")])
    assert titles(days, VISION) == [("Paper 3",), ("Paper 1",)]


def test_a_paper_that_found_no_room_on_the_shelf_comes_with_the_front() -> None:
    days = week([entry(1, "vision"), entry(2, "vision", paper_id=7, is_front=False)], [entry(3, "vision", paper_id=7)])
    choice = Choice(frozenset({"vision"}), max_papers=1)
    assert titles(days, choice) == [("Paper 3",), ("Paper 1",)]


def test_what_is_followed_and_muted_counts() -> None:
    days = week(
        [
            entry(1, "vision", title="A survey of seeing"),
            entry(2, "audio", title="Gaussian splats on phones"),
            entry(3, "audio", authors=("Ada Example",)),
            entry(4, "vision", authors=("Bo Sample",)),
        ]
    )
    choice = Choice(
        frozenset({"vision"}),
        followed_phrases=("gaussian splat",),
        followed_authors=("ada example",),
        muted_phrases=("survey",),
        muted_authors=("BO SAMPLE",),
    )
    assert [sorted(day) for day in titles(days, choice)] == [["Gaussian splats on phones", "Paper 3"]]


def test_the_limit_and_the_minimum_score_count() -> None:
    days = week([entry(1, "vision", score=9.0), entry(2, "vision", score=8.0), entry(3, "vision", score=1.0)])
    assert titles(days, Choice(frozenset({"vision"}), max_papers=1)) == [("Paper 1",)]
    assert titles(days, Choice(frozenset({"vision"}), minimum_score=5.0)) == [("Paper 1", "Paper 2")]


def test_a_newcomer_is_shown_the_newest_issue_filled_up_from_those_before() -> None:
    days = week([entry(1, "vision"), entry(2, "vision")], [entry(3, "vision"), entry(1, "vision")], None)
    first = first_effect(days, VISION)
    assert first
    assert (first.date, first.titles) == (MONDAY + DAY, ("Paper 3", "Paper 1", "Paper 2"))
    assert first_effect(week(None, None), VISION) is None


def test_a_week_says_how_many_papers_an_issue_brings_on_average_one_at_least() -> None:
    def average(*counts: int | None) -> int:
        days = [Effect(MONDAY, count is not None, (entry(1),) * (count or 0)) for count in counts]
        return Week(days).papers_an_issue

    assert average(4, None, 2, 0) == 2
    assert average(1, None, 1) == 1
    assert average(0, 1, 0) == average(None) == average() == 1
    assert average(9, 10, 10) == 10


def test_an_index_is_as_before_whoever_asked() -> None:
    days = week([entry(1, "vision", title="A survey")])
    effects(days, Choice(frozenset({"vision"}), followed_phrases=("survey",), muted_authors=("Ada Example",)))
    index = days[0].index
    assert index is not None
    assert (index.by_phrase, index.by_author, index.by_reason, index.words) == ({}, {}, {}, [])


@given(phrase=TEXTS, title=TEXTS, summary=TEXTS)
@example(phrase="policy", title="Policies", summary="")
@example(phrase="y", title="ie", summary="")
@example(phrase="y", title="is", summary="")
@example(phrase="RAG", title="rag.", summary="the RAGs")
@example(phrase="language. Model", title="A language. Model", summary="")
@example(phrase="c", title="C++c", summary="")
@example(phrase="large language model", title="Of LLMs", summary="llm")
@example(phrase="LLM agents", title="Large language model agents", summary="")
def test_a_phrase_is_found_where_selection_finds_it(phrase: str, title: str, summary: str) -> None:
    entries = [entry(1, title=title, summary=summary), entry(2, title=summary, summary=title)]
    index = build_index(entries)
    index_words(index, Choice(frozenset(), followed_phrases=(phrase,)))
    assert entries_with(entries, [phrase]) == index.by_phrase


@given(names=st.lists(st.sampled_from(["Ada Example", "ada example", "STRASSE", "Straße", "Bo"]), min_size=1))
def test_an_author_is_found_where_selection_finds_the_name(names: list[str]) -> None:
    entries = [entry(1, authors=("Ada EXAMPLE", "Strasse")), entry(2, authors=("Bo",)), entry(3)]
    index = build_index(entries)
    index_words(index, Choice(frozenset(), followed_authors=tuple(names)))
    assert entries_by(entries, names) == index.by_author

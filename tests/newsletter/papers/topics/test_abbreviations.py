"""A phrase is known by its well-known abbreviation too, wherever it stands in a longer one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.topics.abbreviations import SPELLINGS, spellings_of
from newsletter.papers.topics.phrase_matching import PhraseIndex


@pytest.mark.parametrize(
    ("phrase", "spellings"),
    [
        ("tokenizer", {"tokenizer"}),
        ("Large Language Models", {"Large Language Models", "LLM"}),
        ("llms", {"llms", "large language model"}),
        ("LLM agents", {"LLM agents", "large language model agents"}),
        ("mixture-of-experts", {"mixture-of-experts", "MoE"}),
        ("multimodal LLM", {"multimodal LLM", "multimodal large language model"}),
        ("", {""}),
    ],
)
def test_a_phrase_has_these_spellings(phrase: str, spellings: set[str]) -> None:
    assert set(spellings_of(phrase)) == spellings


def test_an_abbreviation_in_capitals_is_no_word_in_small_letters() -> None:
    finder = PhraseIndex(spellings_of("retrieval-augmented generation"))
    assert finder.find("RAGs") == {"RAG"}
    assert finder.find("a rag") == set()


@given(st.sampled_from(SPELLINGS), st.sampled_from(["", "agents ", "a "]))
def test_each_spelling_of_a_phrase_leads_to_all_others(spellings: tuple[str, ...], before: str) -> None:
    for one in spellings:
        assert {before + other for other in spellings} <= set(spellings_of(before + one))


def test_no_abbreviation_stands_for_two_phrases() -> None:
    names = [spelling.casefold() for spellings in SPELLINGS for spelling in spellings]
    assert len(names) == len(set(names))

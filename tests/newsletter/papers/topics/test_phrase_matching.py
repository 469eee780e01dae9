import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.topic_fit import LONE_FIT, PROMINENT_FIT, Field, Fields
from newsletter.papers.topics.phrase_matching import (
    PhraseIndex,
    TopicRule,
    compile_topics,
    normalise,
    split_words,
)

SPLATTING = TopicRule(
    slug="3d",
    categories=("cs.CG",),
    phrases=("gaussian splatting", "NeRF"),
    weak_phrases=("mesh", "scene"),
    exclusions=("finite element",),
)
ENGLISH_WORDS = st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=1, max_size=4)


def topics_of(title: str = "", abstract: str = "", *categories: str) -> set[str]:
    return set(compile_topics([SPLATTING]).match(title, abstract, categories))


def test_a_phrase_in_the_title_gives_the_topic() -> None:
    assert topics_of("Gaussian splatting in the dark") == {"3d"}


def test_a_phrase_seen_once_in_the_abstract_does_not() -> None:
    assert topics_of("A survey", "It names gaussian splatting.") == set()


def test_a_phrase_seen_twice_in_the_abstract_gives_the_topic() -> None:
    assert topics_of("A survey", "Gaussian splatting is fast; gaussian splatting is new.") == {"3d"}


def test_two_phrases_in_the_abstract_give_the_topic() -> None:
    assert topics_of("A survey", "Gaussian splatting beats NeRF.") == {"3d"}


def test_a_weak_phrase_is_half_a_phrase() -> None:
    assert topics_of("A mesh") == set()
    assert topics_of("A mesh of the scene") == {"3d"}
    assert topics_of("A mesh", "We use gaussian splatting.") == {"3d"}


def test_a_weak_phrase_alone_never_gives_the_topic() -> None:
    assert topics_of("Mesh, mesh, mesh", "mesh. " * 50) == set()


def test_a_category_gives_the_topic_by_itself() -> None:
    assert compile_topics([SPLATTING]).match("On polygons", "", ["cs.CG"])["3d"].evidence == ("cs.CG",)


def test_a_star_stands_for_the_whole_archive() -> None:
    matcher = compile_topics([TopicRule("biology", categories=("q-bio.*", "q-bio.QM"))])

    assert matcher.match("", "", ["q-bio.QM"])["biology"].evidence == ("q-bio.QM",)
    assert matcher.match("", "", ["q-bio"])["biology"].evidence == ("q-bio",)
    assert matcher.match("", "", ["q-fin.GN"]) == {}


def test_an_exclusion_takes_the_topic_from_the_words_but_not_from_the_category() -> None:
    assert topics_of("Gaussian splatting", "A finite-element study.") == set()
    assert topics_of("Gaussian splatting", "A finite-element study.", "cs.CG") == {"3d"}


def test_the_evidence_names_categories_and_phrases_strongest_first() -> None:
    found = compile_topics([SPLATTING]).match("A NeRF of meshes", "Gaussian splatting.", ["cs.LG", "cs.CG"])

    assert found["3d"].evidence == ("cs.CG", "phrase: NeRF", "phrase: gaussian splatting", "phrase: mesh")


def test_of_phrases_with_equal_points_the_one_that_more_is_made_of_comes_first() -> None:
    abstract = "NeRF or gaussian splatting. " + "We train it. " * 12 + "NeRF, gaussian splatting, NeRF."
    found = compile_topics([SPLATTING]).match("On gaussian splatting", abstract)
    assert found["3d"].evidence == ("phrase: gaussian splatting", "phrase: NeRF")


def test_of_phrases_that_equally_much_is_made_of_the_one_that_tells_most_of_the_field_comes_first() -> None:
    fields = Fields({"3d": Field(phrases={"NeRF": 20, "gaussian splatting": 90})})
    found = compile_topics([SPLATTING], fields).match("NeRF and gaussian splatting", "")
    assert found["3d"].evidence == ("phrase: gaussian splatting", "phrase: NeRF")


def test_one_phrase_alone_needs_less_fit_where_title_and_abstract_begin_with_it() -> None:
    match = compile_topics([SPLATTING], Fields({"3d": Field(base=-20, phrases={"NeRF": 0})})).match
    prominent = match("On NeRF", "NeRF is fast.")["3d"].fit
    assert PROMINENT_FIT < prominent < LONE_FIT
    assert match("On NeRF", f"{'We train it. ' * 12}NeRF and NeRF.") == {}
    assert "3d" in match("On NeRF and gaussian splatting", "We train it.")


def test_a_paper_keeps_its_strongest_topics() -> None:
    rules = [TopicRule(f"t{number}", phrases=("alpha",)) for number in range(6)]
    rules.append(TopicRule("strong", phrases=("alpha", "beta")))
    rules.append(TopicRule("zz", categories=("cs.ZZ",)))

    found = compile_topics(rules).match("alpha beta", "", ["cs.ZZ"])

    assert list(found) == ["zz", "strong", "t0", "t1"]


def test_the_order_of_the_rules_does_not_matter() -> None:
    rules = [TopicRule(f"t{number}", phrases=("alpha", f"beta{number % 2}")) for number in range(9)]
    text = ("alpha beta1", "beta0")

    assert list(compile_topics(rules).match(*text)) == list(compile_topics(rules[::-1]).match(*text))


def test_the_evidence_is_capped() -> None:
    rule = TopicRule("long", phrases=tuple(f"word{number}" for number in range(20)))

    found = compile_topics([rule]).match(" ".join(rule.phrases), "")

    assert len(found["long"].evidence) == 6


def test_a_phrase_may_belong_to_several_topics() -> None:
    rules = [TopicRule("a", phrases=("NeRF",)), TopicRule("b", phrases=("NeRF",), exclusions=("mesh",))]

    assert set(compile_topics(rules).match("NeRF", "")) == {"a", "b"}
    assert set(compile_topics(rules).match("NeRF to mesh", "")) == {"a"}


def test_two_spellings_of_a_phrase_count_once() -> None:
    rule = TopicRule("a", phrases=("chain of thought", "chain-of-thought"), weak_phrases=("Chains of thought",))

    assert compile_topics([rule]).match("", "A chain of thought.") == {}
    assert compile_topics([rule]).match("Chain of thought", "")["a"].evidence == ("phrase: chain of thought",)


def test_a_paper_without_words_has_no_topic() -> None:
    assert topics_of() == set()


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("language model", "Large Language Models"),
        ("language models", "a language model"),
        ("language model", "the language-model era"),
        ("text-to-image", "text to image"),
        ("policy", "policies"),
        ("mesh", "Meshes everywhere"),
        ("cache", "two caches"),
        ("RAG", "agentic RAG"),
        ("GPU", "on 64 GPUs"),
        ("C++", "in C++ and C#"),
        ("GPT-4.5", "we ask GPT-4.5 twice"),
        ("Schrödinger", "the Schro\u0308dinger bridge"),
        (" (GAN) ", "a GAN"),
        ("自然 言語", "自然 言語"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str) -> None:
    assert PhraseIndex([phrase]).find(text) == {phrase}


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("language model", "language. Model"),
        ("vision language", "vision, language and action"),
        ("model", "remodelled"),
        ("art", "state-of-the-artist"),
        ("RAG", "a rag doll"),
        ("RAG", "RAGE"),
        ("C++", "vitamin C"),
        ("", "anything"),
        ("?!", "what?!"),
        ("new", "the news"),
    ],
)
def test_a_phrase_is_not_found(phrase: str, text: str) -> None:
    assert PhraseIndex([phrase]).find(text) == set()


def test_phrases_that_overlap_are_all_found() -> None:
    phrases = {"vision language", "language model", "vision language model", "model", "models"}

    assert PhraseIndex(phrases).find("A vision-language model") == phrases


@given(ENGLISH_WORDS, ENGLISH_WORDS, ENGLISH_WORDS)
def test_a_phrase_is_found_wherever_it_stands(before: list[str], words: list[str], after: list[str]) -> None:
    phrase = " ".join(words)

    assert PhraseIndex([phrase]).find(" ".join([*before, *words, *after])) == {phrase}


@given(st.text(), st.lists(st.text(max_size=12), max_size=8))
def test_only_given_phrases_are_found_in_any_text(text: str, phrases: list[str]) -> None:
    assert PhraseIndex(phrases).find(text) <= set(phrases)


@given(st.from_regex(r"[a-z]{3,9}[bcdfghklmnprtvwz]", fullmatch=True))
def test_a_word_and_its_plural_are_one(word: str) -> None:
    plural = word + ("es" if word.endswith(("ch", "sh", "z")) else "s")

    assert normalise(plural) == normalise(word)


@given(st.text())
def test_a_word_never_vanishes(text: str) -> None:
    assert all(normalise(word) for word in split_words(text))


def test_ten_times_the_topics_cost_less_than_three_times_the_time() -> None:
    few = [rule_numbered(number) for number in range(40)]
    many = [rule_numbered(number) for number in range(400)]
    papers = [f"words{number} of topic{number % 40} and kind{number % 7}. " * 40 for number in range(300)]

    assert seconds_for(many, papers) < 3 * seconds_for(few, papers)


def rule_numbered(number: int) -> TopicRule:
    phrases = tuple(f"topic{number} kind{kind}" for kind in range(40))
    return TopicRule(f"topic{number}", phrases=phrases, weak_phrases=(f"topic{number}",))


def seconds_for(rules: list[TopicRule], papers: list[str]) -> float:
    """Return the least processor time of three runs: other work on the machine does not count."""
    matcher = compile_topics(rules)
    return min(timed(matcher.match, papers) for _ in range(3))


def timed(match: object, papers: list[str]) -> float:
    assert callable(match)
    start = time.process_time()
    for paper in papers:
        match("A title", paper)
    return time.process_time() - start

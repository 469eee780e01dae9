"""What no reader should see of a text: marks of markup, lost names, loose brackets and addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.summary.repairs import repair
from newsletter.papers.summary.sentences import one_line, split_sentences
from newsletter.papers.summary.summarize import summarize


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("We propose **Atlas**, a tool.", "We propose Atlas, a tool."),
        ("We propose **M**ulti-**A**gent maps.", "We propose Multi-Agent maps."),
        ("We call it *map collapse*.", "We call it map collapse."),
        ("The function `draw` is new.", "The function draw is new."),
        ("We propose ours, a framework for maps.", "We propose a framework for maps."),
        ("Look-ahead rewards (ours) help.", "Look-ahead rewards help."),
        ("We study maps, built on , a set of towns.", "We study maps, built on a set of towns."),
        ("We present Atlas , a tool.", "We present Atlas, a tool."),
        ("We propose REZE}, a framework.", "We propose REZE, a framework."),
        ("A limitation {often overlooked:} is size.", "A limitation often overlooked: is size."),
        ("We propose two modules.In the first, maps age.", "We propose two modules. In the first, maps age."),
        ("We show Atlas (https://example.org/atlas), a tool.", "We show Atlas, a tool."),
        ("Maps age fast. https://example.org/atlas", "Maps age fast."),
    ],
)
def test_what_is_no_word_of_the_authors_is_left_out(text: str, repaired: str) -> None:
    assert repair(text) == repaired


@pytest.mark.parametrize(
    "text",
    [
        "We encode the **kern format.",
        "The set {0, 1, …, q-1} of A* and B*-trees, 2 * 3 * 4.",
        "We call print() and x_{i} for K ∈ {1,…,20} and [0, 1).",
        "The code is at https://example.org/a, and more.",
    ],
)
def test_formulas_and_code_stay(text: str) -> None:
    assert repair(text) == text


@given(st.text(alphabet="ab*`{}()[] ,.Xours"))
def test_repairing_only_leaves_out_or_sets_a_space(text: str) -> None:
    repaired = repair(one_line(text))

    assert len(repaired) <= len(one_line(text)) + repaired.count(". ")
    assert repaired.count("{") == repaired.count("}")


def test_a_full_stop_within_square_brackets_ends_no_sentence() -> None:
    text = "We extend maps [IEEE Trans. Inf. Theory, 2024] to towns. They age."

    assert split_sentences(text) == ["We extend maps [IEEE Trans. Inf. Theory, 2024] to towns.", "They age."]


@pytest.mark.parametrize(
    "sentence",
    [
        "Our code is available at https://example.org/maps.",
        "The dataset and code will be made publicly available soon.",
        "We release our code, see https://example.org/maps.",
        "The paper list of our survey is available online.",
    ],
)
def test_where_to_find_code_is_no_summary(sentence: str) -> None:
    summary = summarize(f"Maps of old towns age faster than their readers expect. {sentence}")

    assert summary.startswith("Maps of old towns age faster")


def test_a_statement_with_a_lost_bracket_yields_to_a_whole_one() -> None:
    broken = "We propose REVEAL Reference Verification for Evidence), a framework made for the comparison of maps."
    whole = "We show that REVEAL finds what differs between two maps of the same old town."

    assert summarize(f"{broken} {whole}") == whole
    assert summarize(broken) == broken


def test_the_first_step_of_a_list_that_is_cut_off_has_no_number() -> None:
    assert summarize("We introduce a framework that 1) gathers what the whole video shows of each old town.") == (
        "We introduce a framework that gathers what the whole video shows of each old town."
    )


def test_a_heading_of_its_own_is_no_beginning() -> None:
    assert summarize("Purpose. Maps age fast.") == "Maps age fast."


def test_a_beginning_is_not_cut_before_its_main_clause() -> None:
    text = f"While maps excel at showing old towns, their {'very ' * 40}old readers fail."

    assert summarize(text).startswith("While maps excel at showing old towns, their very")

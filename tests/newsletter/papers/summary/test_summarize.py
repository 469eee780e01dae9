import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newsletter.papers.summary import clauses, sentences, statements, summarize
from tests.benchmarks.learned.recorded_summaries import rouge1_f
from tests.benchmarks.learned.summary_weights import solve

BACKGROUND = "Road maps of growing towns age within weeks. Redrawing them by hand is slow and costly. "

words = st.text(st.characters(codec="utf-8"), max_size=400)
PIECES = (
    "We propose Atlas , a tool that redraws maps (of towns and e.g. this village [2]) ; which shows $x. To fill this "
    "gap, we further show that it is fast. In this paper, our Fig. 3 vs. https://maps.example/a-b 3.5 and by using "
    '"quotes" 我们提出。'
)
prose = st.lists(st.sampled_from(PIECES.split()), max_size=150).map(" ".join)


# What is chosen


def test_the_summary_is_the_sentence_that_states_the_contribution() -> None:
    stating = "We propose to redraw the maps of whole towns each night from nothing but the tracks of their buses."
    assert summarize.summarize(f"{BACKGROUND}{stating} It runs on one server.") == stating


def test_a_short_statement_comes_with_the_sentence_behind_it() -> None:
    stating, next_ = (
        "We introduce Atlas, an efficient tool that redraws maps.",
        "Atlas reads the tracks of buses and trams.",
    )
    assert summarize.summarize(f"{BACKGROUND}{stating} {next_}") == f"{stating} {next_}"
    assert summarize.summarize(f"{BACKGROUND}{stating} Code is available at our site.") == stating


def test_what_a_paper_does_besides_yields_to_what_it_does_first() -> None:
    first = "We propose a scheme that redraws the roads of a town within one night of work on a single server."
    besides = "We further introduce the largest collection of tracks of buses and trams of forty growing towns."
    assert summarize.summarize(f"{BACKGROUND}{first} {besides}", "Roads of a town by night") == first


@pytest.mark.parametrize(
    ("sentence", "summary"),
    [
        (
            "We study how maps of towns age over the years through three questions: What makes a road disappear?",
            "We study how maps of towns age over the years through three questions…",
        ),
        (
            "We propose a map for walkers that addresses this by drawing the steps and ramps of every single town.",
            "We propose a map for walkers, drawing the steps and ramps of every single town.",
        ),
        (
            "The aim of this paper is to redraw the maps of towns each night from the tracks of their buses.",
            "The aim of this paper is to redraw the maps of towns each night from the tracks of their buses.",
        ),
        (
            "To save the time of those who draw, a scheme that reads the tracks of buses and trams is proposed.",
            "A scheme that reads the tracks of buses and trams is proposed.",
        ),
        (
            "I introduce Atlas, a tool that redraws the maps of towns each night from the tracks of their buses.",
            "I introduce Atlas, a tool that redraws the maps of towns each night from the tracks of their buses.",
        ),
    ],
)
def test_a_sentence_that_states_is_taken_however_it_begins_and_says_only_what_is_shown(
    sentence: str, summary: str
) -> None:
    assert summarize.summarize(BACKGROUND + sentence) == summary


def test_steps_keep_their_numbers_where_two_are_shown() -> None:
    two = "We propose a tool for old maps that (i) reads the tracks of buses and (ii) redraws all roads each night."
    assert summarize.summarize(BACKGROUND + two) == two


def test_a_name_that_a_macro_lost_is_the_titles() -> None:
    abstract = BACKGROUND + "We introduce mapgen, a tool that redraws the maps of whole towns each night from tracks."
    assert summarize.summarize(abstract, "MapGEN: Night maps").startswith("We introduce MapGEN, a tool")
    unnamed = abstract.replace("mapgen", "method")
    assert summarize.summarize(unnamed, "MapGEN: Night maps").startswith("We introduce MapGEN, a tool")


def test_names_that_a_source_left_as_macros_are_no_summary_where_another_is() -> None:
    macros = "We play a tournament of all pairs of (stratG,stratH,stratC) on the maps of forty growing towns."
    other = "We prove that whoever draws the map of a town first holds an advantage that no other can make up."
    assert summarize.summarize(f"{BACKGROUND}{macros} {other}") == other


def test_a_work_without_a_name_is_a_method() -> None:
    stating = "We introduce method, which redraws the maps of whole towns each night from the tracks of their buses."
    assert summarize.summarize(BACKGROUND + stating, "Night maps").startswith("We introduce a method, which redraws")


def test_a_word_of_the_language_is_not_taken_for_the_name() -> None:
    abstract = (
        BACKGROUND + "We introduce a tool that keeps the bookmarks of whoever reads a map of an old town at night."
    )
    assert "the bookmarks of" in summarize.summarize(abstract, "BOOKMARKS: Night maps")


def test_a_paper_may_speak_of_itself() -> None:
    abstract = BACKGROUND + "This paper shows that the tracks of buses are enough to redraw a town within one night."
    assert summarize.summarize(abstract).startswith("This paper shows that the tracks of buses are enough")


def test_the_beginning_stands_in_where_nothing_is_stated() -> None:
    assert summarize.summarize(BACKGROUND) == BACKGROUND.strip()


def test_a_finding_stands_in_before_the_beginning_does() -> None:
    finding = "Experiments on forty towns show that the tracks of buses are enough to redraw a map in one night."
    assert summarize.summarize(BACKGROUND + finding) == finding


def test_an_empty_abstract_has_an_empty_summary() -> None:
    assert summarize.summarize("") == summarize.summarize(" \n\t\x00") == ""


def test_earlier_work_of_the_authors_is_no_contribution() -> None:
    abstract = "In prior work, we introduced Atlas, a map tool. " + BACKGROUND
    assert not summarize.summarize(abstract).startswith(("We introduced", "Atlas is"))


def test_a_statement_that_says_nothing_is_none() -> None:
    assert summarize.summarize(BACKGROUND + "We make two contributions.").startswith("Road maps")


def test_a_contribution_may_be_stated_without_the_authors() -> None:
    abstract = BACKGROUND + "A way to redraw them from the tracks of buses and of trams is presented."
    assert summarize.summarize(abstract) == "A way to redraw them from the tracks of buses and of trams is presented."


def test_a_statement_that_says_little_yields_to_a_longer_one() -> None:
    abstract = "We draw maps. We redraw the map of a whole town each night from the tracks of its buses and trams."
    assert summarize.summarize(abstract).startswith("We redraw the map of a whole town")


# What is left out


@pytest.mark.parametrize(
    "sentence",
    [
        "To address this, we redraw maps.",
        "In this paper, we redraw maps.",
        "Here we redraw maps.",
        "Motivated by these findings, we therefore redraw maps.",
        "While towns grow fast, we redraw maps.",
        "Hand-drawn maps are costly, so we redraw maps.",
        "Methods: We redraw maps.",
        "We further redraw maps.",
        "We redraw maps to fill this gap.",
        "We redraw maps, to effectively address these two old problems.",
    ],
)
def test_what_ties_a_statement_to_the_sentences_before_is_left_out(sentence: str) -> None:
    assert statements.strip_opening(sentence) == "We redraw maps."


@pytest.mark.parametrize(
    "sentence",
    ["Given enough buses, we find that maps stay fresh.", "Under heavy rain, we show that tracks fail."],
)
def test_an_opening_that_limits_a_finding_stays(sentence: str) -> None:
    assert statements.strip_opening(sentence) == sentence


def test_an_opening_does_not_limit_what_is_made() -> None:
    assert statements.strip_opening("For small towns, we propose Atlas.") == "We propose Atlas."


def test_the_second_half_of_a_reply_stands_for_itself() -> None:
    sentence = "We formalize this idea and propose Atlas, which redraws maps."
    assert statements.strip_opening(sentence) == "We propose Atlas, which redraws maps."


@pytest.mark.parametrize("sentence", ["Maps age fast.", "However, existing tools are slow.", "Wemaps are new."])
def test_background_states_nothing(sentence: str) -> None:
    assert statements.strip_opening(sentence) == ""


def test_a_sentence_may_speak_of_the_work_by_its_name() -> None:
    assert statements.strip_opening("Atlas draws maps.", "Atlas") == "Atlas draws maps."
    assert statements.strip_opening("Atlas was slow before.", "Atlas") == ""
    assert statements.strip_opening("Atlases draw maps.", "Atlas") == ""


def test_a_name_in_small_letters_keeps_them() -> None:
    assert statements.strip_opening("In this work, eMaps is presented.") == "eMaps is presented."


# Definitions


# Length


def test_a_statement_whose_only_clause_is_short_is_cut_at_a_word_that_waits_for_no_other() -> None:
    statement = (
        "We introduce Mapmaker, a minimal scaffold that equips surveyors plus pencil cases, folding rules, one "
        "hundred squared sheets, three lamps, two patient dogs, eleven red tents, one tin stove plus several"
        " large Swiss clocks"
    )
    assert clauses.shorten(statement).endswith("eleven red tents, one tin stove plus…")


def test_a_long_statement_ends_behind_a_clause() -> None:
    statement = (
        "We redraw the maps of forty growing towns each night from the tracks of buses, trams and bicycles that were "
        "recorded over three years, enabling planners to see new roads within one day of their opening to any traffic."
    )
    assert clauses.shorten(statement).endswith("three years, enabling planners to see new roads…")


def test_a_statement_that_fits_is_whole() -> None:
    statement = "We redraw maps " + "so " * 61 + "x."
    assert len(statement) == 200
    assert clauses.shorten(statement) == statement


@pytest.mark.parametrize(
    "left",
    [
        "We show a map of the",
        "We use a model trained",
        "We redraw maps (of towns",
        'We ask "which maps',
        "We redraw $x + y",
        "We compare both towns",
        "We find that the maps of old towns",
        "We redraw the maps of towns, after",
        "We draw (i) towns",
    ],
)
def test_a_statement_is_never_left_waiting(left: str) -> None:
    assert not clauses._is_whole(left)


@pytest.mark.parametrize(
    "statement",
    [
        "We show that it helps towns that grow.",
        "We study this question on the maps of forty towns.",
        "We introduce Atlas to overcome the above limits.",
        "We present , a tool for maps.",
        "We propose a tool for maps that overcomes both problems.",
    ],
)
def test_a_statement_that_points_at_an_earlier_sentence_is_not_shown_so(statement: str) -> None:
    assert clauses.shorten(statement) != statement


@pytest.mark.parametrize(
    "statement",
    [
        "This paper redraws maps.",
        "We use methods such as tracing.",
        "We propose Atlas, and show that this tool redraws maps.",
        "We redraw those of small towns.",
        "We present, for the first time, a map of it all.",
    ],
)
def test_a_statement_may_point_at_itself(statement: str) -> None:
    assert clauses.shorten(statement) == statement


# Sentences


@pytest.mark.parametrize(
    "sentence",
    [
        "Maps, e.g. Paris, i.e. Towns, cf. Fig. 3 vs. Tab. 4, age.",
        "As J. R. Doe et al. Showed, maps age.",
        "Maps of 3.5 km at p = .05 age.",
        "Maps (see there. They are old) age.",
        "Maps at https://maps.example/a.b?c=D. e age.",
        "Is y = f(x). z a map",
    ],
)
def test_a_full_stop_may_end_no_sentence(sentence: str) -> None:
    assert sentences.split_sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It uses GPT-4. We map.", ["It uses GPT-4.", "We map."]),
        ("As shown by Doe et al. We map.", ["As shown by Doe et al.", "We map."]),
        ("Maps in 3D. Towns!  “Why?” We ask.", ["Maps in 3D.", "Towns!", "“Why?”", "We ask."]),
        ("Maps age.However, towns grow.", ["Maps age.", "However, towns grow."]),
        ("Maps (old. Towns grow. We map.", ["Maps (old.", "Towns grow.", "We map."]),
        ("Maps age. iMap is new.", ["Maps age.", "iMap is new."]),
    ],
)
def test_sentences_end_where_they_do(text: str, parts: list[str]) -> None:
    assert sentences.split_sentences(text) == parts


# Chinese, Japanese, Korean


@pytest.mark.parametrize("letter", ["地", "ね", "글"])
def test_east_asian_text_is_cut_by_characters(letter: str) -> None:
    assert summarize.summarize(letter * 20 + " " + letter * 300) == letter * 20 + " " + letter * 78 + "…"


def test_east_asian_text_is_cut_behind_a_sentence_that_ends_late() -> None:
    assert summarize.summarize("地" * 70 + "。" + "图" * 100) == "地" * 70 + "。"


def test_a_foreign_name_makes_no_east_asian_text() -> None:
    assert summarize.summarize(
        BACKGROUND + "We map 北京 and other towns from the tracks of all buses there."
    ).startswith("We map 北京")


# Any text


@given(st.one_of(words, prose), st.one_of(words, prose))
def test_a_summary_is_one_line_of_200_characters_at_most(abstract: str, title: str) -> None:
    short = summarize.summarize(abstract, title)
    assert len(short) <= 200
    assert short == " ".join(short.split())


@given(st.one_of(words, prose), prose)
def test_the_same_text_has_the_same_summary(abstract: str, title: str) -> None:
    assert summarize.summarize(abstract, title) == summarize.summarize(abstract, title)


@given(prose)
def test_a_summary_never_ends_within_a_word(abstract: str) -> None:
    last = summarize.summarize(abstract).removesuffix("…").split(" ")[-1]
    known = sentences.one_line(abstract).split(" ")
    assert last in {form for word in known for form in (word, word.rstrip(" ,;:–—-"))} | {""}


@given(prose)
def test_a_text_with_a_statement_has_a_summary(abstract: str) -> None:
    assume(any(letter.isalnum() for letter in abstract))
    assert summarize.summarize(abstract)


@given(st.one_of(words, prose))
def test_sentences_lose_nothing_but_spaces(text: str) -> None:
    line = sentences.one_line(text)
    assert "".join(sentences.split_sentences(line)).replace(" ", "") == line.replace(" ", "")


@given(prose)
def test_no_statement_that_is_cut_leaves_a_bracket_open(abstract: str) -> None:
    for statement in summarize.statements(sentences.one_line(abstract), ""):
        if statement.text.endswith("…"):
            assert statement.text.count("(") == statement.text.count(")")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "(" * 100_000,
        "We (" * 25_000,
        "We propose " * 10_000,
        ", we show " * 10_000,
        "a. A (" * 20_000,
        "To this, " * 12_000,
        "In this paper, " * 7_000,
        "We A and this, " * 7_000,
        "A " * 50_000,
        "We propose " + "A " * 50_000,
        "We propose A (" + "a" * 100_000,
        "\u202e\u0000\ud800" * 30_000,
        "地 " * 50_000,
        "שלום עולם " * 10_000,
        ". " * 50_000,
        '"' * 100_000,
        "We show both and not only " * 4_000,
    ],
)
def test_awkward_text_has_a_short_summary_too(text: str) -> None:
    assert len(summarize.summarize(text, text)) <= 200


# Weights and figures


def test_the_shipped_weights_are_small_and_known() -> None:
    weights = json.loads(summarize.WEIGHTS.read_text(encoding="utf-8"))
    assert summarize.WEIGHTS.stat().st_size < 50_000
    assert {"part of the title", "second propose"} <= weights.keys()


def test_better_weights_choose_another_statement() -> None:
    abstract = (
        "We redraw the map of a whole town from the tracks of buses. We redraw 99.5% of all the roads there are."
    )
    assert summarize.summarize_by({"has figures": 1.0}, abstract, "").endswith("there are.")
    assert summarize.summarize_by({"has figures": -1.0}, abstract, "").endswith("of buses.")


def test_rouge_counts_words_that_both_have_as_often_as_both_have_them() -> None:
    assert rouge1_f("Maps, maps!", "maps age") == 0.5
    assert rouge1_f("the of", "the of") == 0.0
    assert rouge1_f("Fresh maps", "FRESH MAPS") == 1.0


def test_equations_are_solved() -> None:
    assert solve([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]) == pytest.approx([1 / 11, 7 / 11])


@pytest.mark.parametrize("verb", ["needs", "ends", "risks", "questions", "challenges"])
def test_a_verb_that_is_a_noun_elsewhere_points_at_nothing(verb: str) -> None:
    statement = f"We present a method for old maps that {verb} no labels and no other maps at all."
    assert summarize.summarize(f"Maps age fast. {statement} It is quick.", "Maps").startswith(statement)

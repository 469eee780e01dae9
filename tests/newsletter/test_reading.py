import textwrap

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from newsletter.excerpt import brief, brief_lines, cut_at_word, wrapped
from newsletter.templatetags.reading import author_line, paragraphs, unbroken, zone_words


@pytest.mark.parametrize(
    ("authors", "line"),
    [
        ([], ""),
        (["Ana Silva"], "Ana Silva"),
        (["Ana Silva", "Bo Li"], "Ana Silva and Bo Li"),
        (["Ana", "Bo", "Cem"], "Ana, Bo and Cem"),
        (["Ana", "Bo", "Cem", "Dai"], "Ana, Bo and 2 more"),
        ([f"A{n}" for n in range(664)], "A0, A1 and 662 more"),
    ],
)
def test_authors_stand_in_one_line(authors: list[str], line: str) -> None:
    assert author_line(authors) == line


def test_a_short_summary_stays_whole() -> None:
    assert brief("We count votes. They grow.") == "We count votes. They grow."


def test_a_long_summary_is_cut_behind_a_sentence() -> None:
    assert brief("We count the votes of a week. They grow for days, and then rest.", 40) == (
        "We count the votes of a week."
    )


def test_a_long_sentence_is_cut_at_a_word() -> None:
    assert brief("We count votes, which grow for days", 16) == "We count votes…"


def test_an_abbreviation_ends_no_sentence() -> None:
    text = "Models of Silva et al. Improve where others, e.g. Trees, i.e. Graphs, do not at all improve."
    assert brief(text, 40).endswith("…")


def test_a_word_longer_than_the_summary_is_broken() -> None:
    assert brief("x" * 50, 10) == "x" * 9 + "…"


@given(st.text(), st.integers(min_value=2, max_value=300))
def test_a_summary_is_a_beginning_of_its_text_and_never_too_long(text: str, length: int) -> None:
    short = brief(text, length)
    assert len(short) <= length
    assert " ".join(text.split()).startswith(short.removesuffix("…"))


@given(st.text(), st.integers(min_value=2, max_value=300))
def test_what_is_cut_at_a_word_is_never_too_long(text: str, length: int) -> None:
    short = cut_at_word(text, length)
    assert len(short) <= length
    assert text.startswith(short.removesuffix("…"))


@given(st.lists(st.text("abcde.", min_size=1, max_size=20), max_size=60), st.integers(min_value=20, max_value=80))
def test_a_summary_of_plain_mail_fills_two_lines_at_most(words: list[str], width: int) -> None:
    text = " ".join(words)
    short = brief_lines(text, width)
    assert len(textwrap.wrap(short, width, break_on_hyphens=False)) <= 2
    assert text.startswith(short.removesuffix("…"))


def test_two_lines_of_summary_are_used() -> None:
    assert brief_lines("Words of five " * 9, 68) == "Words of five " * 8 + "Words of five"


def test_a_number_stays_with_what_it_counts() -> None:
    assert unbroken("Vision · 1,234 votes · 1 comment") == "Vision · 1,234\u00a0votes · 1\u00a0comment"


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=72)), st.integers(0, 8))
def test_wrapping_keeps_every_word(words: list[str], indent: int) -> None:
    assert wrapped(" ".join(words), indent).split() == words


def test_lines_of_plain_mail_are_at_most_72_long_and_hang() -> None:
    first, *others = wrapped("4.  " + "papers of the day " * 20, 4).split("\n")
    assert first.startswith("4.  papers")
    assert all(line.startswith("    ") and len(line) <= 72 for line in others)


@pytest.mark.parametrize(
    "text", ["我们提出了一种新的方法，用于大规模语言模型的训练。" * 9, "モデルを小さくする方法" * 20, "모델을 " * 60]
)
def test_lines_of_wide_characters_are_72_columns_at_most_and_lose_none(text: str) -> None:
    lines = wrapped(text, 4).split("\n")
    assert all(sum(2 if ord(letter) > 0x2E80 else 1 for letter in line) <= 72 for line in lines)
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")


def test_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "a" * 90
    assert address in wrapped(f"Code: {address}", 4).split("\n")[-1]


@given(
    st.lists(
        st.sampled_from(["我们提出了一种新的方法", "モデル。", "https://example.org/" + "a" * 40, "Erdős", " "]),
        max_size=40,
    ),
    st.integers(0, 8),
)
def test_a_link_in_text_without_spaces_stays_whole(parts: list[str], indent: int) -> None:
    text = " ".join("（".join(parts).split())
    lines = wrapped(text, indent).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(wcwidth.width(line) <= 72 for line in lines)
    assert sum(line.count("https://example.org/" + "a" * 40) for line in lines) == parts.count(
        "https://example.org/" + "a" * 40
    )


def test_paragraphs_stay_apart() -> None:
    assert paragraphs("One\nline.\n\n\nAnother.") == "One line.\n\nAnother."


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "Berlin time"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
        ("UTC", "UTC"),
        ("Etc/GMT+5", "GMT+5"),
    ],
)
def test_a_zone_is_called_by_its_city(zone: str, words: str) -> None:
    assert zone_words(zone) == words


@pytest.mark.parametrize(
    "text", ["Learning: arXiv cs.LG - 187 votes", "Learning: arXiv cs.LG · 187 votes", "论文 · 三票"]
)
def test_an_indented_line_of_plain_mail_keeps_its_indent_whatever_its_letters(text: str) -> None:
    assert wrapped(f"    {text}", 4) == f"    {text}"

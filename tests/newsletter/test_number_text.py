import pytest

from newsletter.number_text import parse_row_id, pluralize


@pytest.mark.parametrize(("text", "row_id"), [("12", 12), (" 7 ", 7), ("0", 0), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_row_id(text: str, row_id: int) -> None:
    assert parse_row_id(text) == row_id


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", "٣", "²", "1 2", "9" * 19])
def test_anything_else_is_no_row_id(text: str) -> None:
    assert parse_row_id(text) is None


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 papers"), (1, "1 paper"), (2, "2 papers"), (1200, "1,200 papers")]
)
def test_only_one_is_singular(count: int, words: str) -> None:
    assert pluralize(count, "paper") == words


def test_an_irregular_plural_is_given() -> None:
    assert pluralize(2, "copy", "copies") == "2 copies"

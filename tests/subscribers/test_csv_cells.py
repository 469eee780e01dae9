from hypothesis import given
from hypothesis import strategies as st

from subscribers.csv_cells import escape_formula, unescape_formula

texts = st.text() | st.text("'=+-@\t\ra", max_size=6)


@given(texts)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert escape_formula(text)[:1] not in tuple("=+-@\t\r")


@given(texts)
def test_a_guarded_cell_is_read_back_as_it_was(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text

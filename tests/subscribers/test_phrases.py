from hypothesis import given
from hypothesis import strategies as st

from subscribers.phrases import clean_entry, split_entries


def test_entries_stand_between_commas_semicolons_and_line_ends_each_once() -> None:
    assert split_entries(" world  model; Graphs,\nGRAPHS;;") == ["world model", "Graphs"]


@given(st.text())
def test_entries_are_clean_and_joined_again_split_the_same(text: str) -> None:
    entries = split_entries(text)
    assert all(entry and entry == clean_entry(entry) for entry in entries)
    assert split_entries("; ".join(entries)) == entries

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from subscribers.pages.phrase_field import PhraseListField
from subscribers.phrases import clean_entry

FIELD = PhraseListField()


@pytest.mark.parametrize(
    ("typed", "entries"),
    [
        ("", []),
        (" , \n,", []),
        ("survey, diffusion model\r\nRAG;agents", ["survey", "diffusion model", "RAG", "agents"]),
        ("Survey, survey,  SURVEY", ["Survey"]),
        ("a\0b, \u202ec\u200b", ["ab", "c"]),
        ("Ren\u0065\u0301 Example", ["René Example"]),
        ("two\t  words", ["two words"]),
    ],
)
def test_entries_are_separated_and_cleaned(typed: str, entries: list[str]) -> None:
    assert FIELD.clean(typed) == entries


def test_twenty_entries_of_a_hundred_characters_are_the_most() -> None:
    assert len(FIELD.clean("\n".join(f"{n:0100}" for n in range(20)))) == 20
    with pytest.raises(forms.ValidationError, match="You entered 21"):
        FIELD.clean(",".join(map(str, range(21))))
    with pytest.raises(forms.ValidationError, match="longer than 100 characters"):
        FIELD.clean("x" * 101)


@given(st.text())
def test_any_text_is_a_clean_list_or_a_clean_error(text: str) -> None:
    try:
        entries = FIELD.clean(text)
    except forms.ValidationError:
        return
    assert all(entry == clean_entry(entry) and 0 < len(entry) <= 100 for entry in entries)
    assert FIELD.clean(FIELD.prepare_value(entries)) == entries

from urllib.parse import parse_qs, urlencode

from hypothesis import given
from hypothesis import strategies as st
from requests import Request

from tests.outside.interfaces.forms import read_form

names = st.text("abcdefgh:-", min_size=1, max_size=8)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
fields = st.lists(st.tuples(names, values), min_size=1, max_size=8)


@given(fields)
def test_a_urlencoded_form_reads_as_the_standard_library_reads_it(pairs: list[tuple[str, str]]) -> None:
    body = urlencode(pairs)
    assert read_form("application/x-www-form-urlencoded", body.encode()) == parse_qs(body, keep_blank_values=True)


@given(fields)
def test_a_form_with_files_reads_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    prepared = Request("POST", "http://localhost", data=pairs, files={"file": ("a.txt", b"a")}).prepare()
    assert isinstance(prepared.body, bytes)
    form = read_form(prepared.headers["Content-Type"], prepared.body)
    assert form.pop("file") == ["a"]
    assert form == {name: [value for other, value in pairs if other == name] for name, _ in pairs}

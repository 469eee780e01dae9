import csv
from io import StringIO
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from subscribers.imports.csv_records import Lines, Record, records


def read(text: str, delimiter: str = ",") -> list[Record]:
    return list(records(Lines(StringIO(text, newline="")), delimiter))


def test_a_quote_that_never_closes_swallows_no_line_unseen() -> None:
    text = 'q1@x.org,Al\nq2@x.org,"Bob,vision\nq3@x.org,Cy\nq4@x.org,Di\n'
    found = read(text)
    assert [(record.line, record.cells[0]) for record in found] == [
        (1, "q1@x.org"), (2, "q2@x.org"), (3, "q3@x.org"), (4, "q4@x.org"),
    ]  # fmt: skip
    assert [record.fault for record in found] == [
        "",
        "a quotation mark opens in this line and spans lines 2 to 4",
        "is inside a quotation that opens in line 2",
        "is inside a quotation that opens in line 2",
    ]


def test_what_stands_behind_a_swallowed_address_is_read_again() -> None:
    text = 'q2@x.org,"Bob\nq3@x.org,"Cy"\nq4@x.org,Di\n'
    assert [(record.line, bool(record.fault)) for record in read(text)] == [(1, True), (2, True), (3, False)]


def test_a_quoted_cell_of_several_lines_without_an_address_is_one_cell() -> None:
    assert read('ada@x.org,"Ada\r\nLovelace"\r\nbo@x.org,Bo\r\n') == [
        Record(1, ["ada@x.org", "Ada\r\nLovelace"]),
        Record(3, ["bo@x.org", "Bo"]),
    ]


def test_a_stray_quote_within_one_line_is_read_as_it_stands() -> None:
    assert read('ada@x.org,"Ada" L.\n') == [Record(1, ["ada@x.org", "Ada L."])]


def test_a_line_that_is_too_long_is_reported_and_the_next_one_read() -> None:
    found = read(f"ada@x.org,{'x' * 3_000_000}\nbo@x.org,Bo\n")
    assert [(record.line, bool(record.fault)) for record in found] == [(1, True), (2, False)]
    assert found[1].cells == ["bo@x.org", "Bo"]


def test_an_empty_line_is_a_record_without_cells() -> None:
    assert read("a\n\nb\n") == [Record(1, ["a"]), Record(2, []), Record(3, ["b"])]


cells = st.text(st.characters(exclude_characters="@\0", exclude_categories=["Cs"]), max_size=8)


@given(table=st.lists(st.lists(cells, min_size=2, max_size=3), max_size=6))
def test_whatever_a_csv_writer_writes_is_read_back(table: list[list[str]]) -> None:
    text = StringIO()
    csv.writer(text).writerows(table)
    assert [record.cells for record in read(text.getvalue())] == table


@given(st.text('ab@",\n', max_size=60))
def test_each_line_of_any_text_stands_in_one_record(text: str) -> None:
    lines = StringIO(text, newline="").readlines()
    firsts = [record.line for record in read(text)]
    assert firsts[:1] == [1][: len(lines)]
    assert all(first < after for first, after in pairwise(firsts))

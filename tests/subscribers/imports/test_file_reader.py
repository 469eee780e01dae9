from pathlib import Path

from subscribers.imports import file_reader
from subscribers.imports.columns import find_columns
from subscribers.imports.file_reader import Row
from subscribers.imports.formats import FORMATS
from tests.subscribers.imports.files import written


def rows(path: Path, form: str = "csv", **meanings: str) -> list[Row]:
    return list(file_reader.rows(path, find_columns(path, FORMATS[form], meanings)))


def test_a_line_of_fewer_cells_is_read_and_one_of_too_many_is_not(tmp_path: Path) -> None:
    path = written(tmp_path, "email,topics,name", "ada@example.org", "", " , ,", "bo@example.org,a,Bo,too many,cells")
    assert [(row.line, row.address, row.fault, row.why) for row in rows(path)] == [
        (2, "ada@example.org", "", ""),
        (3, "", "empty", ""),
        (4, " ", "", ""),
        (5, "bo@example.org", "unreadable", "it has 5 cells for 3 columns"),
    ]


def test_a_line_that_cannot_be_read_keeps_its_address_out_of_other_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "email,name", "ada@example.org,Ada,Lovelace", "bo@example.org,Bo")
    assert [(row.address, str(row.state)) for row in rows(path)] == [
        ("ada@example.org", "left_out"),
        ("bo@example.org", "active"),
    ]


def test_a_line_of_too_many_cells_that_says_its_reader_left_is_believed(tmp_path: Path) -> None:
    path = written(tmp_path, "email,status", "ada@example.org,unsubscribed,more")
    assert [(str(row.state), row.fault) for row in rows(path)] == [("left", "")]


def test_letters_of_an_unknown_encoding_matter_only_in_cells_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "readers.csv"
    path.write_bytes("email,name,topics\nada@example.org,Zoë,vision\nbo@example.org,Bo,Bücher\n".encode("cp1252"))
    ada, bo = rows(path)
    assert (ada.address, ada.fault) == ("ada@example.org", "")
    assert (bo.fault, bo.why) == ("unreadable", "it holds letters of an unknown encoding; save the file as UTF-8")


def test_an_apostrophe_by_which_a_spreadsheet_marks_text_is_no_part_of_an_address(tmp_path: Path) -> None:
    assert [row.address for row in rows(written(tmp_path, "email", "'sp10@example.org"))] == ["sp10@example.org"]


def test_the_cell_that_gives_a_state_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "email,Status", "ada@example.org,platinum")
    assert [row.why for row in rows(path)] == ["“Status” says “platinum”"]


def test_a_cell_of_ten_thousand_letters_is_not_kept(tmp_path: Path) -> None:
    (row,) = rows(written(tmp_path, "email,topics", f"ada@example.org,{'x' * 10_001}"))
    assert row.why == "it has a cell of more than 10,000 characters"

from pathlib import Path

import pytest

from subscribers.imports import file_reader
from subscribers.imports.columns import find_columns
from subscribers.imports.file_error import FileError
from subscribers.imports.formats import FORMATS


def addresses(folder: Path, content: str | bytes) -> list[str]:
    path = folder / "readers.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [row.address for row in file_reader.rows(path, find_columns(path, FORMATS["csv"], {}))]


@pytest.mark.parametrize(
    "head",
    [
        "email;name", "email,name", "email\tname", "email|name", "sep=;\nemail;name", "sep=,\r\nemail,name",
        "sep=\t\nemail\tname", "SEP=|\nemail|name", "\n\n\nemail,name", " \n,\nemail,name", "\ufeff\ufeffemail,name",
        "\u200bemail\u200b,name", "\u00a0E-Mail\u00a0 ,name", '"email",name', '\ufeff"Email Address";name',
        "name,first;Email", "\ufeffsep=;\nemail;name",
    ],
)  # fmt: skip
def test_the_header_is_found_however_a_spreadsheet_writes_it(tmp_path: Path, head: str) -> None:
    delimiter = next(mark for mark in "|\t;," if mark in head.splitlines()[-1])
    row = ["x", "ada@example.org"] if head.startswith("name") else ["ada@example.org", "x"]
    assert addresses(tmp_path, f"{head}\n{delimiter.join(row)}\n") == ["ada@example.org"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_file_is_read_in_each_encoding_that_is_certain(tmp_path: Path, encoding: str) -> None:
    assert addresses(tmp_path, "email,name\nzoe@example.org,Zoë\n".encode(encoding)) == ["zoe@example.org"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty"),
        ("\n \n", "The file is empty"),
        ("Nome;Cidade\nAda;Rio\n", "here it reads “Nome;Cidade”"),
        ("ada@example.org\nbo@example.org\n", "here it reads “…”"),
        ('email,"name\nada@example.org,Ada"\n', "No column of the first line"),
        ("email," + "a," * 1000, "has 1,002 columns"),
    ],
)
def test_a_file_without_a_header_is_refused_with_what_was_found(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(FileError, match=words):
        addresses(tmp_path, content)

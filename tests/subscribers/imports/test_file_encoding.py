from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from subscribers.imports.file_encoding import encoding_of
from subscribers.imports.file_error import FileError

TEXT = "email,name\nzoe@example.org,Zoë\n"


def encoding(folder: Path, content: bytes) -> tuple[str, bool]:
    path = folder / "readers.csv"
    path.write_bytes(content)
    found = encoding_of(path)
    return found.name, found.is_certain


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TEXT.encode(), "utf-8-sig"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
    ],
)
def test_unicode_is_known_with_and_without_its_mark(tmp_path: Path, content: bytes, name: str) -> None:
    assert encoding(tmp_path, content) == (name, True)


@pytest.mark.parametrize("name", ["cp1252", "cp1250", "mac_roman", "latin-1"])
def test_of_other_encodings_only_the_letters_of_ascii_are_certain(tmp_path: Path, name: str) -> None:
    assert encoding(tmp_path, TEXT.encode(name)) == ("ascii", False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "looks like an Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "looks like an old Excel workbook"),
        (b"\x1f\x8brest", "compressed"),
        (b"%PDF-1.7", "a PDF"),
        (b"email\0\0\0,name", "holds zero bytes"),
        (b"\xff\xfee", "does not go on as such"),
    ],
)
def test_what_is_no_text_is_refused_with_what_it_looks_like(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        encoding(tmp_path, content)


@given(content=st.binary())
@example(content=b"\xef")  # the first byte of UTF-8's mark
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_not_refused_can_be_decoded_as_found(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        found = encoding_of(path)
    except FileError:
        return
    content.decode(found.name, found.errors)

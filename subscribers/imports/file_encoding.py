"""Find the encoding of an uploaded file. An encoding that is not certain is not guessed."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from subscribers.imports.file_error import FileError

PART = 1 << 20
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
OTHER_FILES = (
    (b"PK\x03\x04", "This looks like an Excel workbook or another ZIP archive; save it as CSV."),
    (b"\xd0\xcf\x11\xe0", "This looks like an old Excel workbook; save it as CSV."),
    (b"\x1f\x8b", "This file is compressed; unpack it first."),
    (b"%PDF", "This is a PDF; export the readers as CSV."),
)


class Encoding(NamedTuple):
    """An encoding of Python; `errors` is "surrogateescape" if only its ASCII letters are certain."""

    name: str
    errors: str = "strict"

    @property
    def is_certain(self) -> bool:
        return self.errors == "strict"


UNKNOWN_8_BIT = Encoding("ascii", "surrogateescape")


def encoding_of(path: Path) -> Encoding:
    """Return the encoding of a file. Raise FileError if it is not a text file."""
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, sentence in OTHER_FILES:
        if head.startswith(mark):
            raise FileError(sentence)
    marked = next((name for mark, name in MARKS if head.startswith(mark)), "") or utf_16_without_mark(head)
    if marked:
        if not is_valid(path, marked):
            raise FileError(f"The file begins as {marked.upper()} and does not go on as such. Save it as UTF-8.")
        return Encoding(marked)
    if b"\0" in head:
        raise FileError("This is no text file: it holds zero bytes. Save the readers as CSV in UTF-8.")
    # Checked as "utf-8": the decoder of "utf-8-sig" takes a file that is only the start of a mark for an empty one.
    return Encoding("utf-8-sig") if is_valid(path, "utf-8") else UNKNOWN_8_BIT


def utf_16_without_mark(head: bytes) -> str:
    """Return the UTF-16 of a head in which every other byte of nearly all letters is zero, or ""."""
    pairs = len(head) // 2
    evens, odds = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if not evens and odds * 2 > pairs:
        return "utf-16-le"
    return "utf-16-be" if not odds and evens * 2 > pairs else ""


def is_valid(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for part in parts_of(path):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def parts_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART):
            yield part

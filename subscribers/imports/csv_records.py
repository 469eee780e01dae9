"""Read CSV records with the lines they stand in, so that no line goes missing behind a quotation mark."""

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple, TextIO

LONGEST_RECORD = 1_000_000  # characters
SWALLOWED_ADDRESS = re.compile(r"[\r\n][^@]*@")


class Record(NamedTuple):
    """The cells of a record, the number of its first line, and why it cannot be read with certainty, if so."""

    line: int
    cells: list[str]
    fault: str = ""


class Lines:
    """The lines of a file, numbered; `current` holds those of the record that is being read."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.count = 0
        self.size = 0
        self.current: list[str] = []

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        """Return the next line. Raise csv.Error if the record becomes too long."""
        line = self.file.readline(LONGEST_RECORD)
        if not line:
            raise StopIteration
        self.count += 1
        self.size += len(line)
        self.current.append(line)
        if self.size >= LONGEST_RECORD:
            self.skip_rest_of(line)
            raise csv.Error(f"it is longer than {LONGEST_RECORD:,} characters")
        return line

    def skip_rest_of(self, line: str) -> None:
        while line and line[-1] not in "\r\n":
            line = self.file.readline(LONGEST_RECORD)

    def skip(self, count: int) -> None:
        for _ in range(count):
            next(self)
            self.begin_record()

    def begin_record(self) -> None:
        self.size = 0
        self.current.clear()


def records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """Yield all records; an empty line is one without cells.

    Lines that a stray quotation mark has joined are yielded one by one, each with its fault.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_record()
        first = lines.count + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield from unreadable_records(first, lines.current, delimiter, str(exc))
            continue
        if len(lines.current) > 1 and any(SWALLOWED_ADDRESS.search(cell) for cell in cells):
            yield from unreadable_records(first, lines.current, delimiter, "")
        else:
            yield Record(first, cells)


def unreadable_records(first: int, lines: list[str], delimiter: str, error: str) -> Iterator[Record]:
    if len(lines) == 1:
        cells = cells_of(lines[0], delimiter)
        is_closed = len(lines[0]) < LONGEST_RECORD and not any("\n" in cell or "\r" in cell for cell in cells)
        yield Record(first, cells, "" if is_closed else f"this line cannot be read as CSV: {error}")
        return
    for number, line in enumerate(lines, first):
        fault = (
            f"a quotation mark opens in this line and spans lines {first} to {first + len(lines) - 1}"
            if number == first
            else f"is inside a quotation that opens in line {first}"
        )
        yield Record(number, cells_of(line, delimiter), fault)


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line by itself, however its quotation marks stand."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []

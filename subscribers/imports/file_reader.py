"""Read rows from a CSV file in any common encoding; malformed files raise FileError."""

import csv
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TextIO

from subscribers.csv_cells import unescape_formula
from subscribers.imports.formats import SEVERITY, Format, State, StateColumn

CHOICE_COLUMNS = (
    ("frequency", "how_often"),
    ("weekday", "day"),
    ("hour", "send_time", "time"),
    ("zone", "timezone", "time_zone"),
    ("detail",),
)
MAX_COLUMNS = 1000
CACHE_SIZE = 1000  # parsed cells per state column


class FileError(ValueError):
    """The file cannot be imported; the message says why. Nothing of it was written."""


class Row(NamedTuple):
    """One line of a file; `choice` holds its cells for topics, frequency, weekday, hour, zone and detail."""

    line: int
    address: str
    state: State
    choice: tuple[str, ...]


class Columns(NamedTuple):
    """Column indexes in a record; an index equal to `width` means the column is missing."""

    width: int
    address: int
    states: list[tuple[int, Callable[[str], State]]]
    choice: Callable[[list[str]], tuple[str, ...]]


def rows(path: Path, form: Format) -> Iterator[Row]:
    """Yield the non-empty rows of a file. Raise FileError at the first row that cannot be read."""
    try:
        with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
            yield from rows_of(file, form)
    except OSError as exc:
        raise FileError(f"The file cannot be read: {exc.strerror}.") from exc


def encoding_of(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def rows_of(file: TextIO, form: Format) -> Iterator[Row]:
    reader = csv.reader(file, delimiter=delimiter_of(file))
    try:
        header = next((record for record in reader if any(record)), None)
        if header is None:
            raise FileError("The file is empty.")
        columns = columns_of(header, form)
        clean = unescape_formula if form.label == "CSV" else str
        for record in reader:
            if any(record):
                yield row_of(record, columns, reader.line_num, clean)
    except csv.Error as exc:
        raise FileError(f"Line {reader.line_num} cannot be read as CSV: {exc}.") from exc


def delimiter_of(file: TextIO) -> str:
    head = file.readline(100_000)
    file.seek(0)
    return max((",", ";", "\t"), key=head.count)


def columns_of(header: list[str], form: Format) -> Columns:
    names = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in header[:MAX_COLUMNS]]
    width = len(names)

    def place(wanted: tuple[str, ...]) -> int:
        return next((names.index(name) for name in wanted if name in names), width)

    address = place(form.addresses)
    if address == width:
        raise FileError(
            f"No column of the first line is called “{form.addresses[0]}”. "
            f"The first line of a {form.label} file names its columns."
        )
    states = [(place(column.names), column) for column in form.states]
    if all(index == width for index, _ in states):
        states += [(place(column.names), column) for column in form.dates]
    choice = itemgetter(*(place(column) for column in (form.topics, *CHOICE_COLUMNS)))
    return Columns(
        width, address, [(index, state_reader(column)) for index, column in states if index < width], choice
    )


def state_reader(column: StateColumn) -> Callable[[str], State]:
    return lru_cache(CACHE_SIZE)(partial(parse_state, column=column))


def row_of(record: list[str], columns: Columns, line: int, clean: Callable[[str], str]) -> Row:
    del record[columns.width :]
    record.extend([""] * (columns.width + 1 - len(record)))
    state = State.ACTIVE
    for index, read_state in columns.states:
        found = read_state(record[index])
        if found is not state and SEVERITY[found] > SEVERITY[state]:
            state = found
    return Row(line, clean(record[columns.address]), state, columns.choice(record))


def parse_state(cell: str, column: StateColumn) -> State:
    """Return the state that a cell means; an empty cell means active."""
    word = cell.strip().lower().replace(" ", "_")
    return column.words.get(word, column.filled) if word else State.ACTIVE

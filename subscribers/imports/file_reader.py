"""Read the rows of a CSV file; a line that cannot be read with certainty becomes a row with a fault."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from subscribers.csv_cells import unescape_formula
from subscribers.imports.columns import Columns
from subscribers.imports.csv_records import Lines, Record, records
from subscribers.imports.file_error import FileError
from subscribers.imports.file_header import value_of
from subscribers.imports.states import DO_NOT_MAIL, SEVERITY, State

LONGEST_CELL = 10_000  # characters, of a cell that is read
EMPTY, UNREADABLE = "empty", "unreadable"
SAMPLE_ROWS, SAMPLE_VALUES = 20_000, 5


class Row(NamedTuple):
    """One line of a file; `choice` holds its cells for topics and then those of columns.CHOICE_COLUMNS.

    `why` says which cell gave the state, or what the fault is: `fault` is "", EMPTY or UNREADABLE.
    """

    line: int
    address: str
    state: State
    choice: tuple[str, ...]
    why: str = ""
    fault: str = ""


def rows(path: Path, columns: Columns) -> Iterator[Row]:
    """Yield a row for each line or record below the header. Raise FileError if the file cannot be read."""
    for record in records_of(path, columns):
        yield row_of(record, columns)


def records_of(path: Path, columns: Columns) -> Iterator[Record]:
    encoding = columns.encoding
    try:
        with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
            lines = Lines(file)
            lines.skip(columns.header.line_count)
            yield from records(lines, columns.header.delimiter)
    except OSError as exc:
        raise FileError(f"The file cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise FileError("The file was changed while it was read.") from exc


def row_of(record: Record, columns: Columns) -> Row:
    line, cells, fault = record
    if not fault and not any(cells):
        return Row(line, "", State.UNKNOWN, (), fault=EMPTY)
    extra = cells[columns.width :]
    del cells[columns.width :]
    cells.extend([""] * (columns.width + 1 - len(cells)))
    state, why = State.ACTIVE, ""
    for index, read_state in columns.states:
        found = read_state(cells[index])
        if found.state is not state and SEVERITY[found.state] > SEVERITY[state]:
            state, why = found
    row = Row(line, unescape_formula(cells[columns.address]), state, columns.choice(cells), why)
    fault = fault or fault_of(row, extra, columns)
    if not fault or (state in DO_NOT_MAIL and not record.fault):
        return row
    # An unreadable line keeps out the other lines of its address.
    return row._replace(state=State.LEFT_OUT, why=fault, fault=UNREADABLE)


def fault_of(row: Row, extra: list[str], columns: Columns) -> str:
    """Return why a row cannot be read with certainty, or ""."""
    if extra and any(cell.strip() for cell in extra):
        return f"it has {columns.width + len(extra)} cells for {columns.width} columns"
    if max(map(len, row.choice)) > LONGEST_CELL or len(row.address) > LONGEST_CELL:
        return f"it has a cell of more than {LONGEST_CELL:,} characters"
    if not columns.encoding.is_certain and not (row.address.isascii() and all(cell.isascii() for cell in row.choice)):
        return "it holds letters of an unknown encoding; save the file as UTF-8"
    return ""


def sample_values(path: Path, columns: Columns) -> dict[str, dict[str, Any]]:
    """Return the title and some values of each column that nobody has explained, by clean name."""
    samples: dict[str, dict[str, None]] = {name: {} for name in columns.unexplained}
    for record in islice(records_of(path, columns), SAMPLE_ROWS):
        for name, index in columns.unexplained.items():
            if index < len(record.cells) and len(samples[name]) < SAMPLE_VALUES:
                samples[name].setdefault(value_of(record.cells[index]) or "(empty)")
    return {
        name: {"title": columns.titles[index], "values": list(samples[name])}
        for name, index in columns.unexplained.items()
    }

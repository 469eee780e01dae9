"""Find the header of a CSV file, and the names and titles of its columns."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from subscribers.addresses.bulk_canonical import mask_address
from subscribers.imports.csv_records import SWALLOWED_ADDRESS, Lines
from subscribers.imports.file_error import FileError
from subscribers.imports.formats import FORMATS, Format

DELIMITERS = ",;\t|"
DELIMITER_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)  # by which Excel learns the delimiter
BLANK = ',;|" \t\r\n\u00a0'
HEAD_LINES = 20
MAX_COLUMNS = 1000
LONGEST_VALUE = 40


class Header(NamedTuple):
    """The delimiter of a file, the cells of its header, and the number of lines that end with it."""

    delimiter: str
    titles: list[str]
    line_count: int


def clean_name(title: str) -> str:
    """Return a column's name in lower case, words joined by underscores, without invisible characters."""
    return re.sub(r"[\W_]+", "_", strip_invisible(unicodedata.normalize("NFKC", title)).lower()).strip("_")


def title_of(title: str) -> str:
    """Return a column's title as it may be shown and stored: cut, on one line, without an address."""
    shown = title.encode("utf-8", "replace").decode()
    text = " ".join("".join(letter for letter in shown if letter.isprintable() or letter == " ").split())
    return mask_address(text) if "@" in text else text[:60] or "–"


def shown_titles(titles: Sequence[str]) -> list[str]:
    """Return the columns' titles as `title_of` does, with the column's number where two cannot be told apart."""
    shown = [title_of(title) for title in titles]
    count = Counter(map(clean_name, shown))
    return [
        f"{title} (column {number})" if count[clean_name(title)] > 1 else title
        for number, title in enumerate(shown, start=1)
    ]


def read_header(lines: Lines, form: Format) -> Header:
    """Return the header under the delimiter that finds the address in it; skip blank lines and a “sep=” line."""
    delimiters, skipped = DELIMITERS, 0
    head = list(islice(lines, HEAD_LINES))
    while head and (
        (match := DELIMITER_LINE.fullmatch(strip_invisible(head[0]))) or not strip_invisible(head[0]).strip(BLANK)
    ):
        delimiters = match[1] if match else delimiters
        head.pop(0)
        skipped += 1
        lines.begin_record()
        head += islice(lines, 1)
    if not head:
        raise FileError("The file is empty.")
    found = [header for mark in delimiters if (header := header_with(mark, head, skipped, form))]
    if not found:
        raise FileError(missing_address_text(head[0], form))
    header = max(found, key=lambda one: len(one.titles))
    if len(header.titles) > MAX_COLUMNS:
        raise FileError(f"The file has {len(header.titles):,} columns; at most {MAX_COLUMNS:,} can be read.")
    return header


def strip_invisible(text: str) -> str:
    """Return a text without byte order marks, zero-width spaces and the like."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def header_with(delimiter: str, head: list[str], skipped: int, form: Format) -> Header | None:
    reader = csv.reader(head, delimiter=delimiter)
    try:
        titles = next(reader)
        if reader.line_num > 1:
            # A quotation that never closes would take in the first readers.
            next(csv.reader(head, delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None
    if reader.line_num > 1 and any(SWALLOWED_ADDRESS.search(title) for title in titles):
        return None
    names = [clean_name(title) for title in titles]
    is_found = index_of(recognize(form, names).addresses, names) < len(names)
    return Header(delimiter, titles, skipped + reader.line_num) if is_found else None


def missing_address_text(line: str, form: Format) -> str:
    shown = "…" if "@" in line else title_of(line)
    return (
        f"No column of the first line is called “{form.addresses[0]}”. The first line of a {form.label} file names "
        f"its columns; here it reads “{shown}”."
    )


def recognize(form: Format, names: Iterable[str]) -> Format:
    """Return the format whose marks are all among the names of a plain CSV file, or `form`."""
    if form is not FORMATS["csv"]:
        return form
    known = set(names)
    return next((other for other in FORMATS.values() if other.marks and other.marks <= known), form)


def index_of(wanted: Iterable[str], names: Sequence[str]) -> int:
    return next((names.index(name) for name in wanted if name in names), len(names))


def value_of(cell: str) -> str:
    """Return a cell as it may be shown and stored: cut, on one line, without an address."""
    return title_of(cell)[:LONGEST_VALUE] if cell.strip() else ""

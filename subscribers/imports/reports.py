"""The report of an import: the result of each row by line number, with masked addresses."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from subscribers.addresses.bulk_canonical import mask_address
from subscribers.csv_cells import escape_formula
from subscribers.imports.row_outcome import REASONS, CheckedRow, RowResult

HEADER = ("line", "address", "outcome", "reason")


class Report:
    """A report file, truncated to the first `size` bytes to drop what an interrupted run wrote beyond them."""

    def __init__(self, path: Path | None, size: int) -> None:
        self.file: BinaryIO | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("r+b" if path.exists() else "w+b")
            self.file.truncate(size)
            self.file.seek(0, 2)
        self.size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.file:
            self.file.close()

    def write(self, checked: Iterable[CheckedRow]) -> int:
        """Append rows; return the size of the report in bytes."""
        if self.file:
            text = StringIO()
            lines = csv.writer(text)
            if not self.size:
                lines.writerow(HEADER)
            lines.writerows(line_of(one) for one in checked)
            self.size += self.file.write(text.getvalue().encode())
            self.file.flush()
        return self.size


def line_of(checked: CheckedRow) -> tuple[object, ...]:
    row = checked.candidate.row
    return row.line, escape_formula(mask_address(row.address)), str(checked.outcome), reason_of(checked)


def reason_of(checked: CheckedRow) -> str:
    """Return the result of a row in words, why so, and for which of its values the default is used."""
    candidate, reason = checked.candidate, REASONS[checked.outcome]
    if candidate.why and checked.outcome != RowResult.ADDED:
        reason = f"{reason}: {candidate.why.rstrip('.')}"
    if checked.outcome == RowResult.ADDED and candidate.choice and candidate.choice.notes:
        reason = f"{reason}; the default is used for {', '.join(candidate.choice.notes)}"
    return reason

"""What became of each row, as a table that lies beside the file. Its addresses are masked; its lines are not."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from subscribers.addresses.bulk_canonical import masked
from subscribers.csv_cells import guarded
from subscribers.imports.row_outcome import REASONS, Decided, RowResult

HEADER = ("line", "address", "outcome", "reason")


class Report:
    """A report that is written on from its first `size` bytes; what a stopped run wrote after them is taken away."""

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

    def write(self, decided: Iterable[Decided]) -> int:
        """Write on, and return how many bytes the report has now."""
        if self.file:
            text = StringIO()
            lines = csv.writer(text)
            if not self.size:
                lines.writerow(HEADER)
            lines.writerows(line_of(one) for one in decided)
            self.size += self.file.write(text.getvalue().encode())
            self.file.flush()
        return self.size


def line_of(decided: Decided) -> tuple[object, ...]:
    row = decided.candidate.row
    return row.line, guarded(masked(row.address)), str(decided.outcome), reason_of(decided)


def reason_of(decided: Decided) -> str:
    """Say what became of a row, and what of its choice is not known here."""
    choice, reason = decided.candidate.choice, REASONS[decided.outcome]
    is_noted = decided.outcome == RowResult.ADDED and choice is not None and choice.note
    return f"{reason}; {choice.note}, so the default is taken" if is_noted and choice else reason

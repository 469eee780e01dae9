"""Import a file of readers in chunks, one transaction each; an interrupted run resumes after its last chunk."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from newsletter import clock
from subscribers.addresses.bulk_canonical import mask_address
from subscribers.digest_schedule import Rhythm
from subscribers.imports import columns, file_reader
from subscribers.imports.choice_mapping import ChoiceMapper, Defaults
from subscribers.imports.columns import Columns
from subscribers.imports.file_error import FileError
from subscribers.imports.file_reader import Row
from subscribers.imports.formats import FORMATS
from subscribers.imports.reports import Report, reason_of
from subscribers.imports.row_outcome import EXPECTED, CheckedRow, RowChecker, RowResult, do_not_mail_states
from subscribers.imports.row_writer import RowWriter
from subscribers.imports.states import State
from subscribers.models import ImportRun

CHUNK = 20_000
MAX_PROBLEMS = 50
MAX_NOTES = 30
OTHER_NOTES = "other values"


class UnexplainedColumns(FileError):
    """Columns that may say who must not be mailed have no meaning yet. Nothing is written; the run names them."""


class Survey(NamedTuple):
    """Facts about the whole file that its first row may depend on."""

    total: int
    do_not_mail: dict[bytes, State]  # by key_of(address_hash)


def process(run: ImportRun, path: Path, report_path: Path | None, *, is_dry: bool) -> Iterator[None]:
    """Import the rows after `run.position`; yield after each chunk.

    A dry run writes no reader, and an unsaved run is not stored. Returns early if another worker has taken over the
    run. Raises FileError before the first row if the file cannot be read, and UnexplainedColumns if an operator must
    first say what some columns mean.
    """
    if run.file_hash != hash_of(path):
        raise FileError("This is not the file that the import began with.")
    file_columns = note_columns(run, path)
    found = survey(path, file_columns)
    mapper = ChoiceMapper(defaults_of(run.defaults), file_columns.form.has_labels)
    checker = RowChecker(mapper, found.do_not_mail)
    writer, rows = RowWriter(run), file_reader.rows(path, file_columns)
    for row in islice(rows, run.position):
        checker.check(row)
    run.total = found.total
    with Report(report_path, run.report_size) as report:
        while chunk := list(islice(rows, CHUNK)):
            candidates = [checker.check(row) for row in chunk]
            with transaction.atomic():
                if not lock_if_current(run):
                    return
                checked = writer.check(candidates)
                if not is_dry:
                    checked = writer.write(checked)
                record_chunk(run, checked, report.write(checked))
            yield


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raise FileError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise FileError(f"The file cannot be read: {exc.strerror}.") from exc


def note_columns(run: ImportRun, path: Path) -> Columns:
    """Return the file's columns and note them on the run. Raise UnexplainedColumns if some have no meaning yet."""
    meanings = run.columns.get("meanings", {})
    found = columns.find_columns(path, FORMATS[run.format], meanings)
    samples = file_reader.sample_values(path, found) if found.unexplained else {}
    run.columns = {
        "format": found.form.label,
        "is_certain": found.encoding.is_certain,
        "read": found.read,
        "unread": found.unread,
        "meanings": meanings,
        "explained": found.explained,
        # Values of readers are stored only for the page that asks about an uploaded file.
        "unexplained": samples if run.is_upload else {},
    }
    if run.pk:
        run.save(update_fields=["columns"])
    if found.unexplained:
        raise UnexplainedColumns(unexplained_text(samples))
    return found


def unexplained_text(samples: dict[str, dict[str, Any]]) -> str:
    listed = "; ".join(f"“{one['title']}” ({', '.join(one['values'])})" for one in samples.values())
    return f"Nothing is written yet. These columns may say that somebody must not be mailed: {listed}."


def survey(path: Path, found: Columns) -> Survey:
    total = 0

    def count_rows() -> Iterator[Row]:
        nonlocal total
        for row in file_reader.rows(path, found):
            total += 1
            yield row

    do_not_mail = do_not_mail_states(count_rows())
    return Survey(total, do_not_mail)


def lock_if_current(run: ImportRun) -> bool:
    """Lock the run; return False if another worker has moved it on."""
    if not run.pk:
        return True
    stored = ImportRun.objects.select_for_update().filter(pk=run.pk, status=run.status, position=run.position)
    return bool(list(stored))


def record_chunk(run: ImportRun, checked: Sequence[CheckedRow], report_size: int) -> None:
    """Add a chunk to the run's counts and problems, in the transaction that writes the chunk."""
    counts: dict[str, int] = dict(run.counts)
    for _, outcome in checked:
        counts[outcome] = counts.get(outcome, 0) + 1
    problems = [one for one in checked if one.outcome not in EXPECTED][: MAX_PROBLEMS - len(run.problems)]
    run.problems = run.problems + [
        [one.candidate.row.line, mask_address(one.candidate.row.address), reason_of(one)] for one in problems
    ]
    run.notes = count_notes(run.notes, checked)
    run.counts, run.position, run.report_size = counts, run.position + len(checked), report_size
    run.moved_at = clock.now()
    if run.pk:
        run.save(update_fields=["counts", "problems", "notes", "position", "report_size", "total", "moved_at"])


def count_notes(known: dict[str, int], checked: Sequence[CheckedRow]) -> dict[str, int]:
    """Return `known` plus the notes of added rows, each with the number of its rows; at most MAX_NOTES kinds."""
    notes = dict(known)
    for candidate, outcome in checked:
        if outcome == RowResult.ADDED and candidate.choice:
            for note in candidate.choice.notes:
                kind = note if note in notes or len(notes) < MAX_NOTES else OTHER_NOTES
                notes[kind] = notes.get(kind, 0) + 1
    return notes


def stored_defaults(topics: Sequence[int], rhythm: Rhythm) -> dict[str, Any]:
    """Return the defaults for empty cells as JSON for ImportRun.defaults."""
    hour = f"{rhythm.send_time:%H:%M}"
    return {"topics": sorted(topics), "rhythm": [rhythm.frequency, rhythm.weekday, hour, rhythm.timezone]}


def defaults_of(stored: dict[str, Any]) -> Defaults:
    frequency, weekday, hour, zone = stored["rhythm"]
    return Defaults(tuple(stored["topics"]), Rhythm(frequency, weekday, time.fromisoformat(hour), zone))

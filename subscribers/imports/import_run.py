"""The step from a file of readers to subscribers: chunk by chunk, each whole or not at all, and on from any."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from newsletter import clock
from subscribers.addresses.bulk_canonical import masked
from subscribers.digest_schedule import Rhythm
from subscribers.imports import file_reader
from subscribers.imports.choice_mapping import Choosing, Defaults
from subscribers.imports.file_reader import FileError, Row
from subscribers.imports.formats import FORMATS, Format, State
from subscribers.imports.reports import Report, reason_of
from subscribers.imports.row_outcome import EXPECTED, Decided, Deciding, leaving_of
from subscribers.imports.row_writer import Writer
from subscribers.models import ImportRun

CHUNK = 20_000
MOST_PROBLEMS = 50


class Survey(NamedTuple):
    """What has to be known of a whole file before its first row is taken."""

    total: int
    leaving: dict[bytes, State]


def go_through(run: ImportRun, path: Path, report_path: Path | None, *, is_dry: bool) -> Iterator[None]:
    """Take the rows that come after those `run` has done, and yield after each chunk.

    A dry run writes no reader; a run that was never saved is not stored. Where another worker goes on with the run,
    this one ends. Raise FileError where the file cannot be read, which is found before its first row is taken.
    """
    if run.file_hash != hash_of(path):
        raise FileError("The file is not the one the import began with.")
    form = FORMATS[run.format]
    found = survey(path, form)
    deciding = Deciding(Choosing(defaults_of(run.defaults), form.has_labels), found.leaving)
    writer, rows = Writer(run), file_reader.rows(path, form)
    for row in islice(rows, run.position):
        deciding.look_at(row)
    run.total = found.total
    with Report(report_path, run.report_size) as report:
        while chunk := list(islice(rows, CHUNK)):
            candidates = [deciding.look_at(row) for row in chunk]
            with transaction.atomic():
                if not is_ours(run):
                    return
                decided = writer.decide(candidates)
                if not is_dry:
                    decided = writer.write(decided)
                note(run, decided, report.write(decided))
            yield


def hash_of(path: Path) -> str:
    """Return what tells files apart. Raise FileError where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise FileError(f"The file cannot be read: {exc.strerror}.") from exc


def survey(path: Path, form: Format) -> Survey:
    total = 0

    def counted() -> Iterator[Row]:
        nonlocal total
        for row in file_reader.rows(path, form):
            total += 1
            yield row

    leaving = leaving_of(counted())
    return Survey(total, leaving)


def is_ours(run: ImportRun) -> bool:
    """Lock the run, and say whether it stands where we think it does."""
    if not run.pk:
        return True
    stored = ImportRun.objects.select_for_update().filter(pk=run.pk, status=run.status, position=run.position)
    return bool(list(stored))


def note(run: ImportRun, decided: Sequence[Decided], report_size: int) -> None:
    """Count a chunk, in the transaction that writes it."""
    counts: dict[str, int] = dict(run.counts)
    for _, outcome in decided:
        counts[outcome] = counts.get(outcome, 0) + 1
    problems = [one for one in decided if one.outcome not in EXPECTED][: MOST_PROBLEMS - len(run.problems)]
    run.problems = run.problems + [
        [one.candidate.row.line, masked(one.candidate.row.address), reason_of(one)] for one in problems
    ]
    run.counts, run.position, run.report_size = counts, run.position + len(decided), report_size
    run.moved_at = clock.now()
    if run.pk:
        run.save(update_fields=["counts", "problems", "position", "report_size", "total", "moved_at"])


def stored_defaults(topics: Sequence[int], rhythm: Rhythm) -> dict[str, Any]:
    """Return what stands where a file says nothing, as a run keeps it."""
    hour = f"{rhythm.send_time:%H:%M}"
    return {"topics": sorted(topics), "rhythm": [rhythm.frequency, rhythm.weekday, hour, rhythm.timezone]}


def defaults_of(stored: dict[str, Any]) -> Defaults:
    frequency, weekday, hour, zone = stored["rhythm"]
    return Defaults(tuple(stored["topics"]), Rhythm(frequency, weekday, time.fromisoformat(hour), zone))

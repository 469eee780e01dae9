"""Files of readers, and runs that import them."""

import csv
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path

from subscribers.digest_schedule import Rhythm
from subscribers.imports import import_run
from subscribers.models import ImportRun
from tests.factories import TopicFactory

SUBSTITUTE = Rhythm("daily", 0, time(7), "UTC")


def written(folder: Path, *lines: str, name: str = "readers.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def started(path: Path, form: str = "csv", topics: Iterable[int] | None = None) -> ImportRun:
    """Return a new run of a file, for readers who get a topic of their own where their row names none."""
    ids = [TopicFactory().pk] if topics is None else list(topics)
    return ImportRun.objects.create(
        name=path.name,
        file_hash=import_run.hash_of(path),
        format=form,
        consent_source="The old list",
        consent_on=date(2026, 3, 1),
        defaults=import_run.stored_defaults(ids, SUBSTITUTE),
        status=ImportRun.Status.WRITING,
    )


def imported(path: Path, form: str = "csv", *, is_dry: bool = False, topics: Iterable[int] | None = None) -> ImportRun:
    run = started(path, form, topics)
    for _ in import_run.process(run, path, report_of(path), is_dry=is_dry):
        pass
    return run


def report_of(path: Path) -> Path:
    return path.with_suffix(".report.csv")


def outcomes(path: Path) -> list[str]:
    """Return what the report says of each row."""
    with report_of(path).open(encoding="utf-8", newline="") as file:
        return [row["outcome"] for row in csv.DictReader(file)]

"""The import of one file of readers: its progress and results."""

from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models

from newsletter import clock
from newsletter.state_machine import StatefulModel


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def at_work(self) -> Self:
        return self.filter(status__in=(ImportRun.Status.CHECKING, ImportRun.Status.WRITING))


class ImportRun(StatefulModel):
    """A file, its options and its progress. Counts are committed together with the rows they count."""

    class Status(models.TextChoices):
        CHECKING = "checking", "Checking"
        ASKING = "asking", "Waiting for an answer"
        CHECKED = "checked", "Waiting for confirmation"
        WRITING = "writing", "Importing"
        DONE = "done", "Imported"
        FAILED = "failed", "Unreadable"
        DROPPED = "dropped", "Cancelled"

    MOVES = {
        Status.ASKING: {Status.CHECKING},
        Status.CHECKING: {Status.ASKING},
        Status.CHECKED: {Status.CHECKING},
        Status.WRITING: {Status.CHECKED},
        Status.DONE: {Status.WRITING},
        Status.FAILED: {Status.CHECKING, Status.WRITING},
        Status.DROPPED: {Status.CHECKING, Status.ASKING, Status.CHECKED, Status.WRITING},
    }

    name = models.CharField("file", max_length=200)
    file_hash = models.CharField(max_length=64)
    format = models.CharField(max_length=12)
    consent_source = models.CharField(max_length=200)
    consent_on = models.DateField()
    defaults = models.JSONField(default=dict)
    by = models.CharField(max_length=200)
    status = models.CharField(max_length=8, choices=Status, default=Status.CHECKING)
    started_at = models.DateTimeField(default=clock.now)
    moved_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)  # rows processed
    report_size = models.PositiveBigIntegerField(default=0)  # bytes of the report for those rows
    counts = models.JSONField(default=dict)
    problems = models.JSONField(default=list)
    notes = models.JSONField(default=dict)  # values for which the default is used, with the number of their rows
    # What is known of the file's columns, and under "meanings" what an operator said of some by clean title.
    columns = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True, default="")
    is_upload = models.BooleanField(default=False)  # we delete the file when the run ends

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.get_status_display()})"

    @property
    def audit_name(self) -> str:
        return f"Import {self.pk}"

    @property
    def path(self) -> Path:
        """The path of the uploaded file."""
        return Path(settings.VAR_DIR) / "imports" / f"{self.pk}.csv"

    @property
    def report_path(self) -> Path:
        return self.path.with_suffix(".report.csv")

    @property
    def is_at_work(self) -> bool:
        return self.status in (self.Status.CHECKING, self.Status.WRITING)

    @property
    def unexplained(self) -> dict[str, dict[str, Any]]:
        """The title and some values of each column of which an operator must say what it means, by clean title."""
        samples: dict[str, dict[str, Any]] = self.columns.get("unexplained", {})
        return samples

    @property
    def percent(self) -> int:
        return 100 * self.position // self.total if self.total else 0

    def begin_writing(self) -> bool:
        """Start the import after the check, from the first row; return False if it has started before.

        Sets started_at to now, because imported readers receive what is published from that moment.
        """
        now = clock.now()
        fresh: dict[str, Any] = {"position": 0, "report_size": 0, "counts": {}, "problems": [], "notes": {}}
        return self.move_to(self.Status.WRITING, started_at=now, moved_at=now, **fresh)

    def explain_columns(self, meanings: dict[str, str]) -> bool:
        """Store what columns mean and check the file again; return False if somebody has answered before."""
        known = {**self.columns, "meanings": {**self.columns.get("meanings", {}), **meanings}, "unexplained": {}}
        return self.move_to(self.Status.CHECKING, columns=known, moved_at=clock.now())

    def end(self, status: "ImportRun.Status", error: str = "") -> bool:
        known = {**self.columns, "unexplained": {}}
        return self.move_to(status, finished_at=clock.now(), error=error[:300], columns=known)

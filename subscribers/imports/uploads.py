"""Files uploaded in the admin: stored, checked, and imported once an operator confirms."""

from collections.abc import Callable
from datetime import timedelta

from django.core.files import File

from newsletter import clock
from subscribers.imports import import_run
from subscribers.imports.file_error import FileError
from subscribers.models import ImportRun

IDLE_AFTER = timedelta(minutes=2)  # longer than any chunk takes
UNCONFIRMED_KEPT = timedelta(days=7)
REPORT_KEPT = timedelta(days=30)


def store_upload(upload: File[bytes], run: ImportRun) -> None:
    """Store a new run and its file, in a directory that only this user can read."""
    run.is_upload = True
    run.save()
    run.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with run.path.open("wb") as file:
        for part in upload.chunks():
            file.write(part)
    run.file_hash = import_run.hash_of(run.path)
    run.save(update_fields=["file_hash"])


def continue_run(run: ImportRun, may_continue: Callable[[], bool]) -> bool:
    """Check or import the remaining rows of a run; return True if some remain. Safe to repeat."""
    if not run.is_at_work:
        return False
    try:
        for _ in import_run.process(run, run.path, run.report_path, is_dry=run.status == run.Status.CHECKING):
            if not may_continue():
                return True
    except import_run.UnexplainedColumns:
        run.move_to(run.Status.ASKING, moved_at=clock.now())
        return False
    except FileError as exc:
        end_run(run, run.Status.FAILED, str(exc))
        return False
    if run.position >= run.total:
        complete(run)
    return False


def complete(run: ImportRun) -> None:
    if run.status == run.Status.CHECKING:
        run.move_to(run.Status.CHECKED, total=run.total)
    elif run.end(run.Status.DONE):
        run.path.unlink(missing_ok=True)


def end_run(run: ImportRun, status: ImportRun.Status, error: str = "") -> None:
    """End a run and delete its file; readers imported so far stay."""
    if run.end(status, error):
        run.path.unlink(missing_ok=True)


def idle_run_ids() -> list[int]:
    """Return the ids of unfinished runs that no worker is processing."""
    idle = ImportRun.objects.filter(is_upload=True, moved_at__lt=clock.now() - IDLE_AFTER)
    return list(idle.at_work().values_list("pk", flat=True))


def delete_expired() -> None:
    """Drop runs that nobody confirmed within a week, and delete month-old reports."""
    uploads = ImportRun.objects.filter(is_upload=True)
    waiting = (ImportRun.Status.ASKING, ImportRun.Status.CHECKED)
    for run in uploads.filter(status__in=waiting, moved_at__lt=clock.now() - UNCONFIRMED_KEPT):
        end_run(run, ImportRun.Status.DROPPED)
    old = clock.now() - REPORT_KEPT
    for run in uploads.filter(finished_at__range=(old - timedelta(days=2), old)):
        run.report_path.unlink(missing_ok=True)

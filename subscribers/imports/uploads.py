"""Files that come through the admin: kept, looked through, and imported once somebody says so."""

from collections.abc import Callable
from datetime import timedelta

from django.core.files import File

from newsletter import clock
from subscribers.imports import import_run
from subscribers.imports.file_reader import FileError
from subscribers.models import ImportRun

FORGOTTEN = timedelta(minutes=2)  # no chunk takes so long
KEPT = timedelta(days=7)
REPORT_KEPT = timedelta(days=30)


def keep(upload: File[bytes], run: ImportRun) -> None:
    """Store a new run and its file, readable by nobody else."""
    run.is_upload = True
    run.save()
    run.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with run.path.open("wb") as file:
        for part in upload.chunks():
            file.write(part)
    run.file_hash = import_run.hash_of(run.path)
    run.save(update_fields=["file_hash"])


def go_on(run: ImportRun, may_go_on: Callable[[], bool]) -> bool:
    """Look through or import what is left of a run; return whether there is more to do. Safe to repeat."""
    if not run.is_at_work:
        return False
    try:
        for _ in import_run.go_through(run, run.path, run.report_path, is_dry=run.status == run.Status.CHECKING):
            if not may_go_on():
                return True
    except FileError as exc:
        give_up(run, run.Status.FAILED, str(exc))
        return False
    if run.position >= run.total:
        complete(run)
    return False


def complete(run: ImportRun) -> None:
    if run.status == run.Status.CHECKING:
        run.move_to(run.Status.CHECKED, total=run.total)
    elif run.end(run.Status.DONE):
        run.path.unlink(missing_ok=True)


def give_up(run: ImportRun, status: ImportRun.Status, error: str = "") -> None:
    """End a run; what it has imported so far stays, its file goes."""
    if run.end(status, error):
        run.path.unlink(missing_ok=True)


def forgotten() -> list[int]:
    """Return the ids of runs that nobody works on; forget what nobody confirmed in a week, and reports of a month."""
    uploads = ImportRun.objects.filter(is_upload=True)
    for run in uploads.filter(status=ImportRun.Status.CHECKED, moved_at__lt=clock.now() - KEPT):
        give_up(run, ImportRun.Status.DROPPED)
    old = clock.now() - REPORT_KEPT
    for run in uploads.filter(finished_at__range=(old - timedelta(days=2), old)):
        run.report_path.unlink(missing_ok=True)
    idle = uploads.at_work().filter(moved_at__lt=clock.now() - FORGOTTEN)
    return list(idle.values_list("pk", flat=True))

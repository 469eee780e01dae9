import time

from celery import shared_task

from newsletter import stopping
from subscribers import letters, zones
from subscribers.imports import uploads
from subscribers.models import ImportRun, Letter

IMPORT_SECONDS = 300  # then the next task goes on


@shared_task
def send_letter(letter_id: int) -> None:
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=letter_id))


@shared_task
def sweep_letters() -> None:
    for letter_id in letters.waiting():
        send_letter.delay(letter_id)


@shared_task
def follow_changed_rules() -> None:
    zones.follow_changed_rules()


@shared_task
def go_on_with_import(run_id: int) -> None:
    end = time.monotonic() + IMPORT_SECONDS
    if uploads.go_on(ImportRun.objects.get(pk=run_id), lambda: time.monotonic() < end and not stopping.is_requested()):
        go_on_with_import.delay(run_id)


@shared_task
def sweep_imports() -> None:
    for run_id in uploads.forgotten():
        go_on_with_import.delay(run_id)

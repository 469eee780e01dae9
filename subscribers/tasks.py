import time

from celery import shared_task
from django.conf import settings
from django.utils.module_loading import import_string

from newsletter import stopping
from subscribers import letters, retention, zones
from subscribers.imports import uploads
from subscribers.models import ImportRun, Letter

IMPORT_SECONDS = 300  # then the next task goes on
ROUND_SECONDS = 5  # from one sweep to the next


@shared_task
def send_letter(letter_id: int) -> None:
    letter = Letter.objects.select_related("subscriber__preferences").get(pk=letter_id)
    letters.send(letter, import_string(settings.LETTERS_HELD_BY), import_string(settings.LETTERS_COUNTED_BY))


@shared_task
def sweep_letters() -> None:
    waiting = letters.sweep()
    if waiting and not import_string(settings.LETTERS_HELD_BY)():
        for letter_id in waiting:
            # What no worker took by the next round is found again there.
            send_letter.apply_async([letter_id], expires=ROUND_SECONDS)


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


@shared_task
def forget() -> None:
    retention.forget()

import logging
import time
from functools import partial

from celery import Task, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from newsletter import worker_shutdown
from subscribers import letters, ports, timezone_updates
from subscribers.imports import uploads
from subscribers.models import ImportRun, Letter
from subscribers.retention import unconfirmed
from subscribers.subscription import requests

IMPORT_SECONDS = 300  # then a new task continues
ROUND_SECONDS = 5  # between two sweeps

log = logging.getLogger(__name__)


@shared_task
def send_letter(letter_id: int) -> None:
    letter = Letter.objects.select_related("subscriber__preferences").get(pk=letter_id)
    sending = ports.sending()
    letters.send(letter, sending.is_held, sending.count_sent_today)


@shared_task
def sweep_letters() -> None:
    waiting = letters.sweep()
    if waiting and not ports.sending().is_held():
        for letter_id in waiting:
            # Unclaimed tasks expire before the next sweep, which queues their letters again.
            send_letter.apply_async([letter_id], expires=ROUND_SECONDS)


@shared_task
def answer_signup(request_id: int) -> None:
    """Answer a sign-up and send its letter at once: both run on the same queue."""
    if letter := requests.answer(request_id):
        send_letter(letter.pk)


@shared_task
def sweep_signups() -> None:
    for request_id in requests.unanswered_ids():
        answer_signup.delay(request_id)
    requests.delete_answered()


@shared_task
def follow_changed_rules() -> None:
    timezone_updates.follow_changed_rules()


@shared_task
def go_on_with_import(run_id: int) -> None:
    end = time.monotonic() + IMPORT_SECONDS
    if uploads.continue_run(
        ImportRun.objects.get(pk=run_id), lambda: time.monotonic() < end and not worker_shutdown.is_requested()
    ):
        go_on_with_import.delay(run_id)


@shared_task
def sweep_imports() -> None:
    uploads.delete_expired()
    for run_id in uploads.idle_run_ids():
        go_on_with_import.delay(run_id)


@shared_task
def forget() -> None:
    unconfirmed.apply_retention()


def wake_on_commit(task: Task, pk: int) -> None:
    """Queue `task` for a row once the transaction commits; when Redis is down, the sweep finds the row later."""
    transaction.on_commit(partial(wake, task, pk))


def wake(task: Task, pk: int) -> None:
    try:
        task.apply_async((pk,), retry=False)
    except OperationalError:
        log.warning("Could not queue %s %s; the sweep will find it", task.name, pk)

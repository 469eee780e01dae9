import logging

from celery import Task, shared_task
from kombu.exceptions import OperationalError

from subscribers import letters, reception, zones
from subscribers.models import Letter

log = logging.getLogger(__name__)


@shared_task
def send_letter(letter_id: int) -> None:
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=letter_id))


@shared_task
def sweep_letters() -> None:
    for letter_id in letters.waiting():
        send_letter.delay(letter_id)


@shared_task
def answer_signup(request_id: int) -> None:
    """Answer a sign-up, and send the letter at once: its worker is the one that sends letters."""
    if letter := reception.answer(request_id):
        send_letter(letter.pk)


@shared_task
def sweep_signups() -> None:
    for request_id in reception.waiting():
        answer_signup.delay(request_id)
    reception.forget_answered()


@shared_task
def follow_changed_rules() -> None:
    zones.follow_changed_rules()


def wake(task: Task, pk: int) -> None:
    """Ask for a row to be worked on now; where no worker can be told, the sweep finds it."""
    try:
        task.apply_async((pk,), retry=False)
    except OperationalError:
        log.warning("%s %s could not be queued and waits for the sweep", task.name, pk)

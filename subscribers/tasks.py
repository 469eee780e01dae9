from celery import shared_task

from subscribers import letters, retention, zones
from subscribers.models import Letter


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
def forget() -> None:
    retention.forget()

from celery import shared_task

from newsletter import housekeeping


@shared_task
def forget() -> None:
    housekeeping.forget()

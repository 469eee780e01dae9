from celery import shared_task

from newsletter.runtime import nightly_cleanup


@shared_task
def forget() -> None:
    nightly_cleanup.delete_expired()

from celery import shared_task
from django.contrib.auth.models import User

from digests import applying, assembly, recovery, sending, switch, trial
from digests.models import Batch
from newsletter import stopping
from newsletter.issues.models import Issue

WAKING_SECONDS = 60


@shared_task
def assemble_due_digests() -> None:
    for batch_id in assembly.assemble_due_digests().batch_ids:
        send_batch.delay(batch_id)


@shared_task
def send_batch(batch_id: int) -> None:
    sending.send_batch(Batch.objects.get(pk=batch_id), stopping.is_requested)


@shared_task
def sweep() -> None:
    for batch_id in recovery.sweep():
        # The next rounds wake it again: behind a long run of batches no heap of these shall grow.
        send_batch.apply_async((batch_id,), expires=WAKING_SECONDS)


@shared_task
def send_trial(issue_id: int, editor_id: int) -> None:
    trial.send_trial(Issue.objects.get(pk=issue_id), User.objects.get(pk=editor_id).email)


@shared_task
def apply_events() -> None:
    applying.apply_events()


@shared_task
def settle_uncertain() -> None:
    applying.settle_uncertain()


@shared_task
def forget_events() -> None:
    applying.forget_events()


@shared_task
def heartbeat() -> None:
    switch.heartbeat()

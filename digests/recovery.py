"""The sweep: what a worker that vanished left behind is settled, and what was forgotten is found."""

from datetime import timedelta

from django.db import transaction

from digests.models import Batch, Delivery
from newsletter import clock

FORGOTTEN = timedelta(seconds=30)


def sweep() -> list[int]:
    """Settle batches whose lease is over, and return the ids of batches that wait for a worker."""
    over = Batch.objects.filter(lease_until__lt=clock.now())
    for batch in over.filter(status=Batch.Status.LEASED):
        batch.move_to(Batch.Status.PLANNED, lease_until=None)
    for batch in over.filter(status=Batch.Status.SUBMITTING):
        abandon_call(batch)
    waiting = Batch.objects.ready().filter(made_at__lt=clock.now() - FORGOTTEN)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def abandon_call(batch: Batch) -> None:
    """Give a vanished worker's batch back behind the call it was in, whose deliveries become uncertain."""
    rows = Batch.objects.filter(
        pk=batch.pk, status=Batch.Status.SUBMITTING, attempt=batch.attempt, position=batch.position
    )
    if rows.update(status=Batch.Status.PLANNED, position=batch.position + 1, lease_until=None):
        Delivery.objects.filter(batch=batch, call_no=batch.position, status=None).update(
            status=Delivery.Status.UNCERTAIN, note="The worker vanished while this was being handed over."
        )

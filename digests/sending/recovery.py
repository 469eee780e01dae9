"""The sweep: recovers batches of vanished workers, drops what may not be sent, and finds forgotten batches."""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from digests.models import Batch, Delivery
from digests.models.delivery_state import is_ahead_of
from digests.sending import outcome_recording, switch
from newsletter import clock
from newsletter.issues.models import Issue

WORKER_VANISHED = "The worker vanished while this was being handed over."


def sweep() -> list[int]:
    """Recover and drop batches, and return the ids of batches that wait for a worker. Safe to repeat."""
    over = Batch.objects.filter(lease_until__lt=clock.now())
    for batch in over.filter(status=Batch.Status.LEASED):
        batch.move_to(Batch.Status.PLANNED, is_unchanged(batch), lease_until=None)
    for batch in over.filter(status=Batch.Status.SUBMITTING):
        recover_batch(batch)
    for batch in find_unsendable():
        drop_batch(batch)
    abandon_expired()
    if not switch.send_permission().is_allowed:
        return []
    waiting = Batch.objects.ready().filter(made_at__lt=clock.now() - settings.SEND_FORGOTTEN)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def is_unchanged(batch: Batch) -> Q:
    return Q(attempt=batch.attempt, position=batch.position, lease_until=batch.lease_until)


@transaction.atomic
def recover_batch(batch: Batch) -> None:
    """Plan a vanished worker's batch again from after its open calls; deliveries in those become uncertain."""
    start, end = batch.position, batch.position + batch.open_calls
    if batch.move_to(Batch.Status.PLANNED, is_unchanged(batch), position=end, open_calls=0, lease_until=None):
        in_doubt = Delivery.objects.filter(is_ahead_of(batch, start), call_no__lt=end)
        in_doubt.update(status=Delivery.Status.UNCERTAIN, note=WORKER_VANISHED)


def find_unsendable() -> list[Batch]:
    """Return planned batches whose remaining deliveries are all expired or withdrawn."""
    ahead = Delivery.objects.filter(is_ahead_of(OuterRef("pk"), OuterRef("position")))
    alive = ahead.filter(expires_at__gte=clock.now()).exclude(digest__issue__status=Issue.Status.WITHDRAWN)
    planned = Batch.objects.filter(status=Batch.Status.PLANNED)
    return list(planned.filter(~Exists(alive)))


@transaction.atomic
def drop_batch(batch: Batch) -> bool:
    """Drop a planned batch: skip its remaining deliveries, each for its reason. False where a worker was first."""
    if not batch.move_to(Batch.Status.DROPPED, is_unchanged(batch)):
        return False
    ahead = Delivery.objects.filter(is_ahead_of(batch, batch.position))
    outcome_recording.skip_deliveries(outcome_recording.find_skip_reasons(ahead.values_list("pk", flat=True)))
    return True


ABANDON = """
UPDATE digests_delivery SET status = 'abandoned'
WHERE status = 'uncertain' AND expires_at < %s RETURNING id
"""


@transaction.atomic
def abandon_expired() -> int:
    """Abandon expired uncertain deliveries, and return how many; statistics count them separately.

    Their spans go back to their readers: the papers may come once more, the mail never does.
    """
    with connection.cursor() as cursor:
        cursor.execute(ABANDON, [clock.now()])
        abandoned = [pk for (pk,) in cursor.fetchall()]
    outcome_recording.give_back_spans(abandoned)
    return len(abandoned)

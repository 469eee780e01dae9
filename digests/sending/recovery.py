"""The sweep: what a worker that vanished left behind is settled, and what was forgotten is found."""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from digests.models import Batch, Delivery
from digests.models.delivery_state import is_ahead_of
from digests.sending import outcome_recording, switch
from newsletter import clock
from newsletter.issues.models import Issue

VANISHED = "The worker vanished while this was being handed over."


def sweep() -> list[int]:
    """Settle what is left behind, and return the ids of batches that wait for a worker. Safe to repeat."""
    over = Batch.objects.filter(lease_until__lt=clock.now())
    for batch in over.filter(status=Batch.Status.LEASED):
        batch.move_to(Batch.Status.PLANNED, is_as_seen(batch), lease_until=None)
    for batch in over.filter(status=Batch.Status.SUBMITTING):
        leave_calls(batch)
    for batch in dead_batches():
        drop(batch)
    abandon_expired()
    if not switch.may_send().may:
        return []
    waiting = Batch.objects.ready().filter(made_at__lt=clock.now() - settings.SEND_FORGOTTEN)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def is_as_seen(batch: Batch) -> Q:
    return Q(attempt=batch.attempt, position=batch.position, lease_until=batch.lease_until)


@transaction.atomic
def leave_calls(batch: Batch) -> None:
    """Give a vanished worker's batch back behind the calls it had open, whose deliveries become uncertain."""
    start, end = batch.position, batch.position + batch.open_calls
    if batch.move_to(Batch.Status.PLANNED, is_as_seen(batch), position=end, open_calls=0, lease_until=None):
        in_doubt = Delivery.objects.filter(is_ahead_of(batch, start), call_no__lt=end)
        in_doubt.update(status=Delivery.Status.UNCERTAIN, note=VANISHED)


def dead_batches() -> list[Batch]:
    """Return planned batches of which nothing may leave any more: all of it is too late, or withdrawn."""
    ahead = Delivery.objects.filter(is_ahead_of(OuterRef("pk"), OuterRef("position")))
    alive = ahead.filter(expires_at__gte=clock.now()).exclude(digest__issue__status=Issue.Status.WITHDRAWN)
    planned = Batch.objects.filter(status=Batch.Status.PLANNED)
    return list(planned.filter(~Exists(alive)))


@transaction.atomic
def drop(batch: Batch) -> bool:
    """End a planned batch: what is ahead is skipped, each for its reason, and gives its span back."""
    if not batch.move_to(Batch.Status.DROPPED, is_as_seen(batch)):
        return False
    ahead = Delivery.objects.filter(is_ahead_of(batch, batch.position))
    outcome_recording.skip(outcome_recording.taken_out(ahead.values_list("pk", flat=True)))
    return True


ABANDON = """
UPDATE digests_delivery SET status = 'abandoned'
WHERE status = 'uncertain' AND expires_at < %s
"""


def abandon_expired() -> int:
    """Give up on uncertain deliveries that came too late to be settled; they are counted in the open."""
    with connection.cursor() as cursor:
        cursor.execute(ABANDON, [clock.now()])
        return int(cursor.rowcount)

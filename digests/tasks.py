import logging
from collections.abc import Sequence

from celery import shared_task
from django.contrib.auth.models import User

from digests import (
    alerts,
    applying,
    assembly,
    brakes,
    checking,
    figuring,
    finishing,
    linking,
    pruning,
    recovery,
    sending,
    switch,
    tallying,
    telling,
    trial,
)
from digests.models import Batch
from newsletter import stopping
from newsletter.issues.models import Issue
from subscribers.models import Subscriber

logger = logging.getLogger(__name__)
WAKING_SECONDS = 60


@shared_task
def assemble_due_digests() -> None:
    assembly.assemble_due_digests(wake)


def wake(batch_ids: Sequence[int]) -> None:
    for batch_id in batch_ids:
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
def figure_reach(issue_id: int) -> None:
    figuring.figure_reach(Issue.objects.get(pk=issue_id))


@shared_task
def follow_links(issue_id: int) -> None:
    issue = Issue.objects.get(pk=issue_id)
    linking.follow_links(issue, checking.front_of(issue))


def have_links_followed(issue: Issue) -> int:
    """Return how many links of an issue wait for a worker, which is asked to follow them."""
    waiting = len(linking.unfollowed(issue, checking.front_of(issue)))
    if waiting:
        follow_links.apply_async((issue.pk,), expires=WAKING_SECONDS)
    return waiting


@shared_task
def send_trial(
    issue_id: int, editor_id: int, topics: Sequence[str] | None = None, reader_id: int | None = None
) -> None:
    reader = Subscriber.objects.get(pk=reader_id) if reader_id else None
    address = User.objects.get(pk=editor_id).email
    outcome = trial.send_trial(Issue.objects.get(pk=issue_id), address, topics, reader)
    if not outcome.is_accepted:
        logger.warning("The test mail of issue %s was not handed over: %s", issue_id, outcome.reason)


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


@shared_task
def watch() -> None:
    brakes.watch()
    alerts.watch()


@shared_task
def deliver_notices() -> None:
    telling.deliver()


@shared_task
def ping_finished() -> None:
    finishing.ping_finished()


@shared_task
def prune() -> None:
    pruning.prune()


@shared_task
def tally() -> None:
    tallying.tally()

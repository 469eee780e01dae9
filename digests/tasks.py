"""The Celery tasks of digests: each loads its rows and makes one call. Their names never change: queues hold them."""

import logging
from collections.abc import Sequence

from celery import shared_task
from django.contrib.auth.models import User

import digests.sending.send_batch
from digests.assembly import assemble
from digests.mail_setup import last_check
from digests.models import Batch
from digests.monitoring import alerts, notices, retention
from digests.monitoring.heartbeat import ping_finished_issues
from digests.previews import issue_test, reach_cache
from digests.provider_events import application
from digests.provider_lookups import rounds
from digests.publication import checklist, link_check
from digests.returned_mail import kept_mail, mailbox_reading
from digests.sending import auto_pause, recovery, switch, uncertain
from digests.statistics import daily_counts
from newsletter import worker_shutdown
from newsletter.issues.models import Issue
from subscribers.models import Subscriber

logger = logging.getLogger(__name__)
WAKE_EXPIRY_SECONDS = 60


@shared_task
def assemble_due_digests() -> None:
    assemble.assemble_due_digests(queue_batches)


def queue_batches(batch_ids: Sequence[int]) -> None:
    for batch_id in batch_ids:
        send_batch.delay(batch_id)


@shared_task
def send_batch(batch_id: int) -> None:
    digests.sending.send_batch.send_batch(Batch.objects.get(pk=batch_id), worker_shutdown.is_requested)


@shared_task
def sweep() -> None:
    for batch_id in recovery.sweep():
        # The next sweep queues it again, so stale messages expire instead of piling up behind a long run of batches.
        send_batch.apply_async((batch_id,), expires=WAKE_EXPIRY_SECONDS)


@shared_task
def figure_reach(issue_id: int) -> None:
    reach_cache.refresh_reach(Issue.objects.get(pk=issue_id))


@shared_task
def follow_links(issue_id: int) -> None:
    issue = Issue.objects.get(pk=issue_id)
    link_check.check_links(issue, checklist.front_cards(issue))


def queue_link_check(issue: Issue) -> int:
    """Queue a check of the issue's unchecked links; return how many there are."""
    waiting = len(link_check.links_to_follow(issue, checklist.front_cards(issue)))
    if waiting:
        follow_links.apply_async((issue.pk,), expires=WAKE_EXPIRY_SECONDS)
    return waiting


@shared_task
def send_trial(
    issue_id: int, editor_id: int, topics: Sequence[str] | None = None, reader_id: int | None = None
) -> None:
    reader = Subscriber.objects.get(pk=reader_id) if reader_id else None
    address = User.objects.get(pk=editor_id).email
    outcome = issue_test.send_issue_test(Issue.objects.get(pk=issue_id), address, topics, reader)
    if not outcome.is_accepted:
        logger.warning("The test mail of issue %s was not handed over: %s", issue_id, outcome.reason)


@shared_task
def apply_events() -> None:
    application.apply_events()


@shared_task
def read_returned_mail() -> None:
    mailbox_reading.read_configured_mailbox(worker_shutdown.is_requested)


@shared_task
def settle_uncertain() -> None:
    uncertain.settle_uncertain()


@shared_task
def ask_providers() -> None:
    rounds.ask_providers(worker_shutdown.is_requested)


@shared_task
def forget_events() -> None:
    application.forget_events()
    kept_mail.forget_old()


@shared_task
def heartbeat() -> None:
    switch.raise_epoch()


@shared_task
def watch() -> None:
    auto_pause.check_recent_issues()
    alerts.update_alerts()


@shared_task
def deliver_notices() -> None:
    notices.deliver_notices()


@shared_task
def ping_finished() -> None:
    ping_finished_issues()


@shared_task
def check_mail_setup() -> None:
    """Run the check that a person asked for, or else the day's own."""
    if not last_check.is_trial():
        last_check.ask_for_check()
        last_check.run_wanted_check()


@shared_task
def prune() -> None:
    retention.delete_old_rows()


@shared_task
def tally() -> None:
    daily_counts.tally()

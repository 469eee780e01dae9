from celery import shared_task

from newsletter.issues import drafting, proposals, publishing


@shared_task
def draft_next_issue() -> None:
    drafting.draft_next_issue()


@shared_task
def publish_past_cutoff() -> None:
    publishing.publish_past_cutoff()


@shared_task
def enter_accepted_proposals() -> None:
    proposals.enter_accepted()

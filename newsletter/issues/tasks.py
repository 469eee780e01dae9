from celery import shared_task

from newsletter.issues import drafting, proposals, publishing, reminding


@shared_task
def draft_next_issue() -> None:
    drafting.draft_next_issue()


@shared_task
def publish_past_cutoff() -> None:
    publishing.publish_past_cutoff()


@shared_task
def mail_coming_drafts() -> None:
    reminding.mail_coming_drafts()


@shared_task
def enter_accepted_proposals() -> None:
    proposals.enter_accepted()

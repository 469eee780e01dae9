from celery import shared_task

from newsletter.issues import draft, draft_reminder, publish
from newsletter.issues.desk import proposal_decisions


@shared_task
def draft_next_issue() -> None:
    draft.draft_next_issue()


@shared_task
def publish_past_cutoff() -> None:
    publish.publish_past_cutoff()


@shared_task
def mail_coming_drafts() -> None:
    draft_reminder.mail_coming_drafts()


@shared_task
def enter_accepted_proposals() -> None:
    proposal_decisions.enter_accepted()

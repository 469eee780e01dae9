"""All periodic tasks. Each may be missed, repeated or late: the next run makes up for it."""

from datetime import timedelta
from typing import Any


def every(task: str, **span: int) -> dict[str, Any]:
    """Return an entry that runs `task` every `span`; a run that no worker took before the next one expires."""
    period = timedelta(**span)
    return {"task": task, "schedule": period, "options": {"expires": period.total_seconds()}}


SCHEDULE = {
    "fetch due sources": every("newsletter.papers.tasks.fetch_due_sources", minutes=5),
    "tell of sources in trouble": every("newsletter.papers.tasks.report_troubled_sources", hours=1),
    "score papers": every("newsletter.papers.tasks.score_papers", minutes=15),
    "train the forecast of votes": every("newsletter.papers.tasks.train_forecast", hours=24),
    "count readers’ votes": every("newsletter.papers.tasks.write_vote_counts", minutes=5),
    "tag by edited topics": every("newsletter.papers.tasks.retag_recent", minutes=5),
    "draft and refresh the next issue": every("newsletter.issues.tasks.draft_next_issue", minutes=15),
    "take accepted proposals into the draft": every("newsletter.issues.tasks.enter_accepted_proposals", minutes=1),
    "publish at the cutoff": every("newsletter.issues.tasks.publish_past_cutoff", minutes=1),
    "mail editors the coming draft": every("newsletter.issues.tasks.mail_coming_drafts", minutes=1),
    # Often, because people wait for a welcome digest; with nobody due it costs one index lookup.
    "assemble due digests": every("digests.tasks.assemble_due_digests", seconds=2),
    "wake forgotten batches": every("digests.tasks.sweep", seconds=30),
    "apply what providers reported": every("digests.tasks.apply_events", seconds=2),
    "settle uncertain deliveries": every("digests.tasks.settle_uncertain", seconds=30),
    "ask providers about deliveries in doubt": every("digests.tasks.ask_providers", minutes=1),
    "read what came back by mail": every("digests.tasks.read_returned_mail", minutes=1),
    "forget old events": every("digests.tasks.forget_events", hours=6),
    "count readers and issues": every("digests.tasks.tally", minutes=5),
    "forget old acts, logins and sessions": every("newsletter.tasks.forget", hours=24),
    "check what receivers look up": every("digests.tasks.check_mail_setup", hours=24),
    "prune old mail": every("digests.tasks.prune", hours=24),
    "say that the database is in use": every("digests.tasks.heartbeat", seconds=30),
    "watch for trouble": every("digests.tasks.watch", seconds=30),
    "tell operators of it": every("digests.tasks.deliver_notices", seconds=30),
    "tell the heartbeat address of finished issues": every("digests.tasks.ping_finished", minutes=5),
    "wake forgotten letters": every("subscribers.tasks.sweep_letters", seconds=5),
    "answer forgotten sign-ups": every("subscribers.tasks.sweep_signups", seconds=30),
    "go on with forgotten imports": every("subscribers.tasks.sweep_imports", minutes=1),
    "forget readers who never confirmed, and networks": every("subscribers.tasks.forget", hours=6),
    "follow zones that changed their rules": every("subscribers.tasks.follow_changed_rules", hours=1),
}

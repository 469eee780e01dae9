"""Mail the next draft to the editors before its cutoff."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import reverse

from newsletter import clock
from newsletter.issues import draft, publish
from newsletter.issues.models import Issue
from newsletter.mail import message

logger = logging.getLogger(__name__)
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"  # knows the permissions of users


def mail_coming_drafts() -> list[Issue]:
    """Mail each draft near its cutoff to the editors; without new papers it waits, because it would move on.

    Each draft is mailed at most once: the worker that sets draft_mailed_at first mails it, and nobody retries.
    """
    now, before = clock.now(), timedelta(minutes=settings.DRAFT_MAILED_MINUTES_BEFORE)
    coming = Issue.objects.open().filter(draft_mailed_at=None, cutoff_at__gt=now, cutoff_at__lte=now + before)
    mailed = []
    for issue in coming.order_by("date") if publish.has_news() else ():
        draft.draft_issue(issue.date)
        if coming.filter(pk=issue.pk).update(draft_mailed_at=now):
            mail_draft(Issue.objects.get(pk=issue.pk))
            mailed.append(issue)
    return mailed


def mail_draft(issue: Issue) -> None:
    context = context_of(issue)
    for address in addresses():
        outcome = message.hand_over(message.compose("issues/mail/draft", context, address, tag="draft"))
        if not outcome.is_accepted:
            logger.warning("Could not mail the draft of issue %s to an editor: %s", issue.pk, outcome.reason)


def context_of(issue: Issue) -> dict[str, Any]:
    entries = list(issue.entries.front().kept().select_related("paper").order_by("position", "pk"))
    parts = [part for part in publish.listings_of(issue).split("; ") if part]
    return {
        "issue": issue,
        "entries": entries,
        "paper_count": sum(not entry.is_free for entry in entries),
        "listings": parts,
        "desk_url": settings.SITE_URL + reverse("admin:issues_issue_change", args=[issue.pk]),
    }


def addresses() -> list[str]:
    """Return the distinct addresses of staff who may change issues."""
    users: Any = get_user_model()._default_manager
    editors = users.with_perm("issues.change_issue", backend=MODEL_BACKEND).filter(~Q(email=""), is_staff=True)
    return sorted({address.lower(): address for address in editors.values_list("email", flat=True)}.values())

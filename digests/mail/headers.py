from datetime import date
from email.utils import formataddr
from functools import lru_cache

from django.conf import settings

from digests.mail.compose import DigestOrder
from digests.models import Digest
from newsletter.issues.models import Issue

FEEDBACK_SENDER = "paperround"  # Gmail wants 5 to 15 characters that never change


def headers_of(digest: Digest | DigestOrder) -> dict[str, str]:
    return headers_on(date_of(digest.issue_id))


def headers_on(day: date) -> dict[str, str]:
    """Return what all readers of an issue's digests have in their headers."""
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": formataddr((settings.PUBLICATION_NAME, settings.LIST_ID)),
        "Feedback-ID": f"{day:%Y%m%d}:digest:{FEEDBACK_SENDER}",
        "Auto-Submitted": "auto-generated",
    }


@lru_cache(maxsize=32)
def date_of(issue_id: int) -> date:
    """Return an issue's date, which never changes."""
    return Issue.objects.values_list("date", flat=True).get(pk=issue_id)

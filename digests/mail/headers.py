from datetime import date
from email.errors import MessageError
from email.header import Header
from email.utils import formataddr
from functools import lru_cache

from django.conf import settings
from django.core.mail import EmailMessage

from digests.mail.compose import DigestOrder
from digests.models import Digest
from digests.providers.base import fault_of_content
from digests.providers.interface import SharedBody
from newsletter.issues.models import Issue

FEEDBACK_SENDER = "paperround"  # Gmail wants 5 to 15 characters that never change


def headers_of(digest: Digest | DigestOrder) -> dict[str, str]:
    return headers_on(date_of(digest.issue_id))


def headers_on(day: date) -> dict[str, str]:
    """Return what all readers of an issue's digests have in their headers."""
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": list_id(),
        "Feedback-ID": f"{day:%Y%m%d}:digest:{FEEDBACK_SENDER}",
        "Auto-Submitted": "auto-generated",
    }


def list_id() -> str:
    """Return the list's name and id (RFC 2919) in ASCII: providers pass it on as it is."""
    name = settings.PUBLICATION_NAME
    # A name that looks encoded would be decoded on arrival, unless it is encoded itself.
    return (
        f"{Header(name, 'utf-8').encode()} <{settings.LIST_ID}>"
        if "=?" in name
        else formataddr((name, settings.LIST_ID))
    )


def find_header_fault(subject: str, day: date) -> str:
    """Build the headers that a digest of this subject and day would have; return what is wrong, or an empty string."""
    headers = headers_on(day)
    if fault := fault_of_content(SharedBody(0, subject, (), (), headers)):
        return fault.reason
    try:
        mail = EmailMessage(subject, "", settings.DEFAULT_FROM_EMAIL, ["reader@example.org"], headers=headers)
        mail.message().as_bytes()
    except (ValueError, MessageError) as exc:
        return f"A header cannot be written: {exc}"
    return ""


@lru_cache(maxsize=32)
def date_of(issue_id: int) -> date:
    """Return an issue's date, which never changes."""
    return Issue.objects.values_list("date", flat=True).get(pk=issue_id)

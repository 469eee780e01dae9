from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from newsletter.mail import message


def publication(request: HttpRequest) -> dict[str, Any]:
    """Give every template the publication's name and addresses, and whether there is a local mailbox."""
    return message.publication() | {
        "has_mailbox": settings.DEBUG and settings.EMAIL_PROVIDER == "mailbox",
        "sender": parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
    }

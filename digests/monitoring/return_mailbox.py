"""Says how the mailbox stands that returned mail is read from, and when it needs an operator."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning

from digests.models import ReturnMailbox
from newsletter import clock

PATIENCE = timedelta(minutes=30)  # a mail server may restart


def find_mailbox() -> ReturnMailbox | None:
    """Return how the mailbox stands; None where it was never read or is not read any more."""
    return ReturnMailbox.objects.filter(pk=1).first() if settings.BOUNCE_MAILBOX else None


def mailbox_words() -> str:
    """Return a sentence on the mailbox, for the list of returned mail."""
    if not settings.BOUNCE_MAILBOX:
        return "No mailbox is read: BOUNCE_MAILBOX is not set. Mails may still be piped to “manage.py receive_bounce”."
    mailbox = find_mailbox()
    if mailbox is None:
        return "The mailbox has not been read yet: it is read each minute."
    if mailbox.failing_since:
        return f"The mailbox cannot be read since {mailbox.failing_since:%-d %B, %H:%M} UTC: {mailbox.fault}"
    return f"The mailbox was last read at {mailbox.read_at:%H:%M} UTC." if mailbox.read_at else ""


def failing_mailbox() -> ReturnMailbox | None:
    """Return the mailbox if it could not be read for longer than PATIENCE."""
    mailbox = find_mailbox()
    is_failing = mailbox and mailbox.failing_since and mailbox.failing_since < clock.now() - PATIENCE
    return mailbox if is_failing else None


def check_returned_mail(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn where mails leave by SMTP and nobody reads what returns."""
    is_smtp = "smtp" in {settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER}
    if settings.DEBUG or not is_smtp or settings.BOUNCE_ADDRESS:
        return []
    return [
        Warning(
            "Bounces are not read: mails leave by SMTP, and BOUNCE_ADDRESS is not set. Dead addresses stay.",
            hint="Set BOUNCE_ADDRESS and BOUNCE_MAILBOX: docs/operating.md, “What comes back by mail”.",
            id="digests.W010",
        )
    ]

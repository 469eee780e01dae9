"""Reads all mail in the mailbox that BOUNCE_MAILBOX names, and moves what was read to other folders."""

import imaplib
import logging
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError

from digests.models import ReturnMailbox
from digests.returned_mail import forwarding
from digests.returned_mail.imap_mailbox import ImapMailbox
from digests.returned_mail.intake import Intake, take_in
from digests.returned_mail.mailbox import Mailbox
from digests.returned_mail.maildir_mailbox import MaildirMailbox
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.log_redaction import redact

TURN_SECONDS = 240  # of one run; less than a task's time limit
FAULTS = (OSError, imaplib.IMAP4.error)
logger = logging.getLogger(__name__)


def never_stop() -> bool:
    return False


def read_configured_mailbox(is_stopping: Callable[[], bool] = never_stop) -> Counter[Intake]:
    """Read the mailbox, and record whether that was possible; return what became of the mails.

    Safe to repeat and to interrupt: a mail is moved once all that follows from it is stored.
    """
    taken = Counter[Intake]()
    if not settings.BOUNCE_MAILBOX:
        return taken
    with advisory_locks.held(Lock.RETURNED_MAIL) as is_mine:
        if not is_mine:
            return taken
        try:
            with open_mailbox(settings.BOUNCE_MAILBOX) as mailbox:
                read_mailbox(mailbox, taken, is_stopping)
        except FAULTS as exc:
            record_fault(exc)
        else:
            ReturnMailbox.objects.update_or_create(
                pk=1, defaults={"read_at": clock.now(), "fault": "", "failing_since": None}
            )
    return taken


def open_mailbox(url: str) -> Mailbox:
    if url.startswith("maildir:"):
        return MaildirMailbox(unquote(urlsplit(url).path))
    return ImapMailbox(url)


def read_mailbox(mailbox: Mailbox, taken: Counter[Intake], is_stopping: Callable[[], bool]) -> None:
    """Take in one mail after another, until all are read or the turn is over."""
    end = time.monotonic() + TURN_SECONDS
    for name in mailbox.waiting():
        if is_stopping() or time.monotonic() > end:
            return
        if (became := take_in_safely(mailbox, name)) is None:
            continue
        taken[became] += 1
        if became is Intake.UNDERSTOOD:
            mailbox.move(name, settings.BOUNCE_READ_FOLDER)
        elif became is Intake.KEPT:
            mailbox.move(name, settings.BOUNCE_ODD_FOLDER)


def take_in_safely(mailbox: Mailbox, name: str) -> Intake | None:
    """Take in one mail; return None where it is gone or cannot be taken in, so that the others are."""
    fetched = mailbox.fetch(name, forwarding.MOST_BYTES)
    if fetched is None:
        return None
    try:
        return take_in(fetched.raw, size=fetched.size)
    except (InterfaceError, OperationalError, *FAULTS):
        raise
    except Exception:
        logger.exception("A returned mail cannot be taken in; it stays in the mailbox")
        return None


def record_fault(exc: Exception) -> None:
    """Record why the mailbox cannot be read, without a password or an address."""
    fault = redact(" ".join(f"{type(exc).__name__}: {exc}".split()))[:300]
    logger.warning("The mailbox of returned mail cannot be read: %s", fault)
    row, _ = ReturnMailbox.objects.get_or_create(pk=1)
    since = row.failing_since or clock.now()
    ReturnMailbox.objects.filter(pk=1).update(fault=fault, failing_since=since)

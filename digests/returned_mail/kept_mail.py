"""Keeps what was not understood for 30 days, without addresses and links, for an operator to look at."""

import hashlib
import logging
import re
from datetime import timedelta

from digests.models import ReturnedMail
from digests.provider_events.redaction import redact_words, storable_text
from digests.returned_mail.stranger_mail import StrangerMail
from newsletter import clock
from newsletter.mail.return_address import Purpose, Returned

KEPT_FOR = timedelta(days=30)
MOST_KEPT = 10_000  # rows; strangers fill no table
LONGEST_TEXT = 4_000  # characters
A_LINK = "(a link)"
LINK = re.compile(r"(?:https?://|www\.|mailto:)\S+", re.IGNORECASE)
Why = ReturnedMail.Why
logger = logging.getLogger(__name__)


def key_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def why_kept_before(raw: bytes) -> str:
    """Return why this very mail was kept or forwarded before, an empty string if it was not."""
    return ReturnedMail.objects.filter(key=key_of(raw)).values_list("why", flat=True).first() or ""


def keep(
    raw: bytes, why: Why, mail: StrangerMail | None = None, owner: Returned | None = None, note: str = ""
) -> None:
    """Keep a mail; of one that was forwarded, keep only that there was one. Safe to repeat."""
    # Forwarded mails have a limit of their own, which counts these rows.
    if why != Why.FORWARDED and ReturnedMail.objects.exclude(why=Why.FORWARDED).count() >= MOST_KEPT:
        logger.warning("A returned mail is not kept: %s are kept already (%s)", MOST_KEPT, why)
        return
    is_shown = mail is not None and why != Why.FORWARDED
    ReturnedMail.objects.bulk_create(
        [
            ReturnedMail(
                key=key_of(raw),
                why=why,
                note=note[:300],
                subject=redacted(mail.subject)[:200] if mail and is_shown else "",
                text=redacted(mail.text)[:LONGEST_TEXT] if mail and is_shown else "",
                size=mail.size if mail else len(raw),
                delivery_id=owner.pk if owner and owner.purpose == Purpose.DELIVERY else None,
                letter_id=owner.pk if owner and owner.purpose == Purpose.LETTER else None,
            )
        ],
        ignore_conflicts=True,
    )


def redacted(text: str) -> str:
    """Return words of a stranger without links and addresses."""
    return redact_words(LINK.sub(A_LINK, storable_text(text)))


def forget_old() -> int:
    """Delete what was kept for KEPT_FOR; return how many."""
    return ReturnedMail.objects.filter(received_at__lt=clock.now() - KEPT_FOR).delete()[0]

"""Takes in one returned mail: reads it, and stores or forwards what follows from it."""

import logging
from email.errors import MessageError
from enum import Enum

from django.db import transaction

from digests.models import ProviderEvent, ReturnedMail
from digests.returned_mail import events, forwarding, kept_mail
from digests.returned_mail.reading import Form, Reading, read
from digests.returned_mail.stranger_mail import StrangerMail, TooManyParts
from newsletter.mail.return_address import Purpose, Returned
from subscribers.models import Subscriber
from subscribers.subscription import opt_in

SOURCE = "mail to the unsubscribe address"
# What reading a mail of any shape may raise.
UNREADABLE = (
    TooManyParts, MessageError, RecursionError, ValueError, TypeError, LookupError, AttributeError, AssertionError,
)  # fmt: skip
Why = ReturnedMail.Why
logger = logging.getLogger(__name__)


class Intake(Enum):
    """What became of a mail: what its mailbox does with it next."""

    UNDERSTOOD = "understood"
    KEPT = "kept"
    LATER = "later"  # it has to be brought again


def take_in(raw: bytes, to: str = "", size: int | None = None) -> Intake:
    """Take in a mail as it arrived, or the beginning of one of `size` bytes. Safe to repeat.

    `to` is the address it went to, where the mail server names it. Raises what the database does, and nothing that
    is in the mail.
    """
    if why := kept_mail.why_kept_before(raw):
        return Intake.UNDERSTOOD if why == Why.FORWARDED else Intake.KEPT
    try:
        mail = StrangerMail(raw, size)
        reading = read(mail, to)
    except UNREADABLE as exc:
        logger.warning("A returned mail cannot be read: %s", type(exc).__name__)
        kept_mail.keep(raw, Why.UNREADABLE, note=f"Reading it ended with {type(exc).__name__}.")
        return Intake.KEPT
    return apply(raw, mail, reading)


def apply(raw: bytes, mail: StrangerMail, reading: Reading) -> Intake:
    """Carry out what a mail says."""
    owner = reading.owner
    match reading.form:
        case Form.LEAVING if owner and owner.purpose == Purpose.UNSUBSCRIBE:
            unsubscribe(owner)
        case Form.REPORT | Form.COMPLAINT | Form.LEAVING | Form.FEEDBACK | Form.ANSWER | Form.CHALLENGE if owner:
            store_event(mail, reading, owner)
        case Form.ANSWER | Form.CHALLENGE:
            pass  # it proves nothing about any mail
        case Form.PERSON:
            return take_in_letter(raw, mail, owner)
        case _:
            kept_mail.keep(raw, why_kept(reading.form), mail, owner)
            return Intake.KEPT
    return Intake.UNDERSTOOD


def why_kept(form: Form) -> Why:
    return {Form.FORGED: Why.FORGED, Form.LOOP: Why.LOOP, Form.ODD: Why.ODD}.get(form, Why.NOT_OURS)


def unsubscribe(owner: Returned) -> None:
    with transaction.atomic():
        for reader in Subscriber.objects.select_for_update(no_key=True).filter(pk=owner.pk):
            opt_in.unsubscribe(reader, ip=None, source=SOURCE)


def store_event(mail: StrangerMail, reading: Reading, owner: Returned) -> None:
    ProviderEvent.objects.bulk_create([events.build_event(mail, reading, owner)], ignore_conflicts=True)


def take_in_letter(raw: bytes, mail: StrangerMail, owner: Returned | None) -> Intake:
    """Forward what a person wrote, or keep it where that cannot be."""
    objection = forwarding.objection_to_forwarding(mail)
    if not objection:
        outcome = forwarding.forward(raw, mail)
        if outcome.is_accepted:
            kept_mail.keep(raw, Why.FORWARDED, mail, owner)
            return Intake.UNDERSTOOD
        if not outcome.is_refused:
            return Intake.LATER
        objection = outcome.reason
    kept_mail.keep(raw, Why.KEPT, mail, owner, objection)
    return Intake.KEPT

"""Makes provider events of what returned mails report, so that bounces by SMTP go the way of all others."""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from digests.models import Delivery, ProviderEvent
from digests.provider_events.event_rows import hash_values, to_utc
from digests.provider_events.redaction import redact_words, storable_text
from digests.returned_mail.delivery_reports import DELAYED, DELIVERED, EXPANDED, FAILED, Report
from digests.returned_mail.reading import Form, Reading
from digests.returned_mail.stranger_mail import StrangerMail
from newsletter import clock
from newsletter.mail.refusal import Blame, read_refusal
from newsletter.mail.return_address import Purpose, Returned
from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.models import Letter

PROVIDER = "smtp"
LONGEST_ANSWER = 500  # characters, as in the column
OLDEST = timedelta(days=14)  # an earlier date in a mail is a mistake or a lie
REPLY = re.compile(r"(?<![\w.])(?:[45]\d\d[ -](?=\D|[45]\.)|[45]\.\d{1,3}\.\d{1,3}(?![\d.]))")
Kind = ProviderEvent.Kind
FORM_KINDS = {
    Form.COMPLAINT: Kind.COMPLAINED,
    Form.LEAVING: Kind.UNSUBSCRIBED,
    Form.FEEDBACK: Kind.OTHER,
    # Either proves that the mail arrived where it is answered.
    Form.CHALLENGE: Kind.ACCEPTED,
    Form.ANSWER: Kind.ACCEPTED,
}
ACTION_KINDS = {DELAYED: Kind.ACCEPTED, DELIVERED: Kind.DELIVERED, EXPANDED: Kind.DELIVERED}


def build_event(mail: StrangerMail, reading: Reading, owner: Returned) -> ProviderEvent:
    """Build the event of a mail about `owner`, a delivery or letter. It is the same each time the mail is read."""
    address_hash, address = find_recipient(owner)
    is_former = bool(address_hash) and not owner.is_of(address_hash)
    if reading.reports:
        report = telling_report(reading.reports, address)
        kind, blame, answer, word = meaning_of(report)
    else:
        report, kind, blame, answer, word = None, FORM_KINDS[reading.form], "", "", reading.form.value
    row = ProviderEvent(
        provider=PROVIDER,
        kind=kind,
        provider_word=word,
        blame=blame,
        answer=answer,
        body=body_of(mail, reading, report),
        delivery_id=owner.pk if owner.purpose == Purpose.DELIVERY else None,
        letter_id=owner.pk if owner.purpose == Purpose.LETTER else None,
        # A reader may have another address now. The beginning of the hash of a former one matches no reader.
        address_hash=owner.address_tag if is_former else address_hash,
        domain="" if is_former else address.rpartition("@")[2],
        happened_at=moment_of(mail),
        received_at=clock.now(),
    )
    # One event a kind and mail: whoever knows an address of ours cannot fill the table.
    row.key = hash_values("returned", row.kind, row.delivery_id, row.letter_id)
    return row


def find_recipient(owner: Returned) -> tuple[str, str]:
    """Return the hash and the address of the reader a mail went to, empty where there is none any more."""
    if owner.purpose == Purpose.DELIVERY:
        delivery = Delivery.objects.filter(pk=owner.pk).select_related("subscriber").first()
        reader = delivery.subscriber if delivery else None
    else:
        letter = Letter.objects.filter(pk=owner.pk).select_related("subscriber").first()
        reader = letter.subscriber if letter else None
    return (reader.address_hash, reader.canonical) if reader else ("", "")


def telling_report(reports: tuple[Report, ...], address: str) -> Report:
    """Return the report on the reader's own address; where there is none, the best that became of the mail.

    An address that forwards to several others is not dead because one of those is.
    """
    own = [report for report in reports if is_same_address(report.address, address)]
    order = (DELIVERED, EXPANDED, "relayed", DELAYED, FAILED)
    return min(own or reports, key=lambda report: order.index(report.action))


def is_same_address(found: str, address: str) -> bool:
    try:
        return canonical_address(found) == address
    except AddressError:
        return False


def meaning_of(report: Report) -> tuple[Kind, str, str, str]:
    """Return an event's kind, whose fault it is, the receiver's answer without addresses, and its status code."""
    if report.action != FAILED:
        return ACTION_KINDS.get(report.action, Kind.ACCEPTED), "", "", report.status or report.action
    answer = storable_text(redact_words(report.answer))
    blame = read_refusal(answer, report.status).blame
    is_for_now = report.status.startswith("4") or blame == Blame.MAILBOX
    kind = Kind.SOFT_BOUNCED if is_for_now else Kind.BOUNCED
    return kind, blame, answer[start_of_reply(answer) :][:LONGEST_ANSWER], report.status or report.action


def start_of_reply(answer: str) -> int:
    """Return where a server's reply begins in a text that says more than that; 0 where none is found."""
    found = REPLY.search(answer)
    return found.start() if found else 0


def body_of(mail: StrangerMail, reading: Reading, report: Report | None) -> dict[str, Any]:
    """Return what is kept of a mail: what it is and says of ours, never the mail that it returns."""
    body: dict[str, Any] = {"form": reading.form.value, "bytes": mail.size}
    if report:
        answer = storable_text(redact_words(report.answer))
        body |= {"action": report.action, "status": report.status, "answer": answer}
    return body


def moment_of(mail: StrangerMail) -> datetime:
    """Return when the mail was written, by its own word if that can be."""
    now = clock.now()
    try:
        written_at = to_utc(parsedate_to_datetime(mail.header("Date")))
    except (ValueError, TypeError, OverflowError):
        written_at = None
    return written_at if written_at and now - OLDEST <= written_at <= now else now

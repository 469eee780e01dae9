"""Reads delivery reports (RFC 3464): what became of a mail, for each address that it went to."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from digests.returned_mail.stranger_mail import AnyMessage, StrangerMail, header_of, messages_in
from newsletter.mail.header_line import clean_line

MOST_RECIPIENTS = 20
LONGEST_ANSWER = 2_000  # characters
FAILED, DELAYED, DELIVERED, RELAYED, EXPANDED = "failed", "delayed", "delivered", "relayed", "expanded"
# Some servers have words of their own.
ACTIONS = {action: action for action in (FAILED, DELAYED, DELIVERED, RELAYED, EXPANDED)} | {
    "failure": FAILED,
    "error": FAILED,
    "delay": DELAYED,
}
STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")


class Report(NamedTuple):
    """What became of a mail to one address. `answer` holds the receiver's own words, `status` its code if known."""

    action: str
    address: str = ""
    status: str = ""
    answer: str = ""


def read_delivery_reports(mail: StrangerMail) -> list[Report]:
    """Return the reports in a mail, an empty list if there is none."""
    found = (report for part in mail.of_type("message/delivery-status") for report in reports_of(part, mail))
    return list(islice(found, MOST_RECIPIENTS))


def reports_of(part: AnyMessage, mail: StrangerMail) -> Iterator[Report]:
    for block in messages_in(part)[: MOST_RECIPIENTS + 1]:
        action = ACTIONS.get(header_of(block, "Action").strip().lower().partition(" ")[0], "")
        status = status_in(header_of(block, "Status"))
        if not action and status:  # some servers leave it out
            action = {"2": DELIVERED, "4": DELAYED}.get(status[0], FAILED)
        if action:
            address = header_of(block, "Original-Recipient") or header_of(block, "Final-Recipient")
            yield Report(action, address_in(address), status, answer_of(block, mail))


def answer_of(block: AnyMessage, mail: StrangerMail) -> str:
    """Return the receiver's answer; where the report holds none, what the reporting server says to people."""
    answer, status = header_of(block, "Diagnostic-Code"), header_of(block, "Status").strip()
    said = answer.partition(";")[2] or answer or ("" if STATUS.fullmatch(status) else status)
    return clean_line(said or mail.text)[:LONGEST_ANSWER]


def status_in(text: str) -> str:
    found = STATUS.search(text)
    return found[0] if found else ""


def address_in(field: str) -> str:
    """Return the address of a field such as “rfc822; ada@example.org”."""
    return field.rpartition(";")[2].strip().strip("<>")

"""Decides what a returned mail is, from the most certain form to the least."""

from enum import StrEnum
from typing import NamedTuple

from django.conf import settings

from digests.returned_mail import automatic_answers, complaints, owner
from digests.returned_mail.delivery_reports import Report, read_delivery_reports
from digests.returned_mail.odd_reports import read_odd_report
from digests.returned_mail.stranger_mail import AnyMessage, StrangerMail
from newsletter.mail.return_address import Purpose, Returned

FORWARDED_HEADER = "X-Forwarded-For-List"  # on what we forward, so that it is known where it comes back


class Form(StrEnum):
    """What a returned mail is."""

    REPORT = "report"
    COMPLAINT = "complaint"
    FEEDBACK = "feedback"  # a report about our mail by a machine; no reader complained
    CHALLENGE = "challenge"
    ANSWER = "answer"  # an automatic one
    LEAVING = "leaving"  # the reader asks for no more mail
    LOOP = "loop"
    FORGED = "forged"
    PERSON = "person"
    ODD = "odd"


class Reading(NamedTuple):
    """What a returned mail is, the mail of ours it is about if that is proven, and what it reports of it."""

    form: Form
    owner: Returned | None = None
    reports: tuple[Report, ...] = ()


def read(mail: StrangerMail, to: str = "") -> Reading:
    """Return what a mail is; `to` is the address it went to, where the mail server names it."""
    try:
        known = owner.find_owner(mail, to)
    except owner.ForgedAddress:
        return Reading(Form.FORGED)
    if known and known.purpose == Purpose.UNSUBSCRIBE:  # no mail leaves with it, so no server reports to it
        return Reading(Form.LEAVING, known)
    if reading := read_report(mail, known):
        return reading
    if is_loop(mail):
        return Reading(Form.LOOP, known)
    if automatic_answers.is_challenge(mail):
        return Reading(Form.CHALLENGE, known)
    if automatic_answers.is_automatic(mail):
        return Reading(Form.ANSWER, known)
    return Reading(Form.ODD if mail.is_from_machine else Form.PERSON, known)


def read_report(mail: StrangerMail, known: Returned | None) -> Reading | None:
    """Return what a report of a server says, None for a mail that is none."""
    if reports := read_delivery_reports(mail):
        return Reading(Form.REPORT, known or owner.find_returned_owner(mail), tuple(reports))
    if feedback := complaints.find_feedback(mail):
        return Reading(form_of_feedback(feedback), known or owner.find_returned_owner(mail))
    if odd := read_odd_report(mail):
        return Reading(Form.REPORT, known or owner.find_returned_owner(mail), (odd,))
    return None


def form_of_feedback(feedback: AnyMessage) -> Form:
    match complaints.feedback_type(feedback):
        case kind if kind in complaints.COMPLAINTS:
            return Form.COMPLAINT
        case kind if kind in complaints.UNSUBSCRIPTIONS:
            return Form.LEAVING
    return Form.FEEDBACK


def is_loop(mail: StrangerMail) -> bool:
    """Return whether this is a mail of ours: one that was forwarded, or a digest."""
    is_ours = settings.LIST_ID in mail.header("List-Id") or mail.has("X-Delivery")
    return mail.has(FORWARDED_HEADER) or is_ours

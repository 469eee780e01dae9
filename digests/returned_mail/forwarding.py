"""Forwards what a person wrote to REPLY_TO, with the mail itself attached."""

from datetime import timedelta
from email.utils import parseaddr

from anymail.message import AnymailMessage
from django.conf import settings

from digests.models import ReturnedMail
from digests.returned_mail.reading import FORWARDED_HEADER
from digests.returned_mail.stranger_mail import StrangerMail, address_in
from digests.sending import sent_today, switch
from newsletter import clock
from newsletter.mail import letter_lane
from newsletter.mail import message as mail_message
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.throttle import Wait
from subscribers.addresses.canonical import AddressError, canonical_address

FORWARDS_AN_HOUR = 50  # an address that anybody may write to must not flood a desk
MOST_BYTES = 10_000_000  # of a mail that is attached whole


def objection_to_forwarding(mail: StrangerMail) -> str:
    """Return why a person's mail is not forwarded, an empty string if it is."""
    if not settings.REPLY_TO:
        return "REPLY_TO is not set, so nobody reads what people write."
    if parseaddr(settings.REPLY_TO)[1].lower() == settings.BOUNCE_ADDRESS.lower():
        return "REPLY_TO is the address that this mail came to."
    if mail.size > MOST_BYTES:
        return "It is too large to be forwarded: it is in the mailbox."
    since = clock.now() - timedelta(hours=1)
    if ReturnedMail.objects.filter(why=ReturnedMail.Why.FORWARDED, received_at__gt=since).count() >= FORWARDS_AN_HOUR:
        return f"{FORWARDS_AN_HOUR} mails were forwarded within an hour, and no more are."
    return ""


def forward(raw: bytes, mail: StrangerMail) -> SendOutcome:
    """Forward a mail to REPLY_TO like a letter; the outcome asks for another attempt while no letter may leave."""
    if switch.is_held():
        return SendOutcome("not_accepted", reason="Nothing is sent from this database until an operator allows it.")
    try:
        with letter_lane.take_turn(sent_today.count_sent_today) as lane:
            return lane.hand_over(compose(raw, mail))
    except Wait as exc:
        return SendOutcome("not_accepted", reason=letter_lane.wait_reason(exc))


def compose(raw: bytes, mail: StrangerMail) -> AnymailMessage:
    sender = answerable_sender(mail)
    context = {"subject": mail.subject[:200] or "(no subject)", "sender": sender, "text": mail.text}
    headers = {FORWARDED_HEADER: settings.LIST_ID, "Auto-Submitted": "auto-forwarded"}
    to = parseaddr(settings.REPLY_TO)[1]
    message = mail_message.compose("digests/forwarded", context, to, tag="forwarded", headers=headers)
    message.reply_to = [sender] if sender else []
    # As plain bytes: what a stranger wrote may be no mail that anybody could take apart and join again.
    message.attach("message.eml", raw, "application/octet-stream")
    return message


def answerable_sender(mail: StrangerMail) -> str:
    """Return the address that an answer would go to, an empty string if it is none."""
    try:
        return canonical_address(address_in(mail.header("Reply-To")) or mail.sender)
    except AddressError:
        return ""

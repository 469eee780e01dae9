"""What each provider's own words mean: one table a provider, one row a word.

A row says what happened to the mail, whether the provider has stopped mailing the address and why, and whose fault it
is where the receiver's own answer does not tell. Words that no table holds are read from Anymail's type of the event.
Sources: each provider's documentation of its webhooks.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from anymail.signals import EventType

from digests.models import ProviderEvent
from digests.provider_events.receiver_answers import text_at, value_at
from newsletter.mail.refusal import ABOUT_US, ADDRESS, MAILBOX, UNKNOWN, Blame, Refusal
from newsletter.mail.refusal_words import Cause

Kind = ProviderEvent.Kind
Stop = ProviderEvent.Stop


class Meaning(NamedTuple):
    """What happened to a mail; `stopped_for` is empty while the provider still mails the address."""

    kind: ProviderEvent.Kind
    stopped_for: ProviderEvent.Stop | None = None
    refusal: Refusal = UNKNOWN  # unless the receiver's answer says more


class Table(NamedTuple):
    """A provider's words and what they mean. `words_of` lists an event's words, the most telling first."""

    words_of: Callable[[Any], tuple[str, ...]]
    meanings: dict[str, Meaning]


REFUSED = Meaning(Kind.BOUNCED)
NO_ADDRESS = Meaning(Kind.BOUNCED, refusal=ADDRESS)
FOR_NOW = Meaning(Kind.SOFT_BOUNCED)
MAILBOX_FULL = Meaning(Kind.SOFT_BOUNCED, refusal=MAILBOX)
OUR_CONTENT = Meaning(Kind.SOFT_BOUNCED, refusal=Refusal(Blame.US, Cause.CONTENT))
OUR_STANDING = Meaning(Kind.SOFT_BOUNCED, refusal=ABOUT_US)
LEFT = Meaning(Kind.UNSUBSCRIBED)
REJECTED = Meaning(Kind.REJECTED)
# The provider did not send the mail, and will send none to this address.
STOPPED_BOUNCED = Meaning(Kind.REJECTED, Stop.BOUNCED, ADDRESS)
STOPPED_COMPLAINED = Meaning(Kind.REJECTED, Stop.COMPLAINED, ADDRESS)
STOPPED_UNSUBSCRIBED = Meaning(Kind.REJECTED, Stop.UNSUBSCRIBED, ADDRESS)
STOPPED_INVALID = Meaning(Kind.REJECTED, Stop.INVALID, ADDRESS)
STOPPED_BLOCKED = Meaning(Kind.REJECTED, Stop.BLOCKED, ADDRESS)


def amazon_ses_words(event: Any) -> tuple[str, ...]:
    body = event.esp_event
    if complaint := text_at(body, "complaint", "complaintSubType"):
        return (f"Complaint/{complaint}",)
    kind = text_at(body, "bounce", "bounceType")
    return f"{kind}/{text_at(body, 'bounce', 'bounceSubType')}", kind


AMAZON_SES = Table(
    amazon_ses_words,
    {
        "Permanent": REFUSED,
        "Permanent/NoEmail": NO_ADDRESS,
        "Permanent/Suppressed": STOPPED_BOUNCED,  # on the list that all of Amazon's customers share
        "Permanent/OnAccountSuppressionList": STOPPED_BOUNCED,
        "Permanent/UnsubscribedRecipient": STOPPED_UNSUBSCRIBED,
        "Complaint/OnAccountSuppressionList": STOPPED_COMPLAINED,
        "Transient": FOR_NOW,
        "Transient/MailboxFull": MAILBOX_FULL,
        "Transient/ContentRejected": OUR_CONTENT,
        "Transient/AttachmentRejected": OUR_CONTENT,
        "Transient/MessageTooLarge": OUR_CONTENT,
        "Undetermined": FOR_NOW,
    },
)

BREVO = Table(
    lambda event: (text_at(event.esp_event, "event"),),
    {
        "hard_bounce": REFUSED,
        "soft_bounce": FOR_NOW,
        "invalid_email": STOPPED_INVALID,
        "blocked": STOPPED_BLOCKED,
        "unsubscribed": LEFT,
    },
)


def mailersend_words(event: Any) -> tuple[str, ...]:
    body = event.esp_event
    kind = text_at(body, "type").removeprefix("activity.") or text_at(body, "data", "type")
    return f"{kind}/{text_at(body, 'data', 'morph', 'object')}", kind


MAILERSEND = Table(
    mailersend_words,
    {
        "hard_bounced": REFUSED,
        "soft_bounced": FOR_NOW,
        "hard_bounced/spam_complaint": STOPPED_COMPLAINED,
        "soft_bounced/spam_complaint": STOPPED_COMPLAINED,
        "hard_bounced/recipient_unsubscribe": STOPPED_UNSUBSCRIBED,
        "soft_bounced/recipient_unsubscribe": STOPPED_UNSUBSCRIBED,
    },
)


def mailgun_words(event: Any) -> tuple[str, ...]:
    data = value_at(event.esp_event, "event-data") or event.esp_event
    code = text_at(data, "delivery-status", "code") or text_at(data, "code")  # the latter in the older form
    words = text_at(data, "reason"), f"code {code}"
    return (*words, "4xx" if code.startswith("4") else "failed") if event.event_type == EventType.BOUNCED else words


MAILGUN = Table(
    mailgun_words,
    {
        "suppress-bounce": STOPPED_BOUNCED,
        "suppress-complaint": STOPPED_COMPLAINED,
        "suppress-unsubscribe": STOPPED_UNSUBSCRIBED,
        "code 605": STOPPED_BOUNCED,
        "code 606": STOPPED_UNSUBSCRIBED,
        "code 607": STOPPED_COMPLAINED,
        "old": FOR_NOW,  # the receiving server asked to try later until Mailgun gave up
        "4xx": FOR_NOW,
        "failed": REFUSED,
    },
)


def mailjet_words(event: Any) -> tuple[str, ...]:
    body = event.esp_event
    bounce = "hard_bounce" if value_at(body, "hard_bounce") is True else "soft_bounce"
    return text_at(body, "error"), bounce if event.event_type == EventType.BOUNCED else ""


MAILJET = Table(
    mailjet_words,
    {
        "preblocked": STOPPED_BOUNCED,
        "spam reporter": STOPPED_COMPLAINED,
        "blacklisted": STOPPED_BLOCKED,
        "typofix": STOPPED_INVALID,
        "hard_bounce": REFUSED,
        "soft_bounce": FOR_NOW,
    },
)

MANDRILL = Table(
    lambda event: (text_at(event.esp_event, "event"),),
    {
        "hard_bounce": REFUSED,
        "soft_bounce": FOR_NOW,
    },
)


def postmark_words(event: Any) -> tuple[str, ...]:
    body = event.esp_event
    word = text_at(body, "Type") or text_at(body, "SuppressionReason")
    return f"{word} by {text_at(body, 'Origin')}", word


POSTMARK = Table(
    postmark_words,
    {
        "HardBounce": REFUSED,
        "SoftBounce": FOR_NOW,
        "BadEmailAddress": STOPPED_INVALID,
        "ManuallyDeactivated": STOPPED_BLOCKED,
        "ManualSuppression by Customer": STOPPED_BLOCKED,
        "ManualSuppression by Admin": STOPPED_BLOCKED,
        "SpamNotification": OUR_CONTENT,  # a filter refused the content; no reader complained
        "Blocked": OUR_STANDING,
    },
)


def resend_words(event: Any) -> tuple[str, ...]:
    kind, bounce = text_at(event.esp_event, "type"), value_at(event.esp_event, "data", "bounce")
    message = text_at(bounce, "message")
    for sentence in ("suppressed sending", "hard bounce"):
        # Older events name no type of bounce; a suppressed address is told apart by this sentence only.
        if sentence in message and (sentence == "suppressed sending" or value_at(bounce, "type") is None):
            return (sentence,)
    return f"{text_at(bounce, 'type')}/{text_at(bounce, 'subType')}", text_at(bounce, "type"), kind


RESEND = Table(
    resend_words,
    {
        "email.suppressed": STOPPED_BLOCKED,
        "suppressed sending": STOPPED_BLOCKED,
        "Permanent/Suppressed": STOPPED_BOUNCED,
        "Permanent/OnAccountSuppressionList": STOPPED_BOUNCED,
        "Permanent": REFUSED,
        "Permanent/NoEmail": NO_ADDRESS,
        "hard bounce": REFUSED,
        "Transient": FOR_NOW,
        "Transient/MailboxFull": MAILBOX_FULL,
        "Undetermined": FOR_NOW,
        "email.failed": REJECTED,
    },
)


def sendgrid_words(event: Any) -> tuple[str, ...]:
    body = event.esp_event
    if text_at(body, "event") != "dropped":
        return (text_at(body, "type"),)
    reasons = text_at(body, "reason"), text_at(body, "type")
    return tuple(f"dropped: {reason.lower().removesuffix(' address')}" for reason in reasons)


SENDGRID = Table(
    sendgrid_words,
    {
        "dropped: bounced": STOPPED_BOUNCED,
        "dropped: spam reporting": STOPPED_COMPLAINED,
        "dropped: unsubscribed": STOPPED_UNSUBSCRIBED,
        "dropped: invalid": STOPPED_INVALID,
        "bounce": REFUSED,
        "blocked": FOR_NOW,
        "expired": FOR_NOW,
    },
)


def sparkpost_words(event: Any) -> tuple[str, ...]:
    wrapped = value_at(event.esp_event, "msys")
    body = next(iter(wrapped.values()), None) if isinstance(wrapped, dict) else event.esp_event
    is_listed = "recipient address suppressed" in text_at(body, "raw_reason")
    return "suppressed" if is_listed else "", text_at(body, "bounce_class")


SPARKPOST = Table(
    sparkpost_words,
    {
        "suppressed": STOPPED_BLOCKED,
        "10": NO_ADDRESS,
        "22": MAILBOX_FULL,
        "25": OUR_STANDING,
        "30": NO_ADDRESS,
        "50": OUR_STANDING,
        "51": OUR_STANDING,
        "52": OUR_CONTENT,
        "53": OUR_CONTENT,
        "54": OUR_STANDING,
        "90": LEFT,
    },
)

TABLES: dict[str, Table] = {
    "Amazon SES": AMAZON_SES,
    "Brevo": BREVO,
    "MailerSend": MAILERSEND,
    "Mailgun": MAILGUN,
    "Mailjet": MAILJET,
    "Mandrill": MANDRILL,
    "Postmark": POSTMARK,
    "Resend": RESEND,
    "SendGrid": SENDGRID,
    "SparkPost": SPARKPOST,
}

"""Reads complaints in the Abuse Reporting Format (RFC 5965), by which mailbox providers pass on “this is spam”."""

from digests.returned_mail.stranger_mail import AnyMessage, StrangerMail, header_of, messages_in

# Other types are about us and not from a reader: a virus, or a signature that fails (RFC 6591).
COMPLAINTS = ("abuse", "fraud", "miscategorized")
UNSUBSCRIPTIONS = ("opt-out", "opt-out-list")


def find_feedback(mail: StrangerMail) -> "AnyMessage | None":
    """Return the fields of a mail's feedback report, None if there is none."""
    found = (fields for part in mail.of_type("message/feedback-report") for fields in messages_in(part))
    return next(found, None)


def feedback_type(feedback: AnyMessage) -> str:
    return header_of(feedback, "Feedback-Type").strip().lower()

"""A message off the wire, read as a mail program reads it."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser

from tests.outside.ledger import Mail

DELIVERY = "X-Delivery"  # where SMTP has no metadata, our id stands in this header


def mail_in(data: bytes, address: str, *, is_counting: bool) -> Mail:
    """Return what one recipient gets; where `is_counting`, without the bodies, which are then not decoded."""
    message = BytesHeaderParser(policy=policy.default).parsebytes(data) if is_counting else read(data)
    headers = {name: str(value) for name, value in message.items()}
    mail = Mail(address, headers.get("Subject", ""), headers=headers)
    mail.metadata = {"delivery": headers.get(DELIVERY, "")}
    if not is_counting:
        mail.text, mail.html = body(message, "plain"), body(message, "html")
    return mail


def read(data: bytes) -> EmailMessage:
    return message_from_bytes(data, _class=EmailMessage, policy=policy.default)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())

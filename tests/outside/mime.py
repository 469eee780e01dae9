"""A message off the wire, read as a mail program reads it."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

from tests.outside.ledger import Mail

DELIVERY = "X-Delivery"  # where SMTP has no metadata, our id stands in this header
FOLD = re.compile(r"\r?\n(?=[ \t])")


def mail_in(data: bytes, address: str, *, is_counting: bool) -> Mail:
    """Return what one recipient gets; with `is_counting`, the bodies are neither read nor returned."""
    # The older of Python's two policies reads a message in a fifth of the time.
    message = message_from_bytes(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if is_counting else data)
    headers = {name: unfolded(value) for name, value in message.items()}
    mail = Mail(address, headers.get("Subject", ""), headers=headers)
    mail.metadata = {"delivery": headers.get(DELIVERY, "")}
    if not is_counting:
        mail.text, mail.html = body(message, "text/plain"), body(message, "text/html")
    return mail


def unfolded(value: str) -> str:
    """Return a header's value on one line and in plain words."""
    line = FOLD.sub("", str(value)).strip()
    return str(make_header(decode_header(line))) if "=?" in line else line


def body(message: "Message[str, str]", kind: str) -> str:
    """Return the first part of this kind, or an empty string."""
    part = next((part for part in message.walk() if part.get_content_type() == kind), None)
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode(part.get_content_charset("ascii"), "replace").replace("\r\n", "\n")

"""Mails as plain Anymail sends them, to test how the providers read them."""

from anymail.message import AnymailMessage

SENDER = "Papers <papers@papers.example.org>"
HTTP = ("mailgun", "postmark", "resend", "brevo", "mailjet")
MERGE_FIELDS = {"mailgun": "%recipient.name%", "brevo": "{{ params.name }}", "mailjet": "[[var:name]]"}


def letter(address: str = "ada@example.com") -> AnymailMessage:
    """Return one reader's mail."""
    message = AnymailMessage("Papers of today", "Two papers.\n", SENDER, [address])
    message.attach_alternative("<p>Two papers.</p>\n", "text/html")
    message.metadata = {"delivery": "7"}
    message.extra_headers = {"List-Unsubscribe": "<https://papers.example.org/u/7>"}
    return message


def letters(addresses: list[str], name_field: str = "") -> AnymailMessage:
    """Return one body for many readers, who are called R0, R1, … where `name_field` stands."""
    message = AnymailMessage(f"Papers for {name_field}", f"Dear {name_field}.\n", SENDER, addresses)
    message.attach_alternative(f"<p>Dear {name_field}.</p>\n", "text/html")
    numbered = list(enumerate(addresses))
    if name_field:
        message.merge_data = {address: {"name": f"R{number}"} for number, address in numbered}
    message.merge_metadata = {address: {"delivery": str(number)} for number, address in numbered}
    message.merge_headers = {
        address: {"List-Unsubscribe": f"<https://papers.example.org/u/{number}>"} for number, address in numbered
    }
    return message

"""What may stand in a log line: no token of a link, no mail address, no address of a reader's network."""

import ipaddress
import logging
import re

# The first part of every address of ours that is followed by a token.
WITH_TOKENS = ("confirm", "preferences", "pause", "unsubscribe", "digest", "address", "data", "erase")
LINK = re.compile(rf"/({'|'.join(WITH_TOKENS)})/[^\s'\"<>]+")
MAIL_ADDRESS = re.compile(r"[^\s@<>()\[\]\"'“”,;:=]{1,64}@[^\s@<>()\[\]\"'“”,;:=]{1,255}")
NETWORK_ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![.\d])|\b[23][0-9a-f]{3}:[0-9a-f:]*[0-9a-f:]", re.IGNORECASE
)


class Discreet(logging.Formatter):
    """Writes a record, and the traceback below it, without what is nobody's business."""

    def format(self, record: logging.LogRecord) -> str:
        return discreet(super().format(record))


class OfRequests(logging.Filter):
    """Takes tokens out of records of requests before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = discreet(record.getMessage()), ()
        return True


def discreet(text: str) -> str:
    """Return `text` with an ellipsis for each token, mail address and public address of the internet."""
    text = LINK.sub(r"/\1/…", text)
    text = MAIL_ADDRESS.sub("…@…", text)
    return NETWORK_ADDRESS.sub(lambda found: "…" if is_public(found[0]) else found[0], text)


def is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False

"""What may stand in a log line: no token of a link, no mail address, no address of a reader's network."""

import ipaddress
import logging
import re
from threading import Lock

LINES_A_MINUTE = 20  # of one logger, that strangers can provoke
LONGEST_LINE = 200
# The first part of every address of ours that is followed by a token.
WITH_TOKENS = (
    "confirm", "preferences", "pause", "unsubscribe", "digest", "vote", "propose", "address", "data", "erase",
)  # fmt: skip
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


class OfStrangers(logging.Filter):
    """Writes what anybody can provoke in one short line each, and a few of them a minute.

    A failure of ours, with an exception nobody expected, is written whole and always.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.written: dict[tuple[str, int], int] = {}  # lines of a logger in a minute
        self.lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.exc_info and getattr(record, "status_code", 0) >= 500:
            return True
        record.exc_info = record.exc_text = None
        record.msg, record.args = shortened(record.getMessage()), ()
        return self.may_write(record)

    def may_write(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        with self.lock:
            self.written = {key: count for key, count in self.written.items() if key[1] == minute}
            count = self.written[record.name, minute] = self.written.get((record.name, minute), 0) + 1
        if count == LINES_A_MINUTE:
            record.msg += " (and no more of these for this minute)"
        return count <= LINES_A_MINUTE


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


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

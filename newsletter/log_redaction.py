"""Logging: one line per record, without link tokens, mail addresses and public IP addresses."""

import ipaddress
import logging
import re
from threading import Lock
from typing import Any

LINES_A_MINUTE = 20  # per logger, of what strangers can provoke
LONGEST_LINE = 200
# The first path segments of our pages that are followed by a token.
TOKEN_PATHS = (
    "confirm", "preferences", "pause", "unsubscribe", "digest", "vote", "propose", "address", "data", "erase",
    "not-me",
)  # fmt: skip
LINK = re.compile(rf"/({'|'.join(TOKEN_PATHS)})/[^\s'\"<>]+")
MAIL_ADDRESS = re.compile(r"[^\s@<>()\[\]\"'“”,;:=]{1,64}@[^\s@<>()\[\]\"'“”,;:=]{1,255}")
NETWORK_ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![.\d])|\b[23][0-9a-f]{3}:[0-9a-f:]*[0-9a-f:]", re.IGNORECASE
)


# A stranger can provoke these errors at will, and Django would write a traceback for each.
PROVOKED = (
    "DisallowedHost", "DisallowedRedirect", "InvalidSessionKey", "RequestDataTooBig", "SuspiciousFileOperation",
    "SuspiciousMultipartForm", "SuspiciousOperation", "SuspiciousSession", "TooManyFieldsSent", "TooManyFilesSent",
)  # fmt: skip


def logging_config(level: str) -> dict[str, Any]:
    """Return Django's LOGGING: one line per record on stderr, redacted; `level` is that of the root logger."""
    # Without handlers of their own: Django's would mail a failed request's data to operators.
    requests = {"handlers": [], "filters": ["requests", "strangers"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": RedactingFormatter, "format": "%(levelname)s %(name)s: %(message)s"}},
        "filters": {"requests": {"()": TokenFilter}, "strangers": {"()": FloodFilter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "axes": {"level": "CRITICAL"},  # it logs who logs in, and from where
            "celery": {"level": "WARNING"},
            "django": {"handlers": []},
            "flufl.bounce": {"level": "CRITICAL"},  # it logs each pattern that it tries
            "django.request": requests,
            "django.security.csrf": requests,
            "django.server": requests,
            "digests.provider_events.webhook": {"filters": ["strangers"]},
        }
        | {f"django.security.{name}": requests for name in PROVOKED},
    }


class RedactingFormatter(logging.Formatter):
    """Formats a record, with its traceback, and redacts the whole."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class TokenFilter(logging.Filter):
    """Redacts records about requests before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


class FloodFilter(logging.Filter):
    """Limits what strangers can write into the log: one short line per record, LINES_A_MINUTE per logger.

    An unexpected exception in a view is our own fault: it passes whole and always.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.written: dict[tuple[str, int], int] = {}  # (logger, minute) → lines
        self.lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.exc_info and getattr(record, "status_code", 0) >= 500:
            return True
        record.exc_info = record.exc_text = None
        record.msg, record.args = shorten(record.getMessage()), ()
        return self.may_write(record)

    def may_write(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        with self.lock:
            self.written = {key: count for key, count in self.written.items() if key[1] == minute}
            count = self.written[record.name, minute] = self.written.get((record.name, minute), 0) + 1
        if count == LINES_A_MINUTE:
            record.msg += " (and no more of these for this minute)"
        return count <= LINES_A_MINUTE


def shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def redact(text: str) -> str:
    """Return `text` with an ellipsis for each token, mail address and public address of the internet."""
    text = LINK.sub(r"/\1/…", text)
    text = MAIL_ADDRESS.sub("…@…", text)
    return NETWORK_ADDRESS.sub(lambda found: "…" if is_public(found[0]) else found[0], text)


def is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False

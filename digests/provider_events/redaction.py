"""Redacts readers' addresses from what providers post, and bounds what is stored of it."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

MAX_BODY_CHARACTERS = 32_768  # of one event, as posted
MAX_DEPTH = 12
REDACTED = "(the reader’s address)"
ANY_ADDRESS = "(an address)"
BETWEEN_WORDS = re.compile(r"([\s<>\"',;()\[\]]+)")


def redacted_body(event: Any) -> Any:
    """Return the event's raw body without the reader's address, as JSON that PostgreSQL can store."""
    raw = event.esp_event
    address = re.compile(re.escape(event.recipient), re.IGNORECASE) if event.recipient else None
    return bounded(raw, lambda text: address.sub(REDACTED, text) if address else text)


def body_without_addresses(raw: Any) -> Any:
    """Return a raw body without any word that may be an address, where it is not known whose event it is."""
    return bounded(raw, redact_words)


def bounded(raw: Any, redact_text: Callable[[str], str]) -> Any:
    """Redact `raw`, or leave it out where it is too large or too deep to be stored."""
    body = raw.dict() if hasattr(raw, "dict") else raw
    try:
        length = len(json.dumps(body))
    except RecursionError:
        return {"left out": "a body with too many levels"}
    if length > MAX_BODY_CHARACTERS:
        return {"left out": f"a body of {length} characters"}
    return redact(body, redact_text)


def redact(value: Any, redact_text: Callable[[str], str], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        return "…"
    match value:
        case dict():
            return {
                redact_text(storable_text(str(key))): redact(inner, redact_text, depth + 1)
                for key, inner in value.items()
            }
        case list() | tuple():
            return [redact(inner, redact_text, depth + 1) for inner in value]
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int():
            return value
    return redact_text(storable_text(str(value)))


def redact_words(text: str) -> str:
    words = BETWEEN_WORDS.split(text)
    return "".join(ANY_ADDRESS if "@" in word or "%40" in word else word for word in words)


def storable_text(text: str) -> str:
    """Remove what PostgreSQL cannot store: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()

import json
import math
import re
from typing import Any

MAX_BODY_CHARACTERS = 32_768  # of one event, as stored
MAX_DEPTH = 12
REDACTED = "(the reader’s address)"


def redacted_body(event: Any) -> Any:
    """Return the event's raw body without the reader's address, as JSON that PostgreSQL can store."""
    raw = event.esp_event
    body = redact(event.recipient or "", raw.dict() if hasattr(raw, "dict") else raw)
    length = len(json.dumps(body))
    return body if length <= MAX_BODY_CHARACTERS else {"left out": f"a body of {length} characters"}


def redact(address: str, value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        return "…"
    match value:
        case dict():
            return {storable_text(str(key)): redact(address, inner, depth + 1) for key, inner in value.items()}
        case list() | tuple():
            return [redact(address, inner, depth + 1) for inner in value]
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int():
            return value
    return redact_text(address, storable_text(str(value)))


def redact_text(address: str, text: str) -> str:
    return re.sub(re.escape(address), REDACTED, text, flags=re.IGNORECASE) if address else text


def storable_text(text: str) -> str:
    """Remove what PostgreSQL cannot store: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()

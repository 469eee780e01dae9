"""Links of one reader, and what the preferences form posts."""

from typing import Any

from subscribers import letters, tokens
from subscribers.models import Subscriber
from subscribers.tokens import Purpose


def answers(topic: str = "vision", **changes: Any) -> dict[str, object]:
    """Return what the form of the choices sends."""
    return {"topics": [topic], "frequency": "weekdays", "weekday": "0", "send_time": "07:00",
            "timezone": "Europe/Berlin", "max_papers": "10"} | changes  # fmt: skip


def choices_link(reader: Subscriber) -> str:
    return letters.preferences_path(reader)


def pause_link(reader: Subscriber) -> str:
    return f"/pause/{tokens.sign(Purpose.PAUSE, reader.pk, reader.token_epoch)}/"


def leave_link(reader: Subscriber) -> str:
    return f"/unsubscribe/{tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)}/"


def links_of(reader: Subscriber) -> list[str]:
    return [choices_link(reader), pause_link(reader), leave_link(reader)]

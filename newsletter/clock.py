"""The only place that reads the present moment, so that days can be replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

_set_to: datetime | None = None


def now() -> datetime:
    """Return the present moment in UTC, or the moment set by `at`."""
    return _set_to or datetime.now(UTC)


def is_held() -> bool:
    """Return whether this process runs at a set moment."""
    return _set_to is not None


def milliseconds() -> int:
    """Return the present moment in milliseconds since 1970."""
    return int(now().timestamp() * 1000)


def today() -> date:
    """Return the present day in UTC, which dates an issue."""
    return now().date()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock of this process at `moment` (aware) while the block runs."""
    global _set_to
    assert moment.tzinfo is not None
    before, _set_to = _set_to, moment.astimezone(UTC)
    try:
        yield
    finally:
        _set_to = before


def moment(text: str) -> datetime:
    """Parse an ISO 8601 moment, taken as UTC where it names no zone; raise ValueError."""
    parsed = datetime.fromisoformat(text)
    try:
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text} lies outside the calendar") from exc

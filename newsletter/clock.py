"""The one place where the present moment is read, so that days can be replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

_set_to: datetime | None = None


def now() -> datetime:
    """Return the present moment in UTC, or the moment set by `at`."""
    return _set_to or datetime.now(UTC)


def is_held() -> bool:
    """Say whether time stands still in this process, or is replayed."""
    return _set_to is not None


def milliseconds() -> int:
    """Return the present moment in milliseconds since 1970."""
    return int(now().timestamp() * 1000)


def today() -> date:
    """Return the present day in UTC: the day an issue is dated by."""
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
    """Return the moment an ISO text names, in UTC where it names no zone; raise ValueError for what is none."""
    parsed = datetime.fromisoformat(text)
    try:
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text} lies outside the calendar") from exc

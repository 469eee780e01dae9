"""The one exception that leaves this package."""

from datetime import timedelta


class SourceError(Exception):
    """Nothing could be fetched or parsed from the source. The message is written for an operator.

    `retry_after` is the pause the server asked for. `permanent` is True when another attempt cannot succeed,
    because the address itself is wrong.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, permanent: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.permanent = permanent

"""What somebody else does while our own work is under way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection


def in_another_connection(work: Callable[[], object]) -> BaseException | None:
    """Do `work` as another process would that waits for no lock; return what it raised."""
    raised: list[BaseException | None] = [None]

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            work()
        except DatabaseError as exc:
            raised[0] = exc
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return raised[0]


@contextmanager
def between(words: str, work: Callable[[], object]) -> Iterator[list[BaseException | None]]:
    """Do `work` elsewhere before our first statement that holds `words`; the list gets what it raised."""
    raised: list[BaseException | None] = []

    def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if words in sql and not raised:
            raised.append(in_another_connection(work))
        return execute(sql, *rest)

    with connection.execute_wrapper(wait):
        yield raised
    assert raised, f"no statement holds “{words}”"

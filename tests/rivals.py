"""What somebody else does while our own work is under way."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import DatabaseError, connection

Result = TypeVar("Result")


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """Do all `works` at the same moment, each on a connection of its own; return their results in order.

    Raise what the first of them raised that raised anything.
    """
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Result]) -> Result:
        start.wait(30)
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as workers:
        return list(workers.map(run, works))


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

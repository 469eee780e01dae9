"""Locks that PostgreSQL holds for all workers and machines; they end with the session, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def held(*key: int) -> Iterator[bool]:
    """Hold the advisory lock of `key`, one number or two, while the block runs; say False where another holds it."""
    place = ", ".join(["%s"] * len(key))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({place})", key)
        (is_mine,) = cursor.fetchone()
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({place})", key)

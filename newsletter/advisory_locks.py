"""PostgreSQL's advisory locks: shared by all workers and machines, and released however a session ends."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, unique

from django.db import connection

POLL_SECONDS = 0.1


@unique
class Lock(IntEnum):
    """What a lock protects. Two releases may run at once during an upgrade, so a number never changes its meaning."""

    PAPERS = 7_301_001  # one transaction at a time changes papers
    ARXIV = 7_301_002  # one request at a time goes to arXiv
    PREPARATION = 7_301_003  # one `up` at a time prepares the database
    ASSEMBLY = 7_301_004  # keyed by shard: one assembler per shard of due readers
    REACH = 7_301_005  # keyed by issue: one worker computes its reach
    LINK_CHECK = 7_301_006  # one worker at a time follows links
    SENDING_SWITCH = 7_301_010  # shared by calls that are being opened, exclusive for a pause
    PROVIDER_EVENTS = 7_301_011  # one worker at a time applies events: the effect of one may depend on another
    COMMUNITY = 7_301_012  # keyed by reader or by proposed paper: one vote or proposal at a time
    FORECAST_TRAINING = 7_301_014  # one worker at a time trains the forecast
    RETURNED_MAIL = 7_301_017  # one worker at a time reads what came back
    SIGNUP = 7_301_013  # keyed by canonical address: one sign-up or move at a time
    PROOF = 7_301_015  # keyed by nonce: a proof of work is taken once
    NEW_ADDRESSES = 7_301_016  # one move or one chunk of an import at a time gives readers new addresses
    PROVIDER_LOOKUPS = 7_301_019  # one worker at a time asks providers about deliveries in doubt
    LOGIN = 7_301_018  # keyed by name: one attempt at a time passes the limit for all networks


@contextmanager
def held(lock: Lock, key: object = "", *, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Hold `lock` for this session while the block runs; yield False where it is not free within `wait_seconds`.

    `math.inf` waits for as long as it takes. A lock with a key excludes only holders of the same key.
    """
    is_mine = acquire(lock, key, wait_seconds)
    try:
        yield is_mine
    finally:
        if is_mine:
            call("pg_advisory_unlock", lock, key)


def acquire(lock: Lock, key: object, wait_seconds: float) -> bool:
    """Take a session lock; return False where another session still holds it after `wait_seconds`."""
    if math.isinf(wait_seconds):
        call("pg_advisory_lock", lock, key)
        return True
    deadline = time.monotonic() + wait_seconds
    # PostgreSQL's lock_timeout would abort the transaction of whoever waits, so we poll.
    while not call("pg_try_advisory_lock", lock, key):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_in_transaction(lock: Lock, key: object = "") -> None:
    """Wait for `lock` and hold it until the transaction ends. Safe to repeat."""
    call("pg_advisory_xact_lock", lock, key)


def try_in_transaction(lock: Lock, key: object = "") -> bool:
    """Hold `lock` until the transaction ends; return False where another transaction holds it."""
    return bool(call("pg_try_advisory_xact_lock", lock, key))


def shared_in_transaction(lock: Lock) -> str:
    """Return the SQL statement that waits for a shared hold on `lock` until the transaction ends.

    It is SQL, not a call, so that a hot path can send it together with the query that reads under the lock.
    """
    return f"SELECT pg_advisory_xact_lock_shared({lock:d})"


def call(function: str, lock: Lock, key: object) -> object:
    """Call one of PostgreSQL's lock functions; a key is hashed to 64 bits with the lock's number as its seed."""
    number = "%(lock)s" if key == "" else "hashtextextended(%(key)s, %(lock)s)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({number})", {"lock": int(lock), "key": str(key)})
        return cursor.fetchone()[0]

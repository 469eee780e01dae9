import math
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection, transaction

from newsletter.advisory_locks import Lock, held, shared_in_transaction, try_in_transaction, wait_in_transaction
from tests.rivals import in_another_connection

pytestmark = pytest.mark.django_db(transaction=True)
Answer = TypeVar("Answer")


def answer_elsewhere(ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` says in a transaction of another connection."""
    answers: list[Answer] = []

    def work() -> None:
        with transaction.atomic():
            answers.append(ask())

    assert in_another_connection(work) is None
    return answers[0]


def is_free(lock: Lock, key: object = "") -> bool:
    return answer_elsewhere(lambda: try_in_transaction(lock, key))


def test_a_lock_is_held_while_the_block_runs() -> None:
    with held(Lock.REACH) as is_mine:
        assert is_mine
        assert not is_free(Lock.REACH)
        assert is_free(Lock.LINK_CHECK)
    assert is_free(Lock.REACH)


def test_a_lock_is_free_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), held(Lock.REACH):
        raise ZeroDivisionError
    assert is_free(Lock.REACH)


def test_a_key_excludes_only_the_same_key_of_the_same_lock() -> None:
    with held(Lock.REACH, 1):
        assert not is_free(Lock.REACH, 1)
        assert is_free(Lock.REACH, 2)
        assert is_free(Lock.REACH)
        assert is_free(Lock.ASSEMBLY, 1)


def test_another_session_gets_no_lock_in_time() -> None:
    def ask() -> bool:
        with held(Lock.ARXIV, wait_seconds=0.01) as is_mine:
            return is_mine

    with held(Lock.ARXIV):
        assert not answer_elsewhere(ask)
    assert answer_elsewhere(ask)


def test_a_session_may_wait_for_as_long_as_it_takes() -> None:
    got = threading.Event()

    def wait() -> None:
        with held(Lock.PREPARATION, wait_seconds=math.inf):
            got.set()
        connection.close()

    waiter = threading.Thread(target=wait)
    with held(Lock.PREPARATION):
        waiter.start()
        assert not got.wait(0.05)
    waiter.join(30)
    assert got.is_set()


def test_a_transaction_holds_its_lock_to_its_end() -> None:
    with transaction.atomic():
        wait_in_transaction(Lock.SIGNUP, "a@example.org")
        wait_in_transaction(Lock.SIGNUP, "a@example.org")
        assert not is_free(Lock.SIGNUP, "a@example.org")
    assert is_free(Lock.SIGNUP, "a@example.org")


def test_shared_holders_meet_and_exclude_the_one_who_wants_it_alone() -> None:
    def share() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(shared_in_transaction(Lock.SENDING_SWITCH))
        return True

    with transaction.atomic():
        share()
        assert answer_elsewhere(share)
        assert not is_free(Lock.SENDING_SWITCH)


def test_no_other_module_writes_the_sql_of_advisory_locks() -> None:
    writers = {
        str(path.relative_to(settings.BASE_DIR))
        for app in ("newsletter", "subscribers", "digests")
        for path in Path(settings.BASE_DIR, app).rglob("*.py")
        if re.search(r"pg_\w*advisory", path.read_text())
    }
    assert writers == {"newsletter/advisory_locks.py"}

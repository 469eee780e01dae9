"""An assembly that is killed anywhere leaves nothing that the next one does not put right."""

import itertools
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NoReturn

import pytest
from django.conf import LazySettings
from django.db import connection

from digests.assembly import assemble, due_readers
from newsletter import clock
from tests.flows.readers import NOW, World, end_other_sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]


class Moment(Enum):
    """When a process is killed, and at how many statements at least."""

    BEFORE_A_STATEMENT = 40
    BEFORE_THE_COMMIT = 10  # done, in a transaction, and not committed


@pytest.fixture
def world(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Make a world that takes two parts, several chunks and many batches."""
    settings.BATCH_SIZE = 2
    monkeypatch.setattr(due_readers, "CHUNK", 4)
    monkeypatch.setattr(assemble, "READERS_PER_SHARD", 8)
    world = World()
    with clock.at(NOW):
        yield world


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_statement_and_run_again_it_comes_to_the_same_rows(world: World, moment: Moment) -> None:
    assemble.assemble_due_digests()
    undisturbed = world.outcome()
    assert len(undisturbed[0]) >= len(world.before)

    world.reset()
    number = 0
    while is_killed_at(number, moment):
        end_other_sessions()
        assemble.assemble_due_digests()
        assert world.outcome() == undisturbed, f"killed at statement {number}"
        world.reset()
        number += 1
    assert world.outcome() == undisturbed
    assert number >= moment.value, "fewer statements than there are writes"


def is_killed_at(number: int, moment: Moment) -> bool:
    """Assemble in a process that is killed before its statement `number`, or after; False where there is none."""
    connection.close()
    child = os.fork()
    if not child:
        assemble_and_exit(number, moment)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "see what the process printed"
    return False


def assemble_and_exit(number: int, moment: Moment) -> NoReturn:
    numbers = itertools.count()

    def kill(execute: Callable[..., Any], *statement: Any) -> Any:
        is_after = moment == Moment.BEFORE_THE_COMMIT
        is_hit = (connection.in_atomic_block or not is_after) and next(numbers) == number
        if is_hit and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(*statement)
        if is_hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    try:
        with connection.execute_wrapper(kill):
            assemble.assemble_due_digests()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

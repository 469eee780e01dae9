"""Assemblies at once, and readers who act while one runs."""

import os
import traceback
from collections.abc import Iterator
from datetime import time, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection

from digests.assembly import assemble, due_readers
from digests.models import Assembly, Delivery
from newsletter import clock
from subscribers.models import Preferences, Subscriber
from subscribers.subscription import opt_in
from tests.flows.readers import DAY, NOW, World
from tests.rivals import between

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]
PLANNED = "FOR NO KEY UPDATE"  # who was seen is answered, and not yet served
ROUNDS = 4


@pytest.fixture
def world(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings.BATCH_SIZE = 2
    monkeypatch.setattr(due_readers, "CHUNK", 4)
    world = World()
    with clock.at(NOW):
        yield world


def test_run_twice_it_writes_nothing_twice(world: World) -> None:
    assemble.assemble_due_digests()
    once = world.outcome()
    assert assemble.assemble_due_digests() == assemble.AssemblyReport(0, [])
    assert world.outcome() == once


@pytest.mark.parametrize("part", [assemble.READERS_PER_SHARD, 3], ids=["one part", "many parts"])
def test_two_at_once_come_to_the_rows_of_one(world: World, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    for days in range(20):
        world.add_reader(covered_through=NOW - days * DAY / 8)
    monkeypatch.setattr(assemble, "READERS_PER_SHARD", part)
    assemble.assemble_due_digests()
    alone = world.outcome()

    for _ in range(ROUNDS):
        world.reset()
        assemble_at_once(2)
        assert world.outcome() == alone


def test_two_that_look_at_different_parts_come_to_the_rows_of_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second assembly that begins while the first is half done counts fewer readers."""
    assemble.assemble_due_digests()
    alone = world.outcome()
    world.reset()
    monkeypatch.setattr(assemble, "READERS_PER_SHARD", 3)

    def assemble_in_one_part() -> None:
        monkeypatch.setattr(assemble, "READERS_PER_SHARD", 1000)
        assemble.assemble_due_digests()

    with between(PLANNED, assemble_in_one_part) as raised:
        assemble.assemble_due_digests()

    assert raised == [None]
    assert world.outcome() == alone


def assemble_at_once(count: int) -> None:
    """Assemble in `count` processes that begin at the same moment."""
    connection.close()
    gate, opener = os.pipe()
    children = [os.fork() or assemble_and_exit(gate, opener) for _ in range(count)]
    os.close(gate)
    os.close(opener)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0, "see what the process printed"


def assemble_and_exit(gate: int, opener: int) -> int:
    try:
        connection.ensure_connection()
        os.close(opener)
        os.read(gate, 1)  # ends when everybody has closed the other side
        assemble.assemble_due_digests()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def test_a_reader_who_leaves_before_being_served_leaves_at_once_and_gets_nothing(world: World) -> None:
    leaving = world.before[-1]
    with between(PLANNED, lambda: opt_in.unsubscribe(leaving, None)) as raised:
        assemble.assemble_due_digests()

    assert raised == [None]
    assert not Delivery.objects.filter(subscriber=leaving).exists()
    leaving.refresh_from_db()
    assert (leaving.status, leaving.next_digest_at) == (Subscriber.Status.UNSUBSCRIBED, None)
    assert served() >= {reader.pk for reader in world.before if reader != leaving}


def test_a_reader_leaves_at_once_while_others_are_being_served(world: World) -> None:
    """The transaction that serves one chunk is open; who is in the next waits for nothing."""
    assemble.assemble_due_digests()
    last = Delivery.objects.filter(slot=NOW).latest("pk").subscriber
    assert last is not None
    world.reset()

    with between(Assembly._meta.db_table, lambda: opt_in.unsubscribe(last, None)) as raised:
        assemble.assemble_due_digests()

    assert raised == [None]
    assert not Delivery.objects.filter(subscriber=last, slot=NOW).exists()


def test_who_changes_what_meanwhile_is_served_by_the_new_choice(world: World) -> None:
    reader = world.before[-1]
    wanted = Preferences.objects.for_choice(world.topics[:1], max_papers=1)
    changed = Subscriber.objects.filter(pk=reader.pk)
    with between(PLANNED, lambda: changed.update(preferences=wanted)):
        assemble.assemble_due_digests()

    delivery = Delivery.objects.select_related("digest").get(subscriber=reader)
    assert delivery.preferences_id == wanted.pk
    assert delivery.digest is not None
    assert len(delivery.digest.card_ids) == 1


@pytest.mark.parametrize("choice", [{"send_time": time(23)}, {"paused_until": (NOW + 9 * DAY).date()}], ids=str)
def test_who_changes_when_meanwhile_is_served_once_by_the_new_choice(world: World, choice: dict[str, object]) -> None:
    reader = world.before[2]

    def change() -> None:
        for name, value in choice.items():
            setattr(reader, name, value)
        reader.reschedule()

    with between(PLANNED, change) as raised:
        assemble.assemble_due_digests()

    assert raised == [None]
    reader.refresh_from_db()
    rhythm, slots = reader.rhythm, Delivery.objects.filter(subscriber=reader).values_list("slot", flat=True)
    assert reader.next_digest_at is not None
    assert reader.next_digest_at.time() == rhythm.send_time
    assert reader.local_today + timedelta(days=1) <= reader.next_digest_at.date()
    assert list(slots) == ([NOW] if "send_time" in choice else [])


def test_who_ends_a_pause_meanwhile_is_not_passed_over_as_paused(world: World) -> None:
    reader = next(reader for reader in world.before if reader.paused_until)

    def resume() -> None:
        reader.paused_until = None
        reader.reschedule()

    with between(PLANNED, resume) as raised:
        assemble.assemble_due_digests()
    assemble.assemble_due_digests()

    assert raised == [None]
    delivery = Delivery.objects.get(subscriber=reader, slot=NOW)
    assert (delivery.reason, delivery.digest is not None) == ("", True)


def served() -> set[int | None]:
    return set(Delivery.objects.values_list("subscriber_id", flat=True))

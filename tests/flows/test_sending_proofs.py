"""Nobody twice, nobody forgotten: with rivals, stopped and ended workers, and Redis away; the processes are real."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from celery import Task
from django.conf import LazySettings
from django.db import connection, connections

from digests import tasks
from digests.models import Batch, Delivery
from digests.sending import recovery, send_batch
from newsletter import clock
from newsletter.celery import app
from newsletter.runtime import processes
from subscribers.models import Subscriber
from subscribers.subscription import opt_in
from tests.digests.sending.handing import (
    FEW_IN_DOUBT,
    Witness,
    accepted,
    addresses,
    check_once,
    handing_to,
    later,
    planned,
    planned_for,
    sent_count,
    statuses,
)
from tests.outside.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)
END_SECONDS = 60  # in which a worker that is asked to end has ended
WORK = "import django; django.setup(); from digests import tasks; tasks.send_batch({})"


def environment(provider: Provider) -> dict[str, str]:
    """Return what has a process of the product work on the tests' database, and send to `provider`."""
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    ours = {"DATABASE_URL": database, "SENDING_CONCURRENCY": "1", "READERS_IN_DOUBT": str(FEW_IN_DOUBT)}
    return os.environ | provider.environment | ours


def test_a_task_that_is_sent_fifty_times_at_once_makes_one_copy_a_reader() -> None:
    witness = Witness()
    with handing_to("mailgun", witness) as provider:
        batch_id = planned(readers=30, digests=3).pk

        def work(_: int) -> bool:
            try:
                return send_batch.send_batch(Batch.objects.get(pk=batch_id))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(50) as pool:
            assert sum(pool.map(work, range(50))) == 1
        check_once(provider, addresses())
    assert sent_count() == 90


@pytest.mark.real_clock
def test_a_worker_stopped_past_its_lease_and_continued_mails_nobody_twice() -> None:
    witness, workers = Witness(), list[subprocess.Popen[bytes]]()

    def stop_the_worker(_: int) -> None:
        workers[0].send_signal(signal.SIGSTOP)
        with later(seconds=61):
            waiting = recovery.sweep()
            assert statuses() == {None: 60, "uncertain": 30}
            assert send_batch.send_batch(Batch.objects.get(pk__in=waiting))
        workers[0].send_signal(signal.SIGCONT)

    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=30, digests=3)
        witness.looks[0] = stop_the_worker
        workers.append(subprocess.Popen([sys.executable, "-c", WORK.format(batch.pk)], env=environment(provider)))
        assert workers[0].wait(END_SECONDS) == 0
        check_once(provider, addresses())
    assert statuses() == {None: 60, "sent": 30}
    assert Batch.objects.get().status == Batch.Status.DONE


def test_a_worker_stopped_before_its_call_and_continued_past_its_lease_leaves_it_to_others(
    settings: LazySettings,
) -> None:
    """Between the commit and the first byte the time for the call ran out: it is not made, and planned again."""
    with handing_to("mailgun") as provider:
        batch = planned(readers=3)
        settings.SEND_LEASE = timedelta(seconds=settings.EMAIL_TIMEOUT)  # no time for a call from the start
        assert not send_batch.send_batch(batch, iter([False, True]).__next__)
        assert provider.entries() == []
        assert (Batch.objects.get().status, Batch.objects.get().position) == (Batch.Status.PLANNED, 0)
    assert statuses() == {None: 3}


def test_a_thousand_readers_who_unsubscribe_between_assembly_and_sending_get_nothing() -> None:
    with handing_to("mailgun") as provider:
        batches = planned_for(1_200)
        leavers = list(Subscriber.objects.order_by("?")[:1000])
        for leaver in leavers:
            opt_in.unsubscribe(leaver, ip=None)
        assert all(send_batch.send_batch(batch) for batch in batches)
        mailed = accepted(provider)
    assert len(mailed) == 200
    assert not {*mailed} & {leaver.canonical for leaver in leavers}
    assert Delivery.objects.filter(status="skipped", reason="unsubscribed").count() == 1000


def test_what_settles_and_brakes_waits_in_no_queue_behind_batches() -> None:
    def queue_of(task: Task) -> str:
        return str(app.amqp.router.route({}, task.name)["queue"].name)

    others = (tasks.sweep, tasks.apply_events, tasks.settle_uncertain, tasks.heartbeat, tasks.assemble_due_digests)
    assert queue_of(tasks.send_batch) not in {*map(queue_of, others)}


@pytest.fixture
def empty_queues() -> None:
    app.control.purge()


@pytest.mark.real_clock
@pytest.mark.usefixtures("empty_queues")
def test_a_worker_asked_to_end_in_the_middle_of_a_batch_ends_soon_with_nothing_uncertain() -> None:
    witness, workers = Witness(), list[subprocess.Popen[bytes]]()
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=30, digests=6)
        command = processes.workers("sending")["sending"]
        witness.looks[1] = lambda _: workers[0].send_signal(signal.SIGTERM)
        tasks.send_batch.delay(batch.pk)
        workers.append(subprocess.Popen(command, env=environment(provider), start_new_session=True))
        try:
            assert workers[0].wait(END_SECONDS) == 0
        finally:
            end(workers[0])

        stored = Batch.objects.get()
        assert stored.status == Batch.Status.PLANNED
        assert 2 <= stored.position < 6
        assert stored.not_before is None
        assert statuses() == {None: 180}
        assert send_batch.send_batch(stored)
        check_once(provider, addresses())


def end(worker: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)


def test_while_redis_is_away_sending_waits_and_goes_on_afterwards(settings: LazySettings) -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        with_redis, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
        assert not send_batch.send_batch(batch, iter([False, True]).__next__)
        assert provider.entries() == []
        stored = Batch.objects.get()
        assert (stored.status, stored.position, stored.attempt) == (Batch.Status.PLANNED, 0, 1)
        assert stored.not_before
        assert timedelta(0) < stored.not_before - clock.now() <= timedelta(seconds=5)

        settings.REDIS_URL = with_redis
        with later(seconds=5):
            assert send_batch.send_batch(stored)
        check_once(provider, addresses())


@pytest.mark.real_clock
def test_a_turn_that_comes_in_a_moment_is_waited_for_with_the_batch_at_hand(settings: LazySettings) -> None:
    settings.SEND_RATE = 400.0
    with handing_to("mailgun") as provider:
        assert send_batch.send_batch(planned(readers=45, digests=4))
        assert len(accepted(provider)) == 180
    assert Batch.objects.get().attempt == 1

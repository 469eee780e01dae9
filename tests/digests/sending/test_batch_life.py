"""The life of a batch, row by row: who moves it from where to where, and when."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import override_settings

from digests.models import Batch, Delivery, SendingSwitch
from digests.providers import provider_of
from digests.sending import recovery, send_batch, switch
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.mail.throttle import Pace
from subscribers.models import Subscriber, Suppression
from subscribers.subscription import opt_in
from tests.digests.sending.handing import (
    Witness,
    accepted,
    addresses,
    check_once,
    handing_to,
    planned,
    reader,
    sent_count,
    statuses,
    stopping_after,
)
from tests.factories import MONDAY, MORNING, IssueFactory
from tests.factories.returns import digest_of
from tests.outside import faults
from tests.ports import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
committed = pytest.mark.django_db(transaction=True)
SetClock = Callable[[datetime], None]
Status = Batch.Status
LEASE = timedelta(seconds=60)


class Killed(BaseException):
    """Nothing of ours catches this: it ends a worker between two calls, as a kill would."""


def killed_after(calls: int) -> Callable[[], bool]:
    """Return what kills its worker when it looks whether to stop after so many windows."""
    looks = iter(range(calls))

    def look() -> bool:
        if next(looks, None) is None:
            raise Killed
        return False

    return look


def claim(batch: Batch, settings: LazySettings) -> bool:
    with provider_of(settings) as provider:
        return send_batch.lease_batch(batch, provider)


# PLANNED → LEASED


def test_a_planned_batch_is_leased_to_one_worker(settings: LazySettings) -> None:
    planned()
    mine, rivals = Batch.objects.get(), Batch.objects.get()
    assert claim(mine, settings)
    assert not claim(rivals, settings)
    stored = Batch.objects.get()
    assert (stored.status, stored.attempt, stored.lease_until) == (Status.LEASED, 1, MORNING + LEASE)


def test_a_batch_is_not_leased_before_its_time(settings: LazySettings, set_clock: SetClock) -> None:
    batch = planned()
    Batch.objects.update(not_before=MORNING + timedelta(seconds=30))
    assert not claim(batch, settings)
    set_clock(MORNING + timedelta(seconds=30))
    assert claim(batch, settings)


def test_no_batch_is_leased_while_sending_is_paused() -> None:
    batch = planned()
    switch.pause("Ada", "A wrong link")
    assert not send_batch.send_batch(batch)
    assert Batch.objects.get().attempt == 0


def test_no_batch_is_leased_while_the_database_is_held() -> None:
    batch = planned()
    SendingSwitch.objects.update_or_create(pk=1, defaults={"hold_reason": "It may be a backup."})
    assert not send_batch.send_batch(batch)
    assert Batch.objects.get().attempt == 0


def test_the_sweep_finds_a_batch_that_was_forgotten_and_none_that_has_just_been_woken(
    settings: LazySettings, set_clock: SetClock
) -> None:
    batch = planned()
    set_clock(MORNING + settings.SEND_FORGOTTEN)
    assert recovery.sweep() == []
    set_clock(MORNING + settings.SEND_FORGOTTEN + timedelta(seconds=1))
    assert recovery.sweep() == [batch.pk]


# LEASED → PLANNED


def test_a_lease_that_is_over_is_taken_back_with_nothing_in_doubt(settings: LazySettings, set_clock: SetClock) -> None:
    claim(planned(), settings)
    set_clock(MORNING + LEASE)
    assert recovery.sweep() == []
    assert Batch.objects.get().status == Status.LEASED

    set_clock(MORNING + LEASE + timedelta(seconds=1))
    assert recovery.sweep() == [Batch.objects.get().pk]
    stored = Batch.objects.get()
    assert (stored.status, stored.position, stored.lease_until) == (Status.PLANNED, 0, None)
    assert statuses() == {None: 3}


# LEASED → SUBMITTING


@committed
def test_who_must_not_be_mailed_is_taken_out_and_that_is_committed_before_the_call() -> None:
    witness, seen = Witness(), list[object]()
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=6)
        expired, suppressed, left, erased, withdrawn, stays = Delivery.objects.order_by("pk")
        Delivery.objects.filter(pk=expired.pk).update(expires_at=MORNING - timedelta(seconds=1))
        assert suppressed.subscriber
        assert left.subscriber
        assert erased.subscriber
        Suppression.objects.create(address_hash=suppressed.subscriber.address_hash, reason="bounce")
        opt_in.unsubscribe(left.subscriber, ip=None)
        erased.subscriber.delete()
        other = IssueFactory(
            date=MONDAY - timedelta(days=1), status=Issue.Status.WITHDRAWN, published_at=MORNING - timedelta(days=1)
        )
        Delivery.objects.filter(pk=withdrawn.pk).update(digest=digest_of(other))

        def look(_: int) -> None:
            stored = Batch.objects.get()
            seen.append((stored.status, stored.position, stored.open_calls, stored.lease_until))
            seen.append(dict(Delivery.objects.filter(status="skipped").values_list("pk", "reason")))

        witness.looks[0] = look
        assert send_batch.send_batch(batch)
        assert stays.subscriber
        assert accepted(provider) == [stays.subscriber.canonical]
    assert seen == [
        (Status.SUBMITTING, 0, 1, MORNING + LEASE),
        {
            expired.pk: "expired",
            suppressed.pk: "suppressed",
            left.pk: "unsubscribed",
            erased.pk: "unsubscribed",
            withdrawn.pk: "withdrawn",
        },
    ]


def test_a_call_of_which_nobody_is_left_is_not_made() -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        Subscriber.objects.update(status=Subscriber.Status.UNSUBSCRIBED)
        assert send_batch.send_batch(batch)
        assert provider.entries() == []
    assert statuses() == {"skipped": 3}


# k → k + 1


@committed
def test_one_commit_records_a_call_and_opens_the_next() -> None:
    witness, positions, commits = Witness(), list[int](), list[set[str]]()

    def look(_: int) -> None:
        positions.append(Batch.objects.get().position)
        commits.append(commits_of("digests_batch"))
        commits.append(commits_of("digests_delivery WHERE status = 'rejected'"))

    with handing_to("postmark", witness) as provider:
        batch = planned(readers=30, digests=2)
        provider.plan(faults.refused(reader().canonical))
        witness.looks |= {0: look, 1: look}
        assert send_batch.send_batch(batch)
    assert positions == [0, 1]
    opened, none, moved, recorded = commits
    assert none == set()
    assert moved == recorded != opened


def commits_of(rows: str) -> set[str]:
    """Return by which transactions some rows were written."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmin::text FROM {rows}")
        return {xmin for (xmin,) in cursor.fetchall()}


@pytest.mark.parametrize("name", ["mailgun", "postmark", "resend"])
@committed
def test_no_transaction_is_open_during_a_call(name: str) -> None:
    witness = Witness()
    with handing_to(name, witness):
        assert send_batch.send_batch(planned(readers=30, digests=2))
    assert witness.calls >= 1


# SUBMITTING → DONE


def test_after_the_last_call_a_batch_is_done() -> None:
    with handing_to("mailgun") as provider:
        assert send_batch.send_batch(planned(readers=30, digests=2))
        check_once(provider, addresses())
    stored = Batch.objects.get()
    assert (stored.status, stored.position, stored.lease_until) == (Status.DONE, 2, None)
    assert statuses() == {None: 60}
    assert sent_count() == 60


# SUBMITTING → PLANNED, same k


def test_a_call_that_is_throttled_is_planned_again_and_all_workers_wait(set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=30, digests=2)
        provider.plan(faults.throttled("120", after=1, times=1))
        assert not send_batch.send_batch(batch)

        stored = Batch.objects.get()
        assert (stored.status, stored.position, stored.open_calls) == (Status.PLANNED, 1, 0)
        assert stored.not_before == MORNING + timedelta(seconds=120)
        assert Pace("digests", now=clock.milliseconds).state().paused_until == stored.not_before
        assert (statuses(), sent_count()) == ({None: 60}, 30)

        set_clock(MORNING + timedelta(seconds=121))
        assert send_batch.send_batch(Batch.objects.get())
        check_once(provider, addresses())


def test_a_call_that_found_no_connection_is_planned_again() -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        with_nobody_there = provider.settings["ANYMAIL"] | {"MAILGUN_API_URL": f"http://127.0.0.1:{free_port()}/v3"}
        with override_settings(ANYMAIL=with_nobody_there):
            assert not send_batch.send_batch(batch, stopping_after(1))
        stored = Batch.objects.get()
        assert (stored.status, stored.position) == (Status.PLANNED, 0)
        assert stored.not_before == MORNING + timedelta(minutes=1)
        assert statuses() == {None: 3}


# SUBMITTING → PLANNED, k + 1


def test_the_calls_a_vanished_worker_had_open_are_uncertain_and_the_rest_goes_on(set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=30, digests=3)
        with pytest.raises(Killed):
            send_batch.send_batch(batch, killed_after(2))
        assert (Batch.objects.get().status, Batch.objects.get().position) == (Status.SUBMITTING, 1)

        set_clock(MORNING + LEASE + timedelta(seconds=1))
        recovery.sweep()

        stored = Batch.objects.get()
        assert (stored.status, stored.position, stored.open_calls) == (Status.PLANNED, 2, 0)
        assert set(Delivery.objects.filter(status="uncertain").values_list("call_no", "note")) == {
            (1, recovery.WORKER_VANISHED)
        }
        assert send_batch.send_batch(stored)
        check_once(provider, addresses())
    assert statuses() == {None: 60, "uncertain": 30}


def test_all_calls_of_an_open_window_are_uncertain_once_its_worker_vanished(set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=10, digests=3)
        with pytest.raises(Killed):
            send_batch.send_batch(batch, killed_after(1))
        assert len(accepted(provider)) <= 10  # the first call may be on its way still

        set_clock(MORNING + LEASE + timedelta(seconds=1))
        recovery.sweep()

        stored = Batch.objects.get()
        assert (stored.position, stored.open_calls) == (3, 0)
    assert statuses() == {"uncertain": 30}


# PLANNED → DROPPED


def test_a_batch_that_is_too_late_is_dropped_and_gives_its_spans_back(set_clock: SetClock) -> None:
    planned()
    assert None not in set(Subscriber.objects.values_list("covered_through", flat=True))
    set_clock(MORNING + timedelta(hours=13))
    recovery.sweep()
    assert Batch.objects.get().status == Status.DROPPED
    assert set(Delivery.objects.values_list("status", "reason")) == {("skipped", "expired")}
    assert set(Subscriber.objects.values_list("covered_through", flat=True)) == {None}


def test_a_delivery_is_sent_until_the_very_moment_it_expires(set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        planned()
        Delivery.objects.update(expires_at=MORNING + LEASE)
        set_clock(MORNING + LEASE)
        recovery.sweep()
        assert send_batch.send_batch(Batch.objects.get())
        check_once(provider, addresses())


def test_a_batch_of_a_withdrawn_issue_is_dropped_and_gives_its_spans_back() -> None:
    planned()
    Issue.objects.get().move_to(Issue.Status.WITHDRAWN)
    recovery.sweep()
    assert Batch.objects.get().status == Status.DROPPED
    assert set(Delivery.objects.values_list("status", "reason")) == {("skipped", "withdrawn")}
    assert set(Subscriber.objects.values_list("covered_through", flat=True)) == {None}


def test_a_span_that_a_later_digest_has_moved_is_not_given_back(set_clock: SetClock) -> None:
    planned(readers=2)
    moved = reader(0)
    Subscriber.objects.filter(pk=moved.pk).update(covered_through=MORNING + timedelta(hours=1))
    set_clock(MORNING + timedelta(hours=13))
    recovery.sweep()
    assert reader(0).covered_through == MORNING + timedelta(hours=1)
    assert reader(1).covered_through is None


def test_a_batch_with_somebody_left_to_mail_is_not_dropped(set_clock: SetClock) -> None:
    planned(readers=2)
    Delivery.objects.filter(subscriber=reader(0)).update(expires_at=MORNING)
    set_clock(MORNING + timedelta(seconds=1))
    recovery.sweep()
    assert Batch.objects.get().status == Status.PLANNED

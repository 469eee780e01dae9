"""What providers, databases, days and people may do to a batch on its way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from digests.models import Batch, Card, Delivery, Digest, ProviderEvent
from digests.monitoring import alerts
from digests.provider_events import application
from digests.providers import provider_of
from digests.sending import outcome_recording, recovery, send_batch, switch
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.mail.throttle import Pace
from subscribers.models import Suppression
from subscribers.subscription import opt_in
from tests.digests.sending.handing import (
    Witness,
    accepted,
    addresses,
    check_once,
    go_on,
    handing_to,
    later,
    planned,
    reader,
    sent_count,
    statuses,
    stopping_after,
)
from tests.factories import MONDAY, MORNING
from tests.outside import faults
from tests.rivals import in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
committed = pytest.mark.django_db(transaction=True)
SetClock = Callable[[datetime], None]
Status = Batch.Status
LEASE = timedelta(seconds=60)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no worker wait for its turn with a batch in hand."""
    monkeypatch.setattr(send_batch, "sleep_for", lambda wait, _: pytest.fail(f"A worker waits for {wait}."))


# What a delivery may have of its own


def test_the_refused_of_an_array_call_are_rejected_and_suppressed_and_the_others_are_sent() -> None:
    with handing_to("postmark") as provider:
        batch = planned()
        gone = reader(1)
        provider.plan(faults.refused(gone.canonical))
        assert send_batch.send_batch(batch)
        check_once(provider, sorted({*addresses()} - {gone.canonical}))
    assert statuses() == {None: 2, "rejected": 1}
    assert reader(1).covered_through is None
    event = ProviderEvent.objects.get()
    assert (event.kind, event.address_hash) == (ProviderEvent.Kind.BOUNCED, gone.address_hash)

    application.apply_events()

    assert Suppression.objects.get().address_hash == gone.address_hash
    assert sent_count() == 2


def test_a_merge_call_that_one_bad_address_had_refused_is_split_until_it_stands_alone() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=9)
        bad = reader(4)
        provider.plan(faults.invalid(bad.canonical))
        send_batch.send_batch(batch)
        go_on()
        check_once(provider, sorted({*addresses()} - {bad.canonical}))
    assert statuses() == {None: 8, "rejected": 1}
    assert Delivery.objects.get(status="rejected").subscriber == bad
    assert not Batch.objects.unfinished().exists()


def test_an_unclear_answer_of_a_provider_that_knows_its_calls_is_asked_for_again() -> None:
    with handing_to("resend") as provider:
        batch = planned()
        provider.plan(faults.broken_off(times=1))
        assert send_batch.send_batch(batch)
        check_once(provider, addresses())
    assert (statuses(), sent_count()) == ({None: 3}, 3)


@pytest.mark.parametrize("fault", [faults.failing(503, accepts=True), faults.failing(503), faults.cut(accepts=True)])
def test_an_unclear_answer_is_uncertain_and_never_repeated(fault: faults.Rule, set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        provider.plan(fault)
        send_batch.send_batch(batch)
        provider.plan()
        set_clock(MORNING + timedelta(hours=1))
        go_on()
        assert {entry.request for entry in provider.entries()} == {1}
    assert statuses() == {"uncertain": 3}
    assert Batch.objects.get().status == Status.DONE


def test_what_stays_uncertain_until_it_expires_is_abandoned(set_clock: SetClock) -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        provider.plan(faults.failing(503))
        send_batch.send_batch(batch)
    set_clock(MORNING + timedelta(hours=13))
    recovery.sweep()
    assert statuses() == {"abandoned": 3}


# A lost lease


@committed
def test_a_worker_that_lost_its_lease_says_late_what_was_accepted(set_clock: SetClock) -> None:
    witness = Witness()
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=30, digests=2)
        in_doubt = list[int]()

        def lose_the_lease(_: int) -> None:
            set_clock(MORNING + LEASE + timedelta(seconds=1))
            recovery.sweep()
            in_doubt.append(statuses()["uncertain"])

        witness.looks[0] = lose_the_lease
        assert not send_batch.send_batch(batch)
        assert in_doubt == [30]
        assert statuses() == {None: 30, "sent": 30}
        assert (Batch.objects.get().status, Batch.objects.get().position) == (Status.PLANNED, 1)
        go_on()
        check_once(provider, addresses())
    assert sent_count() == 60


@committed
def test_a_worker_that_lost_its_lease_says_late_what_was_throttled(set_clock: SetClock) -> None:
    witness = Witness()
    with handing_to("mailgun", witness) as provider:
        batch = planned()
        provider.plan(faults.throttled("1", times=1))

        def lose_the_lease(_: int) -> None:
            set_clock(MORNING + LEASE + timedelta(seconds=1))
            recovery.sweep()

        witness.looks[0] = lose_the_lease
        assert not send_batch.send_batch(batch)
        assert statuses() == {None: 3}
        set_clock(MORNING + timedelta(minutes=5))
        go_on()
        check_once(provider, addresses())
    assert sent_count() == 3


@committed
def test_a_worker_that_lost_its_lease_says_late_who_was_refused(set_clock: SetClock) -> None:
    witness = Witness()
    with handing_to("postmark", witness) as provider:
        batch = planned()
        gone = reader(1)
        provider.plan(faults.refused(gone.canonical))

        def lose_the_lease(_: int) -> None:
            set_clock(MORNING + LEASE + timedelta(seconds=1))
            recovery.sweep()

        witness.looks[0] = lose_the_lease
        assert not send_batch.send_batch(batch)
        check_once(provider, sorted({*addresses()} - {gone.canonical}))
    assert statuses() == {"sent": 2, "rejected": 1}
    assert reader(1).covered_through is None


@committed
def test_what_a_rival_worker_has_open_is_not_cut_by_one_that_lost_its_lease(
    settings: LazySettings, set_clock: SetClock
) -> None:
    """The day's room is told to a worker whose batch another has meanwhile: it must let it alone."""
    with handing_to("mailgun"):
        planned(readers=3)
        with provider_of(settings) as provider:
            mine, rivals = Batch.objects.get(), Batch.objects.get()
            send_batch.lease_batch(mine, provider)
            handover = send_batch.Handover(mine, provider, send_batch.never_stop)
            set_clock(MORNING + LEASE + timedelta(seconds=1))
            recovery.sweep()
            send_batch.lease_batch(rivals, provider)
            settings.SEND_DAILY_CAP = 2
            handover.pace = Pace("digests", now=clock.milliseconds)
            handover.run()
    assert set(Delivery.objects.values_list("call_no", flat=True)) == {0}


@committed
def test_a_worker_whose_batch_a_rival_has_leased_makes_no_call(settings: LazySettings, set_clock: SetClock) -> None:
    with handing_to("mailgun") as outside:
        planned(readers=3)
        with provider_of(settings) as provider:
            mine, rivals = Batch.objects.get(), Batch.objects.get()
            send_batch.lease_batch(mine, provider)
            handover = send_batch.Handover(mine, provider, send_batch.never_stop)
            set_clock(MORNING + LEASE + timedelta(seconds=1))
            recovery.sweep()
            send_batch.lease_batch(rivals, provider)
            handover.run()
        assert outside.entries() == []
    batch = Batch.objects.get()
    assert (batch.status, batch.attempt, batch.position) == (Status.LEASED, rivals.attempt, 0)


def test_what_is_left_over_again_joins_what_waits_until_the_later_moment() -> None:
    batch = Batch.objects.create(position=1)
    first, _ = outcome_recording.leftover_batch(batch, MORNING + timedelta(minutes=1))
    again, _ = outcome_recording.leftover_batch(batch, MORNING + timedelta(minutes=2))
    assert again == first
    assert Batch.objects.get(pk=first.pk).not_before == MORNING + timedelta(minutes=2)


def test_what_is_left_over_never_lands_before_the_position_of_a_batch_that_was_begun() -> None:
    begun = Batch.objects.create(position=3, not_before=MORNING)
    batch = Batch.objects.create(position=1)
    batch.left_over_id = begun.pk
    later, call_no = outcome_recording.leftover_batch(batch, MORNING + timedelta(minutes=1))
    assert later != begun
    assert call_no == later.position == 0


def test_the_sweep_leaves_a_batch_alone_whose_lease_was_renewed_after_it_looked() -> None:
    Batch.objects.create(status=Status.SUBMITTING, attempt=1, position=1, lease_until=MORNING - timedelta(seconds=1))
    seen = Batch.objects.get()
    Batch.objects.update(open_calls=1, lease_until=MORNING + LEASE)
    recovery.recover_batch(seen)
    batch = Batch.objects.get()
    assert (batch.status, batch.position, batch.open_calls) == (Status.SUBMITTING, 1, 1)


# A database that broke off


@committed
def test_an_answer_that_came_while_the_database_was_away_is_recorded_when_it_is_back(set_clock: SetClock) -> None:
    witness = Witness()
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=30, digests=2)
        provider.plan(faults.throttled("1", after=1, times=1))
        witness.looks |= {0: lambda _: break_connections(), 1: lambda _: break_connections()}
        assert not send_batch.send_batch(batch, stopping_after(4))
        assert statuses() == {None: 60}
        assert (Batch.objects.get().status, Batch.objects.get().position) == (Status.PLANNED, 1)
        set_clock(MORNING + timedelta(minutes=5))
        go_on()
        check_once(provider, addresses())
    assert (statuses(), sent_count()) == ({None: 60}, 60)


def break_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@committed
def test_what_a_commit_that_failed_would_have_recorded_is_recorded_by_the_next() -> None:
    """Of a window one call is taken and one throttled, and the database goes at the commit that says so."""
    with handing_to("mailgun") as provider, dying_at_a_commit():
        batch = planned(readers=3, digests=2)
        provider.plan(faults.throttled("0", after=1, times=1))
        assert send_batch.send_batch(batch)
        assert len(accepted(provider)) == sent_count() == 3
        with later(minutes=5):
            go_on()
            check_once(provider, addresses())
    assert (statuses(), sent_count()) == ({None: 6}, 6)


@committed
def test_what_a_commit_recorded_is_not_recorded_again_where_its_answer_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a window one call is taken and one throttled; before the worker asks anew, a rival has sent the latter."""
    witness = Witness()

    def send_the_rest() -> None:
        Batch.objects.exclude(not_before=None).update(status=Status.DONE, position=1)

    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=20, digests=4)
        provider.plan(faults.throttled("0", after=1, times=1))
        witness.looks[1] = lambda _: lose_the_next_answer(monkeypatch, send_the_rest)
        assert send_batch.send_batch(batch)
        with later(minutes=5):
            go_on()
        assert len(accepted(provider)) == 60
    assert (statuses(), sent_count()) == ({None: 80}, 80)


def lose_the_next_answer(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Have the next commit succeed, and the connection break before that is known."""
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def lose(wrapper: BaseDatabaseWrapper) -> None:
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
        commit(wrapper)
        in_another_connection(meanwhile)
        wrapper.connection.close()
        raise OperationalError("The connection is lost.")

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lose)


@contextmanager
def dying_at_a_commit() -> Iterator[None]:
    """Have PostgreSQL end the connection of the first who ends a batch, as that is committed."""
    with connection.cursor() as cursor:
        cursor.execute(DYING)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION die() CASCADE; DROP SEQUENCE deaths")


DYING = """
CREATE SEQUENCE deaths;
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('deaths') = 1 THEN
    PERFORM pg_terminate_backend(pg_backend_pid());
    PERFORM pg_sleep(1);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON digests_batch DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.status = 'done') EXECUTE FUNCTION die();
"""


# Cut anew


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mailgun", "postmark"),
        ("postmark", "mailgun"),
        ("postmark", "resend"),
        ("mailgun", "brevo"),
        ("brevo", "mailgun"),
        ("brevo", "mailjet"),
    ],
)
def test_a_batch_assembled_for_one_provider_and_sent_by_another_is_cut_anew(before: str, after: str) -> None:
    with handing_to(before, in_doubt=1000):
        batch = planned(readers=60, digests=2)
    with handing_to(after, in_doubt=1000) as provider:
        assert send_batch.send_batch(batch)
        check_once(provider, addresses())
        calls = {entry.request for entry in provider.entries()}
    assert len(calls) == {"postmark": 1, "mailgun": 2, "resend": 2, "brevo": 1, "mailjet": 3}[after]
    assert sent_count() == 120


def test_a_batch_goes_on_with_another_provider_from_where_it_stands(set_clock: SetClock) -> None:
    with handing_to("mailgun") as first:
        batch = planned(readers=30, digests=3)
        send_batch.send_batch(batch, stopping_after(1))
        assert Batch.objects.get().position == 1
        with handing_to("resend") as second:
            assert send_batch.send_batch(Batch.objects.get())
            assert sorted([*accepted(first), *accepted(second)]) == addresses()
    assert sent_count() == 90


@pytest.mark.parametrize("name", ["mailgun", "postmark"])
def test_a_day_with_less_room_than_a_call_has_it_cut_smaller(
    name: str, settings: LazySettings, set_clock: SetClock
) -> None:
    settings.SEND_DAILY_CAP = 3  # of which one is kept for letters
    with handing_to(name) as provider:
        batch = planned(readers=3)
        assert not send_batch.send_batch(batch)
        assert len(accepted(provider)) == 2
        assert Batch.objects.get().status == Status.PLANNED
        Delivery.objects.update(expires_at=MORNING + timedelta(days=2))
        set_clock(MORNING + timedelta(days=1))
        assert send_batch.send_batch(Batch.objects.get())
        check_once(provider, addresses())


def test_a_day_with_less_room_than_a_window_of_single_mails_has_it_made_smaller(settings: LazySettings) -> None:
    settings.SEND_WARMUP, settings.SEND_WARMUP_FROM = [4, 100], MONDAY  # one of four is kept for letters
    batch = planned(readers=5)
    assert not send_batch.send_batch(batch)
    assert (sent_count(), Batch.objects.get().position) == (3, 3)
    with later(days=1):
        Delivery.objects.update(expires_at=MORNING + timedelta(days=2))
        assert send_batch.send_batch(Batch.objects.get())
    assert sent_count() == 5


def test_what_was_taken_of_a_window_before_it_was_throttled_counts_for_the_day(settings: LazySettings) -> None:
    settings.SEND_DAILY_CAP = 100
    with handing_to("mailgun") as provider:
        batch = planned(readers=3, digests=2)
        provider.plan(faults.throttled("120", after=1, times=1))
        before = left_today()
        send_batch.send_batch(batch)
        assert len(accepted(provider)) == 3
        assert before - left_today() >= 3


def left_today() -> int:
    left = Pace("digests", now=clock.milliseconds).state().left_today
    assert left is not None
    return left


# Paused and resumed


@committed
def test_after_a_pause_is_answered_no_new_call_leaves_and_a_resumed_batch_goes_on() -> None:
    witness = Witness()
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=30, digests=3)
        witness.looks[0] = lambda _: None if switch.pause("Ada", "A wrong link") else pytest.fail("not paused")
        assert not send_batch.send_batch(batch)
        assert accepted(provider) == addresses(call_no=0)
        assert (Batch.objects.get().status, Batch.objects.get().position) == (Status.PLANNED, 1)
        assert not send_batch.send_batch(Batch.objects.get())
        assert witness.calls == 1

        switch.resume("Ada")
        assert send_batch.send_batch(Batch.objects.get())
        check_once(provider, addresses())


def test_a_worker_asked_to_stop_puts_its_batch_back_between_two_calls() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=30, digests=3)
        assert not send_batch.send_batch(batch, stopping_after(1))
        stored = Batch.objects.get()
        assert (stored.status, stored.position, stored.not_before) == (Status.PLANNED, 1, None)
        assert accepted(provider) == addresses(call_no=0)
        assert send_batch.send_batch(stored)
        check_once(provider, addresses())


# What cannot be rendered


@pytest.mark.parametrize("name", ["mailgun", "postmark"])
def test_a_digest_whose_cards_are_gone_is_refused_alone(name: str) -> None:
    with handing_to(name) as provider:
        batch = planned(readers=30, digests=2)
        pruned = Delivery.objects.order_by("pk")[0].digest
        assert pruned
        Card.objects.filter(pk__in=pruned.card_ids).delete()
        assert send_batch.send_batch(batch)
        spared = Delivery.objects.exclude(digest=pruned)
        check_once(provider, sorted(spared.values_list("subscriber__canonical", flat=True)))
    assert set(Delivery.objects.filter(digest=pruned).values_list("status", flat=True)) == {"rejected"}
    assert sent_count() == 30
    assert not ProviderEvent.objects.exists(), "a fault of ours is no bounce of an address"


def test_who_left_is_skipped_also_where_the_digest_cannot_be_rendered() -> None:
    batch = planned()
    Card.objects.all().delete()
    opt_in.unsubscribe(reader(0), ip=None)
    send_batch.send_batch(batch)
    assert statuses() == {"skipped": 1, "rejected": 2}


# Nobody held up


def test_one_card_that_cannot_be_rendered_costs_its_own_digest_only() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=3, digests=3)
        card = Card.objects.order_by("pk")[0]
        card.entry.snapshot = {"title": card.entry.snapshot["title"]}
        card.entry.save(update_fields=["snapshot"])
        assert send_batch.send_batch(batch)
        assert len(accepted(provider)) == 6
    assert Delivery.objects.filter(status=Delivery.Status.REJECTED).count() == 3


def test_calls_that_are_each_fast_enough_open_no_breaker_however_many_share_a_commit(settings: LazySettings) -> None:
    settings.SEND_SLOW_SECONDS, settings.SEND_BREAKER_FAILURES = 1.0, 1
    with handing_to("mailgun") as provider:
        batch = planned(readers=1, digests=20)
        provider.plan(faults.slow(0.1))
        assert send_batch.send_batch(batch)
        assert not Pace("digests", now=clock.milliseconds).state().is_open


@pytest.mark.usefixtures("no_sleep")
def test_what_a_server_defers_waits_in_one_batch_and_holds_no_worker_up(set_clock: SetClock) -> None:
    with handing_to("smtp") as provider:
        batch = planned(readers=150)
        provider.plan(faults.failing(450, share=0.2, seed=1))
        assert send_batch.send_batch(batch)
        (left,) = Batch.objects.exclude(status=Status.DONE)
        provider.plan()
        set_clock(MORNING + timedelta(minutes=2))
        assert send_batch.send_batch(left)
        check_once(provider, addresses())


@pytest.mark.usefixtures("no_sleep")
def test_a_batch_refused_for_now_is_left_to_the_sweep_at_once() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=3)
        provider.plan(faults.failing(403))
        assert not send_batch.send_batch(batch)
    assert Batch.objects.get().status == Status.PLANNED


def test_a_day_that_is_almost_full_cuts_the_next_call_only(settings: LazySettings, set_clock: SetClock) -> None:
    settings.SEND_DAILY_CAP = 3  # of which one is kept for letters
    with handing_to("mailgun", in_doubt=1000) as provider:
        batch = planned(readers=60, digests=2)
        assert not send_batch.send_batch(batch)
        assert len(accepted(provider)) == 2
        settings.SEND_DAILY_CAP = 0
        Delivery.objects.update(expires_at=MORNING + timedelta(days=2))
        set_clock(MORNING + timedelta(days=1))
        assert send_batch.send_batch(Batch.objects.get())
        check_once(provider, addresses())
    assert Delivery.objects.values("call_no").distinct().count() == 3


@pytest.mark.parametrize("name", ["mailgun", "postmark", "resend"])
def test_a_fault_of_content_stops_the_issue_before_the_first_reader_with_an_alert(name: str) -> None:
    with handing_to(name) as provider:
        batch = planned()
        Digest.objects.update(subject="Ed\r\nBcc: x@example.org")
        assert not send_batch.send_batch(batch)
        assert provider.entries() == []
    assert statuses() == {None: 3}
    assert sent_count() == 0
    assert "A header of this digest holds a line break." in switch.current_permission().reason
    assert [trouble.subject for trouble in alerts.find_automatic_pause()] == ["sending has paused itself"]


def test_once_an_issue_with_a_fault_is_withdrawn_sending_goes_on_without_it() -> None:
    with handing_to("mailgun") as provider:
        batch = planned()
        Digest.objects.update(subject="Ed\r\nBcc: x@example.org")
        send_batch.send_batch(batch)
        Issue.objects.get().move_to(Issue.Status.WITHDRAWN)
        switch.resume("Ada")
        go_on()
        assert provider.entries() == []
    assert statuses() == {"skipped": 3}
    assert switch.current_permission().is_allowed

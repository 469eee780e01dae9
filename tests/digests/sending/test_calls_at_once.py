"""Calls of few readers are made at the same time, and each answer is of its own call alone."""

import threading

import pytest
from django.conf import LazySettings

from digests.models import Delivery
from digests.sending import send_batch
from tests.digests.sending.handing import (
    Witness,
    addresses,
    check_once,
    go_on,
    handing_to,
    later,
    planned,
    sent_count,
    statuses,
)
from tests.outside import faults

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("set_clock")]
TOGETHER = 4


@pytest.fixture(autouse=True)
def one_worker(settings: LazySettings) -> None:
    settings.SEND_CALLS_AT_ONCE, settings.WORKER_CONCURRENCY = 9, settings.WORKER_CONCURRENCY | {"sending": 1}


def test_as_many_calls_as_the_pace_grants_are_on_their_way_together() -> None:
    witness, together = Witness(), threading.Barrier(TOGETHER)
    # Each call is answered only once all four have come.

    def meet(number: int) -> None:
        together.wait(20)

    witness.looks = dict.fromkeys(range(TOGETHER), meet)
    with handing_to("mailgun", witness) as provider:
        batch = planned(readers=2, digests=TOGETHER)
        assert send_batch.send_batch(batch)
        check_once(provider, addresses())
    assert sent_count() == 2 * TOGETHER


def test_an_unclear_answer_leaves_its_own_call_in_doubt_and_no_other() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=2, digests=TOGETHER)
        provider.plan(faults.failing(503, addresses=addresses(call_no=2)[0]))
        send_batch.send_batch(batch)
        assert statuses() == {"uncertain": 2, None: 6}
        assert set(Delivery.objects.filter(status="uncertain").values_list("call_no", flat=True)) == {2}
        provider.plan()
        go_on()
        check_once(provider, [address for no in (0, 1, 3) for address in addresses(call_no=no)])


def test_what_is_refused_for_now_beside_others_is_sent_later_and_once() -> None:
    with handing_to("mailgun") as provider:
        batch = planned(readers=2, digests=TOGETHER)
        provider.plan(faults.throttled("1", addresses=addresses(call_no=1)[0], times=1))
        send_batch.send_batch(batch)
        with later(seconds=2):
            go_on()
        check_once(provider, addresses())

"""A call that several digests share is one unit: of doubt, of the pace, and of what a split takes apart."""

import pytest
from django.conf import LazySettings

from digests.models import Batch, Delivery
from digests.sending import send_batch
from newsletter.mail.throttle import Pace
from tests.digests.sending.handing import (
    accepted,
    addresses,
    check_once,
    go_on,
    handing_to,
    planned,
    sent_count,
    statuses,
)
from tests.outside import faults

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.mark.parametrize("name", ["brevo", "mailjet"])
def test_digests_of_few_readers_leave_in_one_call(name: str) -> None:
    with handing_to(name) as provider:
        batch = planned(readers=2, digests=5)
        assert send_batch.send_batch(batch)
        check_once(provider, addresses())
        assert len({entry.request for entry in provider.entries()}) == 1
        digests = dict(Delivery.objects.values_list("pk", "digest__subject"))
        assert {int(entry.delivery): entry.subject for entry in provider.entries()} == digests
    assert sent_count() == 10


@pytest.mark.parametrize("accepts", [True, False])
def test_an_unclear_answer_leaves_all_digests_of_the_call_in_doubt_and_none_is_repeated(accepts: bool) -> None:
    with handing_to("brevo") as provider:
        batch = planned(readers=2, digests=3)
        provider.plan(faults.failing(503, accepts=accepts, times=1))
        send_batch.send_batch(batch)
        assert statuses() == {"uncertain": 6}
        go_on()
        assert len(accepted(provider)) == 6 * accepts
        assert {entry.request for entry in provider.entries()} == {1}


def test_one_bad_address_costs_the_other_digests_of_its_call_nothing() -> None:
    with handing_to("brevo") as provider:
        batch = planned(readers=2, digests=3)
        gone = addresses()[3]
        provider.plan(faults.invalid(gone))
        send_batch.send_batch(batch)
        go_on()
        check_once(provider, [address for address in addresses() if address != gone])
    assert Delivery.objects.get(status="rejected").subscriber.canonical == gone  # type: ignore[union-attr]


def test_calls_that_are_rationed_are_made_one_at_a_time(settings: LazySettings) -> None:
    with handing_to("brevo") as provider:
        settings.SEND_CALLS_A_MINUTE = 60
        batch = planned(readers=60, digests=1)
        Delivery.objects.filter(pk__in=Delivery.objects.order_by("pk")[:30]).update(call_no=1)
        send_batch.send_batch(batch)
        assert len({entry.request for entry in provider.entries()}) == 1
        assert Batch.objects.get().position == 1
        assert Pace("digests").limits.calls_a_minute == 58

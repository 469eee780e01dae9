"""A provider whose answers prove nothing: how many readers are in doubt, and what becomes of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.provider_events import application
from digests.sending import recovery, send_batch, uncertain
from newsletter.mail.throttle import Pace
from subscribers.models import Subscriber
from tests.digests.sending.handing import accepted, go_on, handing_to, planned, planned_for, statuses
from tests.factories import MONDAY, MORNING, PaperFactory, published_issue
from tests.factories.returns import heard
from tests.outside import faults

pytestmark = [pytest.mark.django_db, pytest.mark.flow, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
Status = Delivery.Status
AGAIN = "Some of these may have reached you on Monday."


def test_three_calls_without_a_clear_answer_leave_one_call_and_two_probes_in_doubt() -> None:
    with handing_to("mailgun", in_doubt=200) as provider:
        provider.plan(faults.failing(503, times=3))
        batches = planned_for(1000)
        send_all(batches)
        assert statuses() == {"uncertain": 202, None: 798}
        assert len(set(accepted(provider))) == 798
    assert Pace("digests").state().probe is None


def test_calls_grow_from_one_reader_to_full_with_each_clear_answer() -> None:
    with handing_to("mailgun", in_doubt=200) as provider:
        provider.plan(faults.failing(503, times=1))
        send_all(planned_for(1000))
        sizes = list(Counter(entry.request for entry in provider.entries()).values())
    assert sizes == [200, 1, 10, 100, 89, 200, 200, 200]


def test_what_was_abandoned_comes_once_more_with_a_word_of_warning(set_clock: SetClock) -> None:
    with handing_to("mailgun", bodies=True) as provider:
        provider.plan(faults.failing(503, times=1))
        send_all([planned()])
        set_clock(MORNING + timedelta(hours=13))
        recovery.sweep()
        assert statuses() == {"abandoned": 3}
        assert set(Subscriber.objects.values_list("covered_through", flat=True)) == {None}

        monday = next_day(set_clock)
        provider.plan()
        send_all(Batch.objects.ready())
        mails = [entry for entry in provider.entries() if entry.accepted]
    assert len(mails) == 3
    for mail in mails:
        assert AGAIN in mail.text.splitlines()
        assert AGAIN in mail.html
        assert monday in mail.text


def test_a_late_word_of_delivery_settles_what_was_abandoned_and_moves_no_span(set_clock: SetClock) -> None:
    with handing_to("mailgun", bodies=True) as provider:
        provider.plan(faults.failing(503, times=1))
        send_all([planned()])
        set_clock(MORNING + timedelta(hours=13))
        recovery.sweep()
        spans = list(Subscriber.objects.order_by("pk").values_list("covered_through", flat=True))
        for delivery in Delivery.objects.all():
            heard("delivered", delivery)
        application.apply_events()
        assert statuses() == {"sent": 3}
        assert list(Subscriber.objects.order_by("pk").values_list("covered_through", flat=True)) == spans

        next_day(set_clock)
        send_all(Batch.objects.ready())
        later = [entry for entry in provider.entries() if entry.accepted]
    assert len(later) == 3
    assert not any(AGAIN in entry.text for entry in later)


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_person_settles_what_was_abandoned_for_as_long_as_it_is_kept(set_clock: SetClock, was_sent: bool) -> None:
    with handing_to("mailgun", bodies=True) as provider:
        provider.plan(faults.failing(503, times=1))
        send_all([planned()])
        set_clock(MORNING + timedelta(hours=13))
        recovery.sweep()
        assert len(uncertain.settle_by_hand(Delivery.objects.all(), was_sent=was_sent, by="ada")) == 3
        assert statuses() == {"sent" if was_sent else "abandoned": 3}

        monday = next_day(set_clock)
        provider.plan()
        send_all(Batch.objects.ready())
        mails = [entry.text for entry in provider.entries() if entry.accepted]
    assert [monday in text for text in mails] == [not was_sent] * 3
    assert not any(AGAIN in text for text in mails)


def send_all(batches: Iterable[Batch]) -> None:
    for batch in batches:
        send_batch.send_batch(batch)
    go_on()


def next_day(set_clock: SetClock) -> str:
    """Publish Tuesday's issue, with a paper of its own, and assemble it; return the title of Monday's paper."""
    delivery = Delivery.objects.get(subscriber=Subscriber.objects.first())
    assert delivery.digest is not None
    (topic,), monday = delivery.preferences.topics.all(), str(delivery.digest.cards[0].entry.snapshot["title"])
    set_clock(MORNING + DAY)
    published_issue(MONDAY + DAY, PaperFactory(topics=[topic]))
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    assemble.assemble_due_digests()
    return monday

from datetime import timedelta

import pytest
from django.conf import LazySettings

from digests.models import Batch, Delivery, Digest, ProviderEvent, SwitchChange
from digests.provider_events import application
from digests.sending import switch
from tests.factories import MONDAY, MORNING, IssueFactory, SubscriberFactory
from tests.factories.returns import digest_of, heard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Kind = ProviderEvent.Kind
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def digest() -> Digest:
    return digest_of()


def hand_over(digest: Digest, count: int, *, planned: int = 0) -> list[Delivery]:
    """Return deliveries of a digest that were handed over, in one call; `planned` more lie in the next."""
    batch = Batch.objects.create(position=1)
    reader = SubscriberFactory()
    slot = MORNING + timedelta(days=Delivery.objects.count())
    return Delivery.objects.bulk_create(
        Delivery(
            subscriber=None,
            slot=slot,
            digest=digest,
            preferences=reader.preferences,
            batch=batch,
            call_no=0 if number < count else 1,
            expires_at=slot,
        )
        for number in range(count + planned)
    )[:count]


def report(kind: Kind, deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        heard(kind, delivery, address_hash=f"{delivery.pk:064}")
    application.apply_events()


def test_sending_pauses_itself_at_more_than_a_complaint_in_a_thousand(digest: Digest) -> None:
    deliveries = hand_over(digest, 1000)
    report(Kind.COMPLAINED, deliveries[:1])
    assert not switch.is_paused()
    report(Kind.COMPLAINED, deliveries[1:2])
    answer = switch.send_permission()
    assert not answer.is_allowed
    assert answer.reason == (
        "Of the 1,000 readers to whom the issue of 4 May 2026 was handed over, 2 called it spam: 0.20 %, "
        "where 0.1 % is the limit."
    )


def test_sending_pauses_itself_at_more_than_five_hard_bounces_in_a_hundred(digest: Digest) -> None:
    deliveries = hand_over(digest, 1000)
    report(Kind.SOFT_BOUNCED, deliveries[100:200])
    report(Kind.BOUNCED, deliveries[:50])
    report(Kind.BOUNCED, deliveries[:50])
    assert not switch.is_paused()
    report(Kind.BOUNCED, deliveries[50:51])
    assert "could not be reached for good: 5.10 %" in switch.send_permission().reason


def test_addresses_that_the_provider_refuses_at_once_are_judged_as_bounces(digest: Digest) -> None:
    deliveries = hand_over(digest, 1000)
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries[:60]]).update(status="rejected")
    report(Kind.BOUNCED, deliveries[:60])
    assert "Of the 1,000 readers" in switch.send_permission().reason
    assert "could not be reached for good: 6.00 %" in switch.send_permission().reason


def test_the_first_thousand_are_not_judged(digest: Digest) -> None:
    deliveries = hand_over(digest, 999, planned=500)
    report(Kind.COMPLAINED, deliveries[:300])
    assert not switch.is_paused()


def test_a_rate_is_taken_of_all_who_were_answered_however_many(digest: Digest, settings: LazySettings) -> None:
    settings.PAUSE_COMPLAINTS_PERCENT = 0.3
    deliveries = hand_over(digest, 2000)
    report(Kind.COMPLAINED, deliveries[:4])
    assert not switch.is_paused()
    report(Kind.COMPLAINED, deliveries[4:7])
    assert "Of the 2,000 readers to whom" in switch.send_permission().reason


def test_issues_are_judged_one_by_one(digest: Digest) -> None:
    one = hand_over(digest, 1000)
    other = hand_over(digest_of(IssueFactory(date=TUESDAY, published_at=MORNING)), 1000)
    report(Kind.COMPLAINED, [one[0], other[0]])
    assert not switch.is_paused()


def test_who_resumed_is_not_stopped_again_until_it_is_twice_as_bad(digest: Digest) -> None:
    deliveries = hand_over(digest, 1000)
    report(Kind.COMPLAINED, deliveries[:2])
    assert switch.resume("Ada")
    report(Kind.COMPLAINED, deliveries[2:3])
    assert not switch.is_paused()
    report(Kind.COMPLAINED, deliveries[3:4])
    assert switch.is_paused()
    changes = SwitchChange.objects.order_by("id").values_list("act", "by", "count")
    assert list(changes) == [
        ("paused", switch.BY_ITSELF, 2),
        ("resumed", "Ada", None),
        ("paused", switch.BY_ITSELF, 4),
    ]

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.models import Batch, Delivery, ProviderEvent
from digests.monitoring import notices
from digests.provider_events import application, bounce_policy
from subscribers.models import Consent, Subscriber, Suppression
from subscribers.subscription.suppression import NewSuppression, suppress
from tests.factories import MORNING, SubscriberFactory
from tests.factories.returns import heard, sent_delivery
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)
Kind = ProviderEvent.Kind
Held = ProviderEvent.Held
SetClock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "operator@example.org")]


def is_suppressed(delivery: Delivery) -> bool:
    assert delivery.subscriber is not None
    return Suppression.holds(delivery.subscriber.canonical)


def soft_bounces(reader: Subscriber, *days: int) -> None:
    for day in days:
        heard(Kind.SOFT_BOUNCED, sent_delivery(reader, MORNING + day * DAY), MORNING + day * DAY)


def test_a_permanent_bounce_suppresses_the_address_and_leaves_the_subscription() -> None:
    delivery = sent_delivery()
    heard(Kind.BOUNCED, delivery)
    application.apply_events()
    assert is_suppressed(delivery)
    assert Suppression.objects.get().reason == Suppression.Reason.BOUNCE
    assert Subscriber.objects.get().status == Subscriber.Status.ACTIVE


@pytest.mark.parametrize(
    ("days", "suppressed"),
    [
        ((0, 1, 2, 3), False),
        ((0, 1, 2, 3, 4), True),
        ((0, 3, 6, 9, 13), True),
        ((0, 3, 6, 9, 14), False),
        ((0, 4, 6, 9, 14, 17), True),
    ],
)
def test_soft_bounces_on_five_days_within_fourteen_suppress(days: tuple[int, ...], suppressed: bool) -> None:
    reader = SubscriberFactory()
    soft_bounces(reader, *days)
    application.apply_events()
    assert Suppression.holds(reader.canonical) is suppressed


def test_five_soft_bounces_on_one_day_suppress_nobody() -> None:
    reader = SubscriberFactory()
    for minutes in range(5):
        at = MORNING + timedelta(minutes=minutes)
        heard(Kind.SOFT_BOUNCED, sent_delivery(reader, at), at)
    application.apply_events()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("is_late", [False, True])
def test_a_delivery_between_soft_bounces_starts_the_count_again(is_late: bool) -> None:
    reader = SubscriberFactory()
    came = (sent_delivery(reader, MORNING + 2.5 * DAY), MORNING + 2.5 * DAY)
    if not is_late:
        heard(Kind.DELIVERED, *came)
    soft_bounces(reader, 0, 1, 2, 3, 4)
    application.apply_events()
    assert Suppression.objects.exists() is is_late

    if is_late:
        heard(Kind.DELIVERED, *came)
        application.apply_events()

    assert not Suppression.objects.exists()


def test_a_late_delivery_lifts_no_suppression_for_a_permanent_bounce() -> None:
    reader = SubscriberFactory()
    soft_bounces(reader, 0, 1, 2, 3, 4)
    heard(Kind.BOUNCED, sent_delivery(reader, MORNING + 5 * DAY), MORNING + 5 * DAY)
    application.apply_events()
    heard(Kind.DELIVERED, sent_delivery(reader, MORNING + 2.5 * DAY), MORNING + 2.5 * DAY)
    application.apply_events()
    assert Suppression.objects.get().at == MORNING + 5 * DAY


def test_a_complaint_unsubscribes_and_suppresses_for_good() -> None:
    delivery = sent_delivery()
    heard(Kind.COMPLAINED, delivery)
    heard(Kind.BOUNCED, delivery)
    application.apply_events()
    reader = Subscriber.objects.get()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED
    assert [consent.act for consent in reader.consents.all()] == [Consent.Act.UNSUBSCRIBED]
    assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINT


def test_who_unsubscribes_at_the_provider_is_unsubscribed_and_may_come_back() -> None:
    heard(Kind.UNSUBSCRIBED, sent_delivery())
    application.apply_events()
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED
    assert not Suppression.objects.exists()


def test_a_complaint_of_an_erased_reader_suppresses_the_address() -> None:
    delivery = sent_delivery()
    heard(Kind.COMPLAINED, delivery)
    Delivery.objects.update(subscriber=None)
    Subscriber.objects.all().delete()
    application.apply_events()
    assert is_suppressed(delivery)


def domain_events(domain: str, delivered: int, bounced: int) -> list[Delivery]:
    """Store events of a domain's recipients, one each, and return the deliveries that bounced."""
    made = [sent_delivery(SubscriberFactory(email=f"reader{n}@{domain}")) for n in range(delivered + bounced)]
    for delivery in made[:delivered]:
        heard(Kind.DELIVERED, delivery)
    for delivery in made[delivered:]:
        heard(Kind.BOUNCED, delivery)
    return made[delivered:]


def test_of_a_domain_where_a_tenth_bounces_each_is_suppressed() -> None:
    domain_events("example.net", delivered=27, bounced=3)
    application.apply_events()
    assert Suppression.objects.count() == 3
    assert sent() == []


def test_of_few_recipients_nothing_is_concluded_about_their_domain() -> None:
    domain_events("example.net", delivered=0, bounced=19)
    application.apply_events()
    assert Suppression.objects.count() == 19


def test_where_more_than_a_tenth_of_a_domain_bounces_suppression_waits_and_operators_are_told_once() -> None:
    domain_events("example.net", delivered=17, bounced=3)
    elsewhere = domain_events("example.com", delivered=0, bounced=1)
    application.apply_events()
    domain_events("late.example.net", delivered=0, bounced=1)
    application.apply_events()
    notices.deliver_notices()
    assert Suppression.objects.count() == 2
    assert is_suppressed(elsewhere[0])
    assert ProviderEvent.objects.held().count() == 3
    assert [message.to for message in sent()] == [["operator@example.org"]]
    assert "many addresses at example.net bounce" in sent()[0].subject
    assert set(Delivery.objects.exclude(bounced_at=None).values_list("bounced_at", flat=True)) == {MORNING}


def test_suppressions_made_before_the_domains_trouble_showed_wait_too() -> None:
    for delivery in domain_events("example.net", delivered=0, bounced=19):
        application.apply_events()
        assert is_suppressed(delivery)
    heard(Kind.BOUNCED, sent_delivery(SubscriberFactory(email="last@example.net")))
    application.apply_events()
    assert not Suppression.objects.exists()
    assert ProviderEvent.objects.held().count() == 20


def test_an_hour_later_the_domain_is_judged_anew(set_clock: SetClock) -> None:
    domain_events("example.net", delivered=0, bounced=20)
    application.apply_events()
    set_clock(MORNING + timedelta(minutes=61))
    late = sent_delivery(SubscriberFactory(email="late@example.net"))
    heard(Kind.BOUNCED, late)
    application.apply_events()
    assert is_suppressed(late)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize(("word", "count"), [(Held.SUPPRESSED, 1), (Held.LET_GO, 0)])
def test_an_operators_word_on_a_held_bounce_is_final(word: Held, count: int) -> None:
    domain_events("example.net", delivered=0, bounced=20)
    application.apply_events()
    event = ProviderEvent.objects.held()[0]

    assert bounce_policy.decide_held_bounce(event, is_suppressed=word == Held.SUPPRESSED)
    assert not bounce_policy.decide_held_bounce(event, is_suppressed=True)
    heard(Kind.BOUNCED, sent_delivery(SubscriberFactory(email="more@example.net")))
    application.apply_events()

    event.refresh_from_db()
    assert event.held == word
    assert Suppression.objects.filter(address_hash=event.address_hash).count() == count


@pytest.mark.parametrize("kinds", [("bounce", "complaint"), ("complaint", "bounce"), ("manual", "complaint")])
def test_a_complaint_outweighs_every_other_reason(kinds: tuple[str, str]) -> None:
    for reason in kinds:
        suppress([NewSuppression("a" * 64, Suppression.Reason(reason), MORNING)])
    assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINT


@pytest.mark.parametrize("status", [None, "rejected", "uncertain", "abandoned"])
def test_a_domain_is_judged_by_all_its_readers_also_where_arrivals_are_not_told_of(status: str | None) -> None:
    batch = Batch.objects.create(lane="smtp", status=Batch.Status.DONE, position=1, started_at=MORNING,
                                 finished_at=MORNING)  # fmt: skip
    readers = [SubscriberFactory(email=f"reader{number}@large.example") for number in range(300)]
    deliveries = [sent_delivery(reader, batch=batch, status=status) for reader in readers]
    for delivery in deliveries[:25]:
        heard(Kind.BOUNCED, delivery)
    application.apply_events()
    assert Suppression.objects.count() == 25

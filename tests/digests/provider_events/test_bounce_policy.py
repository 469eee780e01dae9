from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.models import Batch, Delivery, ProviderEvent
from digests.monitoring import notices
from digests.provider_events import application, bounce_policy
from subscribers.models import Consent, Letter, LiftedSuppression, Subscriber, Suppression
from subscribers.subscription import opt_in
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


@pytest.mark.parametrize("kind", [Kind.BOUNCED, Kind.SOFT_BOUNCED, Kind.REJECTED])
def test_a_refusal_of_our_mail_suppresses_nobody_however_often_it_comes(kind: Kind) -> None:
    reader = SubscriberFactory()
    for day in range(7):
        heard(kind, sent_delivery(reader, MORNING + day * DAY), MORNING + day * DAY, blame="us")
    application.apply_events()
    assert not Suppression.objects.exists()
    assert not ProviderEvent.objects.held().exists()


def test_a_domain_that_refuses_our_mail_is_not_in_trouble_of_its_own() -> None:
    for number in range(19):
        heard(Kind.BOUNCED, sent_delivery(SubscriberFactory(email=f"reader{number}@example.net")), blame="us")
    gone = sent_delivery(SubscriberFactory(email="gone@example.net"))
    heard(Kind.BOUNCED, gone)
    application.apply_events()
    assert is_suppressed(gone)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("blame", ["mailbox", "unknown", ""])
def test_a_hard_bounce_that_blames_no_address_suppresses_on_the_fifth_day(blame: str) -> None:
    reader = SubscriberFactory()
    for day in range(5):
        assert not Suppression.objects.exists()
        heard(Kind.BOUNCED, sent_delivery(reader, MORNING + day * DAY), MORNING + day * DAY, blame=blame)
        application.apply_events()
    assert Suppression.objects.get().at == MORNING + 4 * DAY


def test_a_reader_whose_mail_was_refused_for_our_fault_gets_the_span_back() -> None:
    reader = SubscriberFactory(covered_through=MORNING)
    delivery = sent_delivery(reader, covered_from=MORNING - DAY, covered_to=MORNING)
    heard(Kind.BOUNCED, delivery, blame="us")
    application.apply_events()
    reader.refresh_from_db()
    delivery.refresh_from_db()
    assert reader.covered_through == MORNING - DAY
    assert (delivery.refused_at, delivery.bounced_at, delivery.soft_bounced_at) == (MORNING, MORNING, None)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_mail_that_was_delivered_after_all_gives_no_span_back(is_first: bool) -> None:
    reader = SubscriberFactory(covered_through=MORNING)
    delivery = sent_delivery(reader, covered_from=MORNING - DAY, covered_to=MORNING)
    heard(Kind.DELIVERED, delivery)
    if is_first:
        application.apply_events()
    heard(Kind.SOFT_BOUNCED, delivery, blame="us")
    application.apply_events()
    reader.refresh_from_db()
    assert reader.covered_through == MORNING


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


@pytest.mark.parametrize(
    ("stopped_for", "reason", "status", "note"),
    [
        ("bounced", "provider", "active", "Postmark: It bounced before (Word)"),
        ("invalid", "provider", "active", "Postmark: It is no valid address (Word)"),
        ("blocked", "provider", "active", "Postmark: It is on the provider’s own list (Word)"),
        ("unsubscribed", "provider", "unsubscribed", "Postmark: The reader unsubscribed at the provider (Word)"),
        ("complained", "complaint", "unsubscribed", "Postmark: The reader called it spam (Word)"),
    ],
)
def test_an_address_that_the_provider_no_longer_mails_is_suppressed_with_its_reason(
    stopped_for: str, reason: str, status: str, note: str
) -> None:
    delivery = sent_delivery()
    heard(Kind.REJECTED, delivery, stopped_for=stopped_for, provider_word="Word")
    application.apply_events()
    row = Suppression.objects.get()
    assert is_suppressed(delivery)
    assert (row.reason, row.at, row.note) == (reason, MORNING, note)
    assert Subscriber.objects.get().status == status


def test_what_the_provider_rejects_while_it_still_mails_the_address_suppresses_nobody() -> None:
    heard(Kind.REJECTED, sent_delivery())
    application.apply_events()
    assert not Suppression.objects.exists()


def test_what_the_provider_no_longer_mails_counts_against_no_domain() -> None:
    for number in range(20):
        delivery = sent_delivery(SubscriberFactory(email=f"reader{number}@example.net"))
        heard(Kind.REJECTED, delivery, stopped_for="blocked")
    application.apply_events()
    assert Suppression.objects.count() == 20
    assert not ProviderEvent.objects.held().exists()


def test_a_bounce_reported_a_week_late_suppresses_since_it_happened() -> None:
    reader = SubscriberFactory(confirmed_at=MORNING - 30 * DAY)
    heard(Kind.BOUNCED, sent_delivery(reader, MORNING - 8 * DAY), MORNING - 7 * DAY)
    application.apply_events()
    assert Suppression.objects.get().at == MORNING - 7 * DAY
    assert Delivery.objects.get().bounced_at == MORNING - 7 * DAY


@pytest.mark.parametrize("fields", [{"kind": Kind.BOUNCED}, {"kind": Kind.REJECTED, "stopped_for": "blocked"}])
@pytest.mark.parametrize(("days", "count"), [(-1, 0), (1, 1)])
def test_a_late_report_does_not_undo_what_an_operator_lifted_after_it(
    fields: dict[str, str], days: int, count: int
) -> None:
    delivery = sent_delivery()
    assert delivery.subscriber is not None
    LiftedSuppression.objects.create(
        address_hash=delivery.subscriber.address_hash,
        reason="bounce",
        suppressed_at=MORNING - 9 * DAY,
        lifted_at=MORNING,
        by="Ada",
        note="They wrote to us.",
    )
    heard(delivery=delivery, at=MORNING + days * DAY, **fields)
    application.apply_events()
    assert Suppression.objects.count() == count


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Kind.UNSUBSCRIBED, Subscriber.Status.ACTIVE), (Kind.COMPLAINED, Subscriber.Status.UNSUBSCRIBED)],
)
def test_who_confirmed_again_since_stays_unless_it_was_a_complaint(kind: Kind, status: str) -> None:
    reader = SubscriberFactory(confirmed_at=MORNING - DAY)
    heard(kind, sent_delivery(reader, MORNING - 9 * DAY), MORNING - 7 * DAY)
    application.apply_events()
    reader.refresh_from_db()
    assert reader.status == status


def test_a_complaint_voids_every_letter_under_way() -> None:
    reader = SubscriberFactory()
    letter = reader.letters.create(kind=Letter.Kind.CONFIRM)
    heard(Kind.COMPLAINED, sent_delivery(reader))
    application.apply_events()
    assert not opt_in.confirm(letter, None)
    assert Letter.objects.get().used_at == MORNING


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


def test_when_a_tenth_of_a_domain_bounces_suppression_waits_and_operators_are_notified_once() -> None:
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
def test_a_domain_is_judged_by_all_its_readers_even_without_delivery_reports(status: str | None) -> None:
    batch = Batch.objects.create(lane="smtp", status=Batch.Status.DONE, position=1, started_at=MORNING,
                                 finished_at=MORNING)  # fmt: skip
    readers = [SubscriberFactory(email=f"reader{number}@large.example") for number in range(300)]
    deliveries = [sent_delivery(reader, batch=batch, status=status) for reader in readers]
    for delivery in deliveries[:25]:
        heard(Kind.BOUNCED, delivery)
    application.apply_events()
    assert Suppression.objects.count() == 25

"""When refusals of our mail pause sending, and what is said of them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.models import Delivery, ProviderEvent, SwitchChange
from digests.provider_events import application
from digests.sending import refusal_brake, switch
from newsletter import clock
from subscribers.models import Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory
from tests.factories.returns import heard, sent_delivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Kind = ProviderEvent.Kind
SetClock = Callable[[datetime], None]
GMAIL = "550 5.7.30 This mail has been blocked because DKIM does not pass. - gsmtp"
HOUR = timedelta(hours=1)


def refused(count: int, answer: str = GMAIL, at: datetime | None = None, kind: Kind = Kind.BOUNCED) -> list[Delivery]:
    """Report mails to readers at different domains as refused for a fault of ours."""
    first = Subscriber.objects.count()
    made = [
        sent_delivery(SubscriberFactory(email=f"reader{first + number}@example{number % 3}.org"))
        for number in range(count)
    ]
    for delivery in made:
        heard(kind, delivery, at or clock.now(), blame="us", answer=answer)
    return made


def delivered(count: int) -> None:
    for _ in range(count):
        heard(Kind.DELIVERED, sent_delivery())


def test_twenty_refusals_of_our_mail_in_an_hour_pause_sending_and_suppress_nobody() -> None:
    refused(19)
    application.apply_events()
    assert not switch.is_paused()
    refused(1)
    application.apply_events()
    assert switch.is_paused()
    assert not Suppression.objects.exists()


def test_the_reason_names_who_refuses_why_in_its_own_words_and_what_to_do() -> None:
    refused(20)
    application.apply_events()
    assert switch.current_permission().reason == (
        "Gmail refuses your mail because its DKIM signature is missing, broken or not of your From domain. "
        "It says: “550 5.7.30 This mail has been blocked because DKIM does not pass. - gsmtp”. "
        "20 mails at 3 domains were refused for our faults. "
        "Publish the DKIM key that your provider names, for the domain of FROM_EMAIL. "
        "“Check the setup” under “Sending”, or `manage.py check_mail`, looks at SPF, DKIM and DMARC. "
        "See https://support.google.com/mail/answer/81126. "
        "No address is suppressed for this, and the papers of those readers come with their next digest."
    )


def test_the_commonest_reason_is_told() -> None:
    refused(8, "554 5.7.1 [HM08] Message rejected due to local policy. https://support.apple.com/en-us/HT204137")
    refused(12)
    application.apply_events()
    assert switch.current_permission().reason.startswith("Gmail refuses your mail because its DKIM signature")


def test_refusals_of_two_hours_pause_nothing(set_clock: SetClock) -> None:
    refused(19)
    application.apply_events()
    set_clock(MORNING + HOUR + timedelta(minutes=1))
    refused(19)
    application.apply_events()
    assert not switch.is_paused()


def test_refusals_reported_late_pause_nothing() -> None:
    refused(30, at=MORNING - 2 * HOUR)
    application.apply_events()
    assert not switch.is_paused()


def test_several_reports_of_one_mail_count_once() -> None:
    (delivery,) = refused(1)
    for minutes in range(1, 30):
        heard(Kind.SOFT_BOUNCED, delivery, MORNING - timedelta(minutes=minutes), blame="us", answer=GMAIL)
    application.apply_events()
    assert not switch.is_paused()


def test_one_reader_with_the_envelope_addresses_of_many_digests_pauses_nothing() -> None:
    reader = SubscriberFactory()
    delivered(20)
    for day in range(25):
        heard(Kind.BOUNCED, sent_delivery(reader, MORNING - timedelta(days=day)), blame="us", answer=GMAIL)
    application.apply_events()
    assert not switch.is_paused()


def test_reports_of_erased_readers_count_as_one() -> None:
    for _ in range(25):
        delivery = sent_delivery(SubscriberFactory())
        Delivery.objects.filter(pk=delivery.pk).update(subscriber=None)
        heard(Kind.BOUNCED, delivery, address_hash="", domain="", blame="us", answer=GMAIL)
    application.apply_events()
    assert not switch.is_paused()


@pytest.mark.parametrize(("ours", "others", "is_paused"), [(10, 10, True), (9, 11, False), (10, 9, False)])
def test_half_of_the_last_twenty_reports_pause_sending(ours: int, others: int, is_paused: bool) -> None:
    delivered(others)
    refused(ours)
    application.apply_events()
    assert switch.is_paused() is is_paused


def test_without_reports_of_deliveries_a_share_tells_nothing() -> None:
    refused(10)
    for _ in range(10):
        heard(Kind.BOUNCED, sent_delivery())
    application.apply_events()
    assert not switch.is_paused()


@pytest.mark.parametrize(("answers", "is_over"), [([True] * 10 + [False] * 10, True), ([True] * 19, False)])
def test_a_share_is_of_twenty_answers(answers: list[bool], is_over: bool) -> None:
    assert refusal_brake.is_over_share(answers) is is_over


def test_the_limits_are_settings(settings: LazySettings) -> None:
    settings.PAUSE_REFUSALS = 0
    refused(30)
    application.apply_events()
    assert not switch.is_paused()
    settings.PAUSE_REFUSALS = 30
    assert refusal_brake.pause_if_refused()


def test_whoever_resumes_has_accepted_the_refusals_so_far(set_clock: SetClock) -> None:
    refused(20)
    application.apply_events()
    set_clock(MORNING + timedelta(minutes=10))
    switch.resume("Ada")
    refused(19)
    application.apply_events()
    assert not switch.is_paused()
    refused(1)
    application.apply_events()
    assert switch.is_paused()
    assert SwitchChange.objects.filter(act=SwitchChange.Act.PAUSED).count() == 2


def test_what_the_provider_itself_refuses_is_told_as_the_providers() -> None:
    refused(20, "subject is too odd", kind=Kind.REJECTED)
    application.apply_events()
    reason = switch.current_permission().reason
    assert reason.startswith("Postmark refuses your mail for a reason of its own. It says: “subject is too odd”.")

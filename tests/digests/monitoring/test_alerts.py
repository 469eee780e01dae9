from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import redis
from django.conf import LazySettings

from digests.models import Alert, Delivery, Notice
from digests.monitoring import alerts, notices
from digests.sending import switch
from newsletter import clock
from newsletter.mail.throttle import Pace
from newsletter.papers.models import Source
from subscribers.models import Letter
from tests.digests.monitoring.listening import Listener, listening
from tests.factories import MORNING, SourceFactory, SubscriberFactory
from tests.factories.returns import heard, sent_delivery
from tests.provider import sent
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "operator@example.org")]


@pytest.fixture(autouse=True)
def webhook(settings: LazySettings) -> Iterator[Listener]:
    with listening() as listener:
        settings.ALERT_WEBHOOK = listener.url
        yield listener


@pytest.fixture(autouse=True)
def pace(settings: LazySettings) -> Iterator[None]:
    """A pace that nobody used before."""
    settings.SEND_BREAKER_FAILURES = 1
    url = settings.REDIS_URL
    forget_pace(url)
    yield
    forget_pace(url)


def forget_pace(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("pace:*"):
            client.delete(key)


def subjects() -> list[str]:
    """Return what operators have been mailed, without the publication's name."""
    return [mail.subject.partition(": ")[2] for mail in sent()]


def rounds(set_clock: SetClock, count: int = 20) -> None:
    """Let as many rounds pass, a minute each."""
    for _ in range(count):
        alerts.update_alerts()
        notices.deliver_notices()
        set_clock(clock.now() + MINUTE)


def test_no_alert_is_sent_while_everything_works(set_clock: SetClock, webhook: Listener) -> None:
    sent_delivery()
    rounds(set_clock)
    assert sent() == webhook.heard == []


def test_a_refused_signature_alerts_once_and_is_over_after_a_day(set_clock: SetClock) -> None:
    heard("other", put_aside="refused", applied_at=MORNING)
    rounds(set_clock)
    assert subjects() == ["a provider’s signature came again, with other content or too late"]
    set_clock(clock.now() + DAY)
    rounds(set_clock)
    assert subjects()[1:] == ["over: no signature has come again for a day"]


def test_an_automatic_pause_alerts_once_when_it_begins_and_once_when_it_ends(
    set_clock: SetClock, webhook: Listener
) -> None:
    switch.pause(switch.BY_ITSELF, "0.20 % called it spam.")
    rounds(set_clock)
    assert subjects() == ["sending has paused itself"]
    assert "0.20 % called it spam." in sent()[0].body
    switch.resume("Ada")
    rounds(set_clock)
    over = "over: sending had paused itself, and goes on"
    assert subjects() == ["sending has paused itself", over]
    assert [post["title"] for post in webhook.heard] == [
        "Paper Round: sending has paused itself",
        f"Paper Round: {over}",
    ]


def test_a_pause_by_hand_is_no_news(set_clock: SetClock) -> None:
    switch.pause("Ada", "A wrong link.")
    rounds(set_clock)
    assert sent() == []


def test_a_second_pause_alerts_right_after_the_first(set_clock: SetClock) -> None:
    switch.pause(switch.BY_ITSELF, "Two complained.")
    rounds(set_clock, 1)
    switch.resume("Ada")
    switch.pause(switch.BY_ITSELF, "Four complained.")
    rounds(set_clock, 1)
    assert ["complained." in mail.body for mail in sent()] == [True, True]
    assert "Four complained." in sent()[1].body


def test_a_restored_database_alerts_and_says_how_to_go_on(set_clock: SetClock) -> None:
    switch.raise_epoch()
    switch._hold("This database is older than what was sent from it.")
    rounds(set_clock)
    assert subjects() == ["nothing is sent until you say so"]
    assert "allow_sending" in sent()[0].body
    switch.allow("Ada")
    rounds(set_clock)
    assert subjects()[1:] == ["over: sending is allowed again"]


def fail() -> None:
    with Pace("digests").call(1) as turn:
        turn.failed()


def mend(settings: LazySettings) -> None:
    """Close the breaker by a trial that works, its rest being over."""
    settings.SEND_BREAKER_SECONDS = 0
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.hset(f"pace:{{{settings.EMAIL_PROVIDER}}}:breaker", "shut_until", "1")
    with Pace("digests").call(1) as turn:
        turn.accepted()


def test_an_open_breaker_alerts_and_a_flapping_one_is_one_trouble(set_clock: SetClock, settings: LazySettings) -> None:
    for _ in range(3):
        fail()
        rounds(set_clock, 2)
        mend(settings)
        rounds(set_clock, 2)
    assert subjects() == ["mailbox fails, and mail waits"]
    rounds(set_clock)
    assert subjects()[1:] == ["over: mailbox works again"]


def test_a_breaker_alert_stays_open_while_redis_is_down(set_clock: SetClock, settings: LazySettings) -> None:
    fail()
    rounds(set_clock, 1)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    switch.pause(switch.BY_ITSELF, "Two complained.")
    rounds(set_clock)
    assert subjects() == ["mailbox fails, and mail waits", "sending has paused itself"]


def test_a_source_in_trouble_is_posted_and_mailed_only_by_papers(set_clock: SetClock, webhook: Listener) -> None:
    SourceFactory(
        name="arXiv cs.RO", failure_count=4, last_error="The server answered 500.", last_success_at=MORNING - 2 * DAY
    )
    rounds(set_clock)
    assert sent() == []
    assert [post["title"] for post in webhook.heard] == ["Paper Round: the source “arXiv cs.RO” brings nothing"]
    assert "The server answered 500." in webhook.heard[0]["text"]
    Source.objects.update(failure_count=0, last_success_at=MORNING)
    rounds(set_clock)
    assert subjects() == ["over: the source “arXiv cs.RO” brings papers again"]


def test_deliveries_uncertain_for_an_hour_alert_until_settled(set_clock: SetClock) -> None:
    for _ in range(2):
        sent_delivery(status=Delivery.Status.UNCERTAIN)
    set_clock(MORNING + HOUR)
    alerts.update_alerts()
    assert not Alert.objects.exists()
    set_clock(MORNING + HOUR + MINUTE)
    rounds(set_clock)
    assert subjects() == ["2 deliveries are uncertain"]
    assert "/admin/digests/delivery/?status__exact=uncertain" in sent()[0].body
    Delivery.objects.update(status=Delivery.Status.SENT)
    rounds(set_clock)
    assert subjects()[1:] == ["over: no delivery is uncertain any more"]


def test_a_letter_held_by_a_vanished_worker_alerts(set_clock: SetClock) -> None:
    reader = SubscriberFactory()
    Letter.objects.create(subscriber=reader, kind="confirm", status=Letter.Status.SENDING)
    # Had to wait, and is under way since.
    Letter.objects.create(
        subscriber=reader, kind="confirm", status=Letter.Status.SENDING, not_before=MORNING + 10 * MINUTE
    )
    set_clock(MORNING + 11 * MINUTE)
    rounds(set_clock, 2)
    assert subjects() == ["1 letter is stuck"]
    assert reader.canonical not in sent()[0].body
    Letter.objects.update(status=Letter.Status.SENT)
    rounds(set_clock)
    assert subjects()[1:] == ["over: no letter is stuck any more"]


def test_the_same_trouble_later_is_a_new_one(set_clock: SetClock) -> None:
    for _ in range(2):
        delivery = sent_delivery(status=Delivery.Status.UNCERTAIN, slot=clock.now(), made_at=clock.now() - 2 * HOUR)
        rounds(set_clock)
        Delivery.objects.filter(pk=delivery.pk).update(status=Delivery.Status.SENT)
        rounds(set_clock)
    assert len(subjects()) == 4
    assert Alert.objects.exclude(over_at=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_tell_of_a_trouble_once(set_clock: SetClock, settings: LazySettings) -> None:
    sent_delivery(status=Delivery.Status.UNCERTAIN, made_at=MORNING - 2 * HOUR)
    troubles = {trouble.key: trouble for trouble in alerts.find_uncertain_deliveries()}

    at_once(*[lambda: alerts.update_alerts_of_kind(Alert.Kind.UNCERTAIN, troubles)] * 4)
    assert Alert.objects.count() == Notice.objects.count() == 1

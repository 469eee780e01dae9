"""People sign up while digests take all of the pace that is theirs; the letters' worker is a process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.conf import LazySettings

from newsletter.celery import app
from newsletter.mail.throttle import Pace, Wait
from subscribers import tasks
from subscribers.models import Letter, SignupRequest
from tests.factories import TopicFactory
from tests.flows.letters import clicks, letters_worker, sign_up
from tests.outside.provider import providing
from tests.product import wait_until
from tests.provider import sent

pytestmark = [pytest.mark.flow, pytest.mark.django_db(transaction=True)]
COUNT = 20


@contextmanager
def busy_digests() -> Iterator[None]:
    """Hold every call that digests may make at once: none of theirs has been answered yet."""
    pace = Pace("digests")
    with ExitStack() as stack:
        for _ in range(pace.limits.calls_of_lane):
            stack.enter_context(pace.call(1))
        assert is_saturated(pace)
        yield
        assert is_saturated(pace)


def is_saturated(pace: Pace) -> bool:
    try:
        with pace.call(1):
            return False
    except Wait:
        return True


@pytest.mark.real_clock
def test_who_signs_up_is_mailed_while_digests_take_all_that_is_theirs(settings: LazySettings) -> None:
    TopicFactory(slug="vision")
    pace = {"SEND_RATE": "200", "LETTERS_SHARE": "0.1", "SEND_CALLS_AT_ONCE": "2"}
    with providing("postmark") as provider, letters_worker(provider.environment | pace):
        settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "postmark"
        settings.SEND_RATE, settings.LETTERS_SHARE, settings.SEND_CALLS_AT_ONCE = 200.0, 0.1, 2
        with busy_digests():
            for number in range(COUNT):
                sign_up(f"reader{number}@example.org")
            wait_until(
                lambda: len(provider.accepted()) == COUNT, lambda: f"{Letter.objects.values('status', 'error')}"
            )
        assert sorted(int(entry.metadata["letter"]) for entry in provider.accepted()) == sorted(clicks())
        assert len({entry.address for entry in provider.accepted()}) == COUNT


@contextmanager
def without_a_broker() -> Iterator[None]:
    """Queue where no Redis listens."""
    there, app.conf.broker_url = app.conf.broker_url, "redis://127.0.0.1:1/0"
    app.amqp._producer_pool = None
    try:
        yield
    finally:
        app.conf.broker_url = there
        app.amqp._producer_pool = None


def test_who_signs_up_while_redis_is_away_is_answered_and_mailed_later() -> None:
    TopicFactory(slug="vision")
    with without_a_broker():
        sign_up("ada@example.org")
        assert sent() == []
    tasks.answer_signup(SignupRequest.objects.get().pk)
    assert [message.to for message in sent()] == [["ada@example.org"]]

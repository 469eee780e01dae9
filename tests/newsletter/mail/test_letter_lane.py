from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPAuthenticationError

import pytest
from anymail.message import AnymailMessage
from django.conf import LazySettings

from newsletter.mail import letter_lane, provider_answer
from newsletter.mail import message as mail
from newsletter.mail.throttle import Pace, Wait
from tests.factories import MORNING
from tests.provider import answering, http_error, sent

SetClock = Callable[[datetime], None]


def message() -> AnymailMessage:
    return mail.build("ada@example.org", "A link", "Read.\n", "<p>Read.</p>", tag="confirm")


def send() -> provider_answer.SendOutcome:
    with letter_lane.take_turn() as lane:
        return lane.hand_over(message())


def why_it_waits() -> str:
    with pytest.raises(Wait) as caught:
        send()
    return caught.value.why


def test_a_mail_goes_to_the_letters_provider_and_into_their_stream(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER, settings.EMAIL_BACKEND = "mailgun", "anymail.backends.mailgun.EmailBackend"
    settings.EMAIL_LETTERS_PROVIDER, settings.LETTERS_STREAM = "postmark", "links"
    assert send().is_accepted
    assert sent()[0].anymail_test_params["MessageStream"] == "links"


def test_a_mail_by_smtp_is_named_after_the_publication_and_elsewhere_by_the_provider(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER = "mailgun", "smtp"
    send()
    settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER = "smtp", "mailgun"
    send()
    by_smtp, by_mailgun = (one.extra_headers for one in sent())
    assert by_smtp["Message-ID"].endswith("@paper-round.invalid>")
    assert "Message-ID" not in by_mailgun


def test_the_pause_that_a_provider_asks_for_is_kept_by_everybody(set_clock: SetClock) -> None:
    with answering(http_error(429, Retry_After="90")):
        assert send().wait == timedelta(seconds=90)
    assert why_it_waits() == "pause"
    set_clock(MORNING + timedelta(seconds=90))
    assert send().is_accepted


@pytest.mark.usefixtures("set_clock")
def test_answers_that_are_none_open_the_breaker(settings: LazySettings) -> None:
    with answering(http_error(503)):
        for _ in range(settings.SEND_BREAKER_FAILURES):
            send()
    assert why_it_waits() == "breaker"


@pytest.mark.usefixtures("set_clock")
@pytest.mark.parametrize("error", [http_error(401), http_error(402), SMTPAuthenticationError(535, b"no")])
def test_one_answer_that_no_call_will_pass_opens_the_breaker(error: Exception) -> None:
    with answering(error):
        assert send().is_worth_repeating
    assert why_it_waits() == "breaker"


@pytest.mark.usefixtures("set_clock")
def test_a_refused_mail_says_nothing_against_the_provider(settings: LazySettings) -> None:
    with answering(http_error(422)):
        for _ in range(settings.SEND_BREAKER_FAILURES + 1):
            assert send().is_refused


@pytest.mark.usefixtures("set_clock")
@pytest.mark.parametrize(("said", "why"), [("This address looks odd", ""), ("Your account is closed", "breaker")])
def test_letters_count_as_refused_for_our_fault_only_where_the_answer_says_so(
    settings: LazySettings, said: str, why: str
) -> None:
    error = http_error(422)
    error.response._content = said.encode()
    with answering(error):
        for _ in range(settings.SEND_BREAKER_FAILURES):
            assert send().is_refused
    if why:
        assert why_it_waits() == why
    else:
        assert send().is_accepted


def test_a_call_that_was_not_made_closes_no_breaker(set_clock: SetClock, settings: LazySettings) -> None:
    with answering(http_error(503)):
        for _ in range(settings.SEND_BREAKER_FAILURES):
            send()
    set_clock(MORNING + timedelta(seconds=settings.SEND_BREAKER_SECONDS))
    settings.POSTAL_ADDRESS = " "
    assert send().is_refused
    assert Pace("letters").state().is_open


@pytest.mark.real_clock
def test_a_short_wait_is_waited_for(settings: LazySettings) -> None:
    settings.SEND_RATE, settings.LETTERS_SHARE = 200.0, 0.1
    assert all(send().is_accepted for _ in range(8))  # 20 a second


@pytest.mark.usefixtures("set_clock")
def test_digests_that_take_all_their_calls_leave_one_to_letters(settings: LazySettings) -> None:
    settings.SEND_CALLS_AT_ONCE = 2
    with Pace("digests").call(1):
        with pytest.raises(Wait), Pace("digests").call(1):
            pass
        assert send().is_accepted


@pytest.mark.usefixtures("set_clock")
def test_a_long_wait_is_not_waited_for(settings: LazySettings) -> None:
    settings.SEND_DAILY_CAP = 1
    send()
    assert why_it_waits() == "day"


@pytest.mark.usefixtures("set_clock")
def test_the_day_that_redis_forgot_is_asked_for(settings: LazySettings) -> None:
    settings.SEND_DAILY_CAP = 100
    with pytest.raises(Wait, match="day"), letter_lane.take_turn(lambda: 100):
        pass

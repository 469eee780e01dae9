from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_string, policy
from functools import partial
from pathlib import Path

import pytest
from anymail.exceptions import AnymailAPIError
from anymail.signals import pre_send
from django.conf import LazySettings

from digests.models import SendingSwitch
from digests.sending import sent_today, switch
from newsletter.mail import letter_lane
from newsletter.mail.return_address import Purpose, find_tokens, read_token
from newsletter.mail.throttle import Wait
from newsletter.mailbox import store
from subscribers import letters, tasks, tokens
from subscribers.models import Letter, Subscriber, Suppression
from subscribers.subscription import opt_in
from tests.factories import MORNING, SubscriberFactory
from tests.provider import answering, http_error, sent
from tests.rivals import at_once
from tests.smtp_server import serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
PENDING = Subscriber.Status.PENDING
SMTP = "django.core.mail.backends.smtp.EmailBackend"
NOBODY = "redis://127.0.0.1:1/0"  # no Redis listens there


@pytest.fixture
def letter() -> Letter:
    reader = SubscriberFactory(email="Ada@Example.org", status=PENDING)
    return Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM)


def fresh(letter: Letter) -> Letter:
    return Letter.objects.select_related("subscriber__preferences").get(pk=letter.pk)


def test_a_sent_letter_knows_when_and_the_providers_id(letter: Letter, settings: LazySettings) -> None:
    settings.EMAIL_LETTERS_BACKEND = "newsletter.mailbox.backend.EmailBackend"
    letters.send(letter)
    sent = fresh(letter)
    assert (sent.status, sent.sent_at) == (Letter.Status.SENT, MORNING)
    kept = store.find(sent.provider_id)
    assert kept is not None
    assert kept.to == "ada@example.org"


def test_the_confirmation_says_what_it_is_and_holds_its_link_in_both_parts(
    letter: Letter, settings: LazySettings
) -> None:
    settings.SITE_URL = "https://papers.example.org"
    letters.send(letter)
    message = sent()[0]
    html = message.alternatives[0][0]
    assert message.subject == "Confirm your subscription to Paper Round"
    for part in (message.body, html):
        assert "https://papers.example.org/confirm/" in part
        assert "72 hours" in part
        assert "Ada@Example.org" in part
        assert settings.POSTAL_ADDRESS in part
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert message.tags == ["confirm"]


def test_a_letter_by_smtp_returns_to_an_address_of_its_own(letter: Letter, settings: LazySettings) -> None:
    settings.EMAIL_LETTERS_PROVIDER, settings.EMAIL_LETTERS_BACKEND = "smtp", SMTP
    settings.BOUNCE_ADDRESS, settings.DEFAULT_FROM_EMAIL = "bounces@example.org", "Größe <papers@example.org>"
    with serving() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        letters.send(letter)
    (envelope,) = [line for line in server.commands if line.startswith("mail FROM")]
    (token,) = find_tokens(envelope)
    returned = read_token(token)
    assert returned is not None
    assert (returned.purpose, returned.pk) == (Purpose.LETTER, letter.pk)
    assert returned.is_of(letter.subscriber.address_hash)
    (message,) = server.messages
    assert message_from_string(message, policy=policy.default)["From"] == settings.DEFAULT_FROM_EMAIL


def test_the_link_in_the_mail_is_the_one_that_is_stored_as_a_hash(letter: Letter) -> None:
    letters.send(letter)
    token = sent()[0].body.partition("/confirm/")[2].partition("/")[0]
    assert token
    assert tokens.hash_token(token) == fresh(letter).token_hash


def test_the_letter_to_a_subscribed_reader_leads_to_the_choices() -> None:
    reader = SubscriberFactory()
    letters.send(reader.letters.create(kind=Letter.Kind.PREFERENCES))
    message = sent()[0]
    assert message.subject == "You are already subscribed to Paper Round"
    for part in (message.body, message.alternatives[0][0]):
        assert letters.preferences_path(reader) in part
        assert "/confirm/" not in part


def test_a_letter_is_sent_once(letter: Letter) -> None:
    letters.send(fresh(letter))
    letters.send(fresh(letter))
    assert len(sent()) == 1


def test_a_worker_with_an_old_look_at_a_letter_sends_no_second_one(letter: Letter) -> None:
    old = fresh(letter)
    letters.send(fresh(letter))
    letters.send(old)
    assert len(sent()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one_letter(letter: Letter) -> None:
    at_once(*[partial(letters.send, fresh(letter)) for _ in range(2)])
    assert len(sent()) == 1
    assert fresh(letter).status == Letter.Status.SENT


def test_a_pause_the_provider_asks_for_is_kept_and_then_the_letter_leaves(letter: Letter, set_clock: SetClock) -> None:
    with answering(http_error(429, Retry_After="120")):
        letters.send(fresh(letter))
    assert fresh(letter).status == Letter.Status.PLANNED
    assert letters.due_letter_ids() == []
    letters.send(fresh(letter))  # a second task for it, queued before
    assert sent() == []

    set_clock(MORNING + timedelta(seconds=120))
    assert letters.due_letter_ids() == [letter.pk]
    letters.send(fresh(letter))
    assert fresh(letter).status == Letter.Status.SENT
    assert len(sent()) == 1


def test_a_letter_sent_after_a_pause_holds_a_link_that_works(letter: Letter, set_clock: SetClock) -> None:
    with answering(http_error(429)):
        letters.send(fresh(letter))
    set_clock(MORNING + timedelta(hours=1))
    letters.send(fresh(letter))
    token = sent()[0].body.partition("/confirm/")[2].partition("/")[0]
    assert tokens.hash_token(token) == fresh(letter).token_hash


def test_a_letter_the_provider_refuses_has_failed_and_says_why(letter: Letter) -> None:
    with answering(http_error(422)):
        letters.send(letter)
    failed = fresh(letter)
    assert failed.status == Letter.Status.FAILED
    assert "422" in failed.error


@pytest.mark.parametrize("error", [http_error(503), AnymailAPIError("unreadable"), TimeoutError("read timed out")])
def test_after_an_unclear_answer_no_second_copy_is_sent(letter: Letter, error: Exception) -> None:
    with answering(error):
        letters.send(fresh(letter))
    letters.send(fresh(letter))
    assert fresh(letter).status == Letter.Status.FAILED
    assert letters.due_letter_ids() == []
    assert sent() == []


def test_a_suppressed_address_gets_no_letter(letter: Letter) -> None:
    Suppression.objects.create(address_hash=letter.subscriber.address_hash, reason=Suppression.Reason.COMPLAINT)
    letters.send(letter)
    assert sent() == []
    assert fresh(letter).status == Letter.Status.SKIPPED


def test_nothing_is_mailed_without_a_postal_address(letter: Letter, settings: LazySettings) -> None:
    settings.POSTAL_ADDRESS = " "
    letters.send(letter)
    assert sent() == []
    assert "POSTAL_ADDRESS" in fresh(letter).error


def test_letters_wait_oldest_first() -> None:
    reader = SubscriberFactory()
    made = [reader.letters.create(kind=Letter.Kind.PREFERENCES) for _ in range(3)]
    made[1].move_to(Letter.Status.SENDING, sending_at=MORNING)
    assert letters.due_letter_ids() == [made[0].pk, made[2].pk]


def test_the_task_sends_the_letter_it_is_given(letter: Letter) -> None:
    tasks.send_letter(letter.pk)
    assert fresh(letter).status == Letter.Status.SENT


def test_a_letter_asked_for_too_long_ago_is_not_sent(letter: Letter, set_clock: SetClock) -> None:
    set_clock(MORNING + opt_in.CONFIRMATION_LIFETIME + timedelta(seconds=1))
    letters.send(letter)
    assert sent() == []
    assert (fresh(letter).status, fresh(letter).error) == (Letter.Status.SKIPPED, "it was requested too long ago")


def test_nothing_leaves_a_database_that_may_be_a_backup(
    letter: Letter, settings: LazySettings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    switch.raise_epoch()
    SendingSwitch.objects.update(epoch=0, hold_reason="This database is older than what was sent from it.")
    tasks.send_letter(letter.pk)
    tasks.sweep_letters()
    assert sent() == []
    assert letters.due_letter_ids() == [letter.pk]

    switch.allow("Ada")
    tasks.send_letter(letter.pk)
    assert len(sent()) == 1


def test_letters_go_on_while_digests_are_paused(letter: Letter) -> None:
    switch.pause("Ada", "Stop.")
    tasks.send_letter(letter.pk)
    assert len(sent()) == 1


def test_while_redis_is_away_a_letter_waits_and_then_leaves(
    letter: Letter, settings: LazySettings, set_clock: SetClock
) -> None:
    there, settings.REDIS_URL = settings.REDIS_URL, NOBODY
    letters.send(letter)
    waiting = fresh(letter)
    assert (waiting.status, waiting.sending_at, sent()) == (Letter.Status.PLANNED, None, [])
    assert "Redis does not answer" in waiting.error
    assert letters.due_letter_ids() == []

    settings.REDIS_URL = there
    set_clock(MORNING + timedelta(seconds=5))
    assert letters.due_letter_ids() == [letter.pk]
    letters.send(fresh(letter))
    assert (fresh(letter).status, fresh(letter).error, len(sent())) == (Letter.Status.SENT, "", 1)


def test_a_letter_that_waits_for_its_pace_is_not_taken_from_a_rival_who_has_it(letter: Letter) -> None:
    stale = fresh(letter)
    letter.move_to(Letter.Status.SENDING, sending_at=MORNING)
    letters.wait_for(stale, Wait(timedelta(seconds=5), "rate"))
    assert fresh(letter).status == Letter.Status.SENDING


def test_what_a_vanished_worker_had_in_hand_has_failed_and_is_not_sent_again(
    letter: Letter, set_clock: SetClock
) -> None:
    letter.move_to(Letter.Status.SENDING, sending_at=MORNING)
    set_clock(MORNING + letters.LOST_AFTER)
    letters.sweep()
    assert fresh(letter).status == Letter.Status.SENDING

    set_clock(MORNING + letters.LOST_AFTER + timedelta(seconds=1))
    assert letters.sweep() == []
    assert (fresh(letter).status, fresh(letter).error) == (Letter.Status.FAILED, letters.VANISHED)
    letters.send(fresh(letter))
    assert sent() == []


def test_a_worker_that_was_taken_for_lost_still_says_what_it_knows(letter: Letter, set_clock: SetClock) -> None:
    token = tokens.random_token()
    message = letters.message_of(letter, token)

    def be_late(sender: object, **_: object) -> None:
        set_clock(MORNING + timedelta(hours=1))
        letters.sweep()
        assert fresh(letter).status == Letter.Status.FAILED

    pre_send.connect(be_late)
    try:
        with letter_lane.take_turn() as lane:
            letters.hand_over(letter, token, message, lane)
    finally:
        pre_send.disconnect(be_late)
    assert (fresh(letter).status, fresh(letter).error) == (Letter.Status.SENT, "")


@pytest.mark.usefixtures("worker")
def test_the_sweep_sends_letters_that_were_forgotten(letter: Letter) -> None:
    tasks.sweep_letters()
    assert fresh(letter).status == Letter.Status.SENT


def test_a_letter_counts_among_the_mails_of_its_providers_day(letter: Letter, settings: LazySettings) -> None:
    letters.send(letter)
    assert sent_today.count_sent_today() == 1
    settings.EMAIL_LETTERS_PROVIDER = "postmark"
    assert sent_today.count_sent_today() == 0

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from anymail.exceptions import AnymailAPIError
from django.conf import LazySettings
from django.db import connection

from newsletter.mailbox import store
from subscribers import letters, tasks, tokens
from subscribers.models import Letter, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory
from tests.provider import answering, http_error, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
PENDING = Subscriber.Status.PENDING


@pytest.fixture
def letter() -> Letter:
    reader = SubscriberFactory(email="Ada@Example.org", status=PENDING)
    return Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM)


def fresh(letter: Letter) -> Letter:
    return Letter.objects.select_related("subscriber__preferences").get(pk=letter.pk)


def test_a_sent_letter_knows_when_and_the_providers_id(letter: Letter, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "newsletter.mailbox.backend.EmailBackend"
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


def test_the_link_in_the_mail_is_the_one_that_is_stored_as_a_hash(letter: Letter) -> None:
    letters.send(letter)
    token = sent()[0].body.partition("/confirm/")[2].partition("/")[0]
    assert token
    assert tokens.hash_token(token) == fresh(letter).token_hash


def test_the_letter_to_a_subscribed_reader_leads_to_the_choices() -> None:
    reader = SubscriberFactory()
    letters.send(reader.letters.create(kind=Letter.Kind.PREFERENCES))
    message = sent()[0]
    assert message.subject == "You are subscribed to Paper Round already"
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
    start = threading.Barrier(2)

    def work() -> None:
        mine = fresh(letter)
        start.wait(10)
        letters.send(mine)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert len(sent()) == 1
    assert fresh(letter).status == Letter.Status.SENT


def test_a_pause_the_provider_asks_for_is_kept_and_then_the_letter_leaves(letter: Letter, set_clock: SetClock) -> None:
    with answering(http_error(429, Retry_After="120")):
        letters.send(fresh(letter))
    assert fresh(letter).status == Letter.Status.PLANNED
    assert letters.waiting() == []
    letters.send(fresh(letter))  # a second task for it, queued before
    assert sent() == []

    set_clock(MORNING + timedelta(seconds=120))
    assert letters.waiting() == [letter.pk]
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
    assert letters.waiting() == []
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
    made[1].move_to(Letter.Status.SENDING)
    assert letters.waiting() == [made[0].pk, made[2].pk]


def test_the_task_sends_the_letter_it_is_given(letter: Letter) -> None:
    tasks.send_letter(letter.pk)
    assert fresh(letter).status == Letter.Status.SENT

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from anymail.exceptions import AnymailRequestsAPIError
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import transaction

from digests.models import Notice
from digests.monitoring import notices
from newsletter import clock
from tests.digests.monitoring.listening import Listener, listening
from tests.factories import MORNING
from tests.provider import answering, http_error, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "one@example.org"), ("", "two@example.org")]


@pytest.fixture
def webhook(settings: LazySettings) -> Iterator[Listener]:
    with listening() as listener:
        settings.ALERT_WEBHOOK = listener.url
        yield listener


def test_operators_are_mailed_and_the_webhook_is_posted_to_once(webhook: Listener, settings: LazySettings) -> None:
    notices.notify_operators("a thing happened", "It is so.", "Do this.", page="admin:digests_batch_changelist")
    notices.deliver_notices()
    notices.deliver_notices()
    url = f"{settings.SITE_URL}/admin/digests/batch/"
    assert [mail.to for mail in sent()] == [["one@example.org"], ["two@example.org"]]
    assert sent()[0].subject == "Paper Round: a thing happened"
    assert "It is so.\n\nDo this." in sent()[0].body
    assert url in sent()[0].body
    assert webhook.heard == [{"title": "Paper Round: a thing happened", "text": "It is so.\n\nDo this.", "url": url}]


def test_the_webhook_gets_no_links_in_disguise(webhook: Listener) -> None:
    notices.notify_operators(
        "<!channel>", "It says: “550 <https://example.org|log in> [log in](https://example.org)”."
    )
    notices.deliver_notices()
    (posted,) = webhook.heard
    assert posted["title"] == "Paper Round: ‹!channel›"
    assert posted["text"] == "It says: “550 ‹https://example.org|log in› [log in] (https://example.org)”."


def test_a_rolled_back_notice_is_sent_to_nobody(webhook: Listener) -> None:
    with transaction.atomic():
        notices.notify_operators("a thing happened")
        transaction.set_rollback(True)
    notices.deliver_notices()
    assert sent() == webhook.heard == []


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_webhook_that_fails_is_tried_again_and_nobody_is_mailed_twice(
    webhook: Listener, set_clock: SetClock, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    webhook.status = status
    notices.notify_operators("a thing happened")
    notices.deliver_notices()
    assert f"127.0.0.1 answered {status}" in caplog.text
    assert "a-secret-path" not in caplog.text
    notices.deliver_notices()
    assert len(webhook.heard) == 1

    webhook.status = 200
    set_clock(MORNING + MINUTE)
    notices.deliver_notices()
    set_clock(MORNING + 2 * MINUTE)
    notices.deliver_notices()
    assert len(webhook.heard) == 2
    assert len(sent()) == 2


def test_a_webhook_that_nobody_answers_is_tried_again(webhook: Listener, settings: LazySettings) -> None:
    with listening() as gone:
        settings.ALERT_WEBHOOK = gone.url
    notices.notify_operators("a thing happened")
    notices.deliver_notices()
    assert Notice.objects.filter(told_at=None, is_to_post=True, to_mail=[]).count() == 1


@pytest.mark.parametrize("error", [http_error(429), http_error(503), http_error(400)])
def test_mail_that_may_not_have_left_is_tried_again(set_clock: SetClock, error: AnymailRequestsAPIError) -> None:
    notices.notify_operators("a thing happened")
    with answering(error, once=True):
        notices.deliver_notices()
    assert [mail.to for mail in sent()] == [["two@example.org"]]
    set_clock(MORNING + MINUTE)
    notices.deliver_notices()
    assert [mail.to for mail in sent()] == [["two@example.org"], ["one@example.org"]]


def test_an_address_that_is_none_is_tried_once(set_clock: SetClock) -> None:
    error = http_error(400)
    error.response._content = b"Invalid recipient"
    notices.notify_operators("a thing happened")
    with answering(error, once=True):
        notices.deliver_notices()
    set_clock(MORNING + MINUTE)
    notices.deliver_notices()
    assert [mail.to for mail in sent()] == [["two@example.org"]]


def test_after_a_day_a_notice_is_given_up(webhook: Listener, set_clock: SetClock) -> None:
    webhook.status = 500
    notices.notify_operators("a thing happened")
    set_clock(MORNING + timedelta(days=1, seconds=1))
    notices.deliver_notices()
    assert Notice.objects.get().told_at == clock.now()


def test_what_fails_for_hours_is_tried_a_few_times_only(webhook: Listener, set_clock: SetClock) -> None:
    webhook.status = 500
    notices.notify_operators("a thing happened")
    for minutes in range(8 * 60):
        set_clock(MORNING + minutes * MINUTE)
        notices.deliver_notices()
    assert 5 < len(webhook.heard) < 15


def test_without_named_operators_all_staff_are_notified(settings: LazySettings) -> None:
    settings.ADMINS = []
    User.objects.create_user("ada", "ada@example.org", is_staff=True)
    notices.notify_operators("a thing happened")
    notices.deliver_notices()
    assert [mail.to for mail in sent()] == [["ada@example.org"]]

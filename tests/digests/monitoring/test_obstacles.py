"""What keeps digests from their readers, in words that say what happened, what it means and what to do."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.test import override_settings

from digests.models import Assembly, Batch, Delivery
from digests.monitoring import alerts, notices, obstacles, system_checks
from digests.monitoring.obstacles import find_obstacles
from digests.sending import switch
from newsletter.mail.throttle import Pace
from tests.factories import MORNING
from tests.factories.returns import heard, sent_delivery
from tests.ports import free_port
from tests.provider import sent
from tests.queries import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "operator@example.org")]
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "mailgun"


def fail(reason: str, times: int = 5) -> None:
    for _ in range(times):
        with Pace("digests").call(1) as turn:
            turn.failed(reason)


def waiting(count: int, expires_at: datetime) -> None:
    batch = Batch.objects.create()
    for _ in range(count):
        sent_delivery(batch=batch)
    Delivery.objects.filter(batch=batch).update(call_no=1, expires_at=expires_at)


def test_while_all_is_well_nothing_keeps_digests_back() -> None:
    assert find_obstacles() == []


def test_a_pause_says_its_reason() -> None:
    switch.pause("Ada", "The issue is wrong.")
    assert [str(one) for one in find_obstacles()] == ["No digest is sent. The issue is wrong."]


def test_a_breaker_says_why_the_provider_takes_nothing_and_what_to_do() -> None:
    fail("The provider does not accept our key (401).")
    (one,) = find_obstacles()
    assert one.headline.startswith("mailgun has taken no mail since ")
    assert one.text == (
        "The provider does not accept our key (401). "
        "Compare the key in the settings with the one that the provider shows, and start the workers anew. "
        "One call in 60 seconds tries whether it works again; all else waits. Nothing is lost, but a digest that "
        "waits for 12 hours is left out, and its papers come with the next."
    )


def test_the_line_on_every_page_says_what_happened_and_what_to_do() -> None:
    fail("The provider does not accept our key (401).")
    (one,) = find_obstacles()
    assert one.line.removeprefix(one.headline) == (
        " The provider does not accept our key (401). "
        "Compare the key in the settings with the one that the provider shows, and start the workers anew."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("The provider wants to be paid first (402).", "Pay the provider's bill"),
        ("The provider does not let our account send (403).", "it may be suspended"),
        ("The provider does not know our account or domain (404).", "Compare the sending domain"),
        ("The mail server does not know our password (535).", "Compare the name and password in EMAIL_URL"),
        ("The mail server does not send mail for us.", "Compare the name and password in EMAIL_URL, and FROM_EMAIL"),
        ("The provider refused it (400).", "Read its answer"),
        ("", "Look at the provider’s status page"),
    ],
)
def test_each_reason_of_a_breaker_has_something_to_do(reason: str, words: str) -> None:
    assert obstacles.advise_on_failure(reason).startswith(words) or words in obstacles.advise_on_failure(reason)


def test_a_provider_that_works_again_is_no_obstacle(settings: LazySettings) -> None:
    settings.SEND_BREAKER_SECONDS = 0
    fail("It broke.")
    with Pace("digests").call(1) as turn:
        turn.accepted()
    assert find_obstacles() == []
    assert Pace("digests").state().reason == ""


def test_while_redis_is_away_nothing_is_sent() -> None:
    with override_settings(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"):
        (one,) = find_obstacles()
    assert str(one).startswith("No digest is sent. Redis does not answer")


def test_a_pause_that_the_provider_asked_for_ends_by_itself() -> None:
    Pace("digests").pause(timedelta(minutes=10))
    (one,) = find_obstacles()
    assert one.text.startswith("mailgun asked for a pause until ")
    assert one.text.endswith("They leave then by themselves; nothing is to be done.")


def use_up(settings: LazySettings, cap: int) -> None:
    settings.SEND_DAILY_CAP, settings.LETTERS_SHARE = cap, 0.01
    settings.EMAIL_LETTERS_PROVIDER = "postmark"  # so that the whole cap is for digests
    with Pace("digests", sent_today=lambda: 0).call(cap):
        pass


def test_a_cap_that_leaves_readers_waiting_says_when_they_are_served(
    settings: LazySettings, set_clock: SetClock
) -> None:
    set_clock(datetime(2026, 5, 4, 20, tzinfo=MORNING.tzinfo))
    use_up(settings, 3)
    waiting(5, datetime(2026, 5, 5, 5, tzinfo=MORNING.tzinfo))
    waiting(1, datetime(2026, 5, 4, 23, tzinfo=MORNING.tzinfo))
    (one,) = find_obstacles()
    assert str(one) == (
        "The daily cap leaves readers waiting. Today’s mails are used up, and 6 readers still wait. "
        "3 will be served from 00:00 UTC on. "
        "For 3 it will be too late by then: their papers come with their next digest. "
        "Raise SEND_DAILY_CAP or SEND_WARMUP if your provider allows more."
    )


def test_in_brief_a_cap_is_told_without_a_count_of_all_who_wait(settings: LazySettings) -> None:
    use_up(settings, 3)
    waiting(5, MORNING + 12 * HOUR)
    asked = statements(lambda: find_obstacles(is_brief=True))
    assert any("EXISTS" in sql and "digests_delivery" in sql for sql in asked)
    assert not any("count(" in sql and "digests_delivery" in sql for sql in asked)
    (one,) = find_obstacles(is_brief=True)
    assert one.line.startswith("The daily cap leaves readers waiting. Today’s mails are used up; the next leave from")


@pytest.mark.parametrize("is_brief", [True, False])
def test_a_used_up_cap_that_keeps_nobody_waiting_is_no_obstacle(settings: LazySettings, is_brief: bool) -> None:
    use_up(settings, 3)
    assert find_obstacles(is_brief=is_brief) == []


@pytest.mark.parametrize(("day", "most"), [(date(2026, 5, 3), 50), (date(2026, 5, 5), 100), (date(2026, 5, 6), 80)])
def test_tomorrows_allowance_follows_the_plan_of_a_new_domain(settings: LazySettings, day: date, most: int) -> None:
    settings.EMAIL_LETTERS_PROVIDER = "postmark"
    settings.SEND_DAILY_CAP, settings.SEND_WARMUP, settings.SEND_WARMUP_FROM = 0, [50, 100], date(2026, 5, 4)
    if most == 80:
        settings.SEND_DAILY_CAP = 80
    assert obstacles.allowance_on(datetime.combine(day, MORNING.time(), MORNING.tzinfo)) == most


@pytest.mark.parametrize(("due", "is_told"), [(9, True), (10, False)])
def test_more_than_a_tenth_of_a_days_mails_refused_is_told_however_few_they_are(due: int, is_told: bool) -> None:
    Assembly.objects.create(at=MORNING - HOUR, due=due)
    heard("rejected", sent_delivery(), MORNING - HOUR, blame="us", answer="400 no", received_at=MORNING)
    found = [str(one) for one in find_obstacles()]
    assert bool(found) is is_told
    if found:
        assert found[0].startswith("1 mail of the last day was refused. Postmark refuses your mail for a reason")


def test_operators_are_told_of_each_obstacle_once(settings: LazySettings) -> None:
    use_up(settings, 3)
    waiting(5, MORNING + 12 * HOUR)
    Assembly.objects.create(at=MORNING, due=1)
    heard("rejected", sent_delivery(), blame="us", answer="400 no")
    for _ in range(3):
        alerts.update_alerts()
    notices.deliver_notices()
    subjects = sorted(mail.subject.partition(": ")[2] for mail in sent())
    assert subjects == ["many mails are refused", "the daily cap leaves readers waiting"]


def test_a_notice_is_in_the_log_too(caplog: pytest.LogCaptureFixture) -> None:
    notices.notify_operators("mailgun fails", "It does not accept our key.")
    assert "Notice to operators: mailgun fails. It does not accept our key." in caplog.text


def test_a_notice_that_could_not_be_mailed_is_known(set_clock: SetClock) -> None:
    notices.notify_operators("mailgun fails", "It does not accept our key.")
    assert notices.undelivered_titles() == []
    set_clock(MORNING + timedelta(minutes=2))
    assert notices.undelivered_titles() == ["mailgun fails"]


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"ALERT_WEBHOOK": "https://alerts.example.org/"}, False),
        ({"EMAIL_LETTERS_PROVIDER": "postmark"}, False),
        ({"DEBUG": True}, False),
        ({"EMAIL_PROVIDER": "mailbox", "EMAIL_LETTERS_PROVIDER": "mailbox"}, False),
    ],
)
def test_check_warns_where_a_failing_provider_would_carry_its_own_notices(
    settings: LazySettings, changes: dict[str, object], is_told: bool
) -> None:
    settings.DEBUG, settings.ALERT_WEBHOOK = False, ""
    for name, value in changes.items():
        setattr(settings, name, value)
    assert [warning.id for warning in system_checks.check_way_of_notices(None)] == ["digests.W006"] * is_told

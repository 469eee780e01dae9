"""How often a provider is asked, and what follows when it does not answer."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from digests.models import ProviderLookup
from digests.monitoring import alerts, retention
from digests.provider_lookups import LOOKUPS, due, rounds
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.schedule import SCHEDULE
from tests.digests.admin.test_deliveries import words
from tests.digests.provider_lookups.asking import ASKING, ask, doubting, said, statuses
from tests.factories import MORNING
from tests.outside import faults
from tests.outside.faults import Fault, Rule
from tests.rivals import in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
WITHOUT_ANSWER: list[tuple[Rule, timedelta, str]] = [
    (faults.throttled("7", addresses=ASKING), timedelta(seconds=7), "It asked for a pause (429)."),
    (faults.failing(401, addresses=ASKING), timedelta(hours=1), "It does not accept our key for this (401)."),
    (faults.failing(403, addresses=ASKING), timedelta(hours=1), "It does not let our key or plan ask (403)."),
    (faults.failing(500, addresses=ASKING), timedelta(minutes=5), "It gave no answer (500)."),
    (faults.failing(302, addresses=ASKING), timedelta(minutes=5), "It gave no answer (302)."),
    (faults.foreign(addresses=ASKING), timedelta(minutes=5), "Its answer is not JSON."),
    (faults.cut(addresses=ASKING), timedelta(minutes=5), "It cannot be reached (ConnectionError)."),
    (
        faults.rule(Fault.BROKEN_OFF, addresses=ASKING),
        timedelta(minutes=5),
        "It cannot be reached (ChunkedEncodingError).",
    ),
]


def test_nobody_is_asked_before_the_doubt_is_five_minutes_old(settings: LazySettings, set_clock: SetClock) -> None:
    delay = settings.LOOKUP_DELAY
    assert delay == timedelta(minutes=5)
    with doubting("postmark", 1):
        settings.LOOKUP_DELAY = delay
        assert ask() == 0
        set_clock(MORNING + delay - timedelta(seconds=1))
        assert ask() == 0
        set_clock(MORNING + delay)
        assert ask() == 1


def test_a_minute_holds_no_more_calls_than_the_provider_allows(set_clock: SetClock) -> None:
    with doubting("postmark", 30):
        assert rounds.ask_providers() == LOOKUPS["postmark"].calls_a_minute == 20
        assert rounds.ask_providers() == 0  # a second task in the same minute
        set_clock(MORNING + timedelta(minutes=1))
        assert rounds.ask_providers() == 10


def test_the_task_runs_each_minute_and_its_rounds_are_a_minute_apart() -> None:
    schedule = SCHEDULE["ask providers about deliveries in doubt"]["schedule"]
    assert rounds.MINUTE < schedule == timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_two_rounds_are_never_under_way_at_once() -> None:
    with doubting("postmark", 1):
        calls: list[int] = []
        with advisory_locks.held(Lock.PROVIDER_LOOKUPS):
            assert in_another_connection(lambda: calls.append(rounds.ask_providers())) is None
        assert calls == [0]
        assert ask() == 1


def test_a_worker_that_stops_makes_no_further_call() -> None:
    with doubting("postmark", 3):
        assert rounds.ask_providers(iter([False, True]).__next__) == 1


def test_nobody_is_asked_where_the_operator_does_not_want_it(settings: LazySettings) -> None:
    settings.PROVIDER_LOOKUPS = False
    with doubting("postmark", 1):
        assert ask() == 0
    assert not ProviderLookup.objects.exists()


@pytest.mark.parametrize(("rule", "wait", "words"), WITHOUT_ANSWER, ids=lambda value: getattr(value, "fault", None))
def test_a_provider_that_does_not_answer_is_left_alone_for_a_while_and_that_is_told(
    rule: Rule, wait: timedelta, words: str, set_clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with doubting("postmark", 3) as provider:
        provider.plan(rule)
        assert ask() == 1  # not a call for each delivery
        provider.plan()
        assert said() == {words}
        assert f"Cannot ask postmark about deliveries in doubt: {words}" in caplog.text
        set_clock(MORNING + wait - timedelta(seconds=1))
        assert ask() == 0
        set_clock(MORNING + wait)
        assert ask() == 3
    assert set(statuses()) == {"sent"}


def test_the_alert_of_uncertain_deliveries_names_the_last_answer(set_clock: SetClock) -> None:
    with doubting("mailgun", 3) as provider:
        set_clock(MORNING + timedelta(hours=2))
        [trouble] = alerts.find_uncertain_deliveries()
        assert not any("was asked" in words for words in trouble.paragraphs)
        provider.plan(faults.failing(401, addresses=ASKING))
        ask()
        [trouble] = alerts.find_uncertain_deliveries()
    words = "Mailgun was asked what became of them. Its last answer: It does not accept our key for this (401)."
    assert words in trouble.paragraphs


def test_a_provider_that_never_answers_is_asked_for_two_days_only(set_clock: SetClock) -> None:
    with doubting("postmark", 1) as provider:
        provider.plan(faults.failing(500, addresses=ASKING))
        ask()
        set_clock(MORNING + due.ASKED_FOR + timedelta(minutes=1))
        assert ask() == 0
    assert ProviderLookup.objects.get().next_at is None


def test_a_key_that_is_not_set_any_more_is_told(settings: LazySettings) -> None:
    with doubting("postmark", 1):
        settings.ANYMAIL = {}
        assert ask() == 0
    assert said() == {"Its key is not set any more."}


def test_a_provider_that_was_left_is_still_asked_what_it_took(settings: LazySettings) -> None:
    with doubting("postmark", 1):
        settings.EMAIL_PROVIDER = "mailjet"
        assert ask() == 1
    assert statuses() == ["sent"]


def test_old_questions_go_with_their_deliveries(settings: LazySettings, set_clock: SetClock) -> None:
    with doubting("postmark", 1):
        ask()
    set_clock(clock.now() + settings.DIGEST_KEEP + timedelta(days=1))
    retention.delete_old_rows()
    assert not ProviderLookup.objects.exists()


def test_the_list_of_uncertain_deliveries_shows_when_the_provider_was_asked_and_what_it_said(
    admin_client: Client,
) -> None:
    listed = "/admin/digests/delivery/?status__exact=uncertain"
    with doubting("postmark", 1, accepts=False):
        due.note_doubts(LOOKUPS)
        page = words(admin_client.get(listed).content)
        assert "Provider asked" in page
        assert "not yet" in page
        ask()
    assert f"{MORNING:%-d %b %H:%M} UTC: {due.NOT_FOUND}" in words(admin_client.get(listed).content)

import random
import re
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client

from newsletter import clock
from newsletter.celery import app
from subscribers import letters, tasks
from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, SignupRequest, Subscriber, Suppression
from subscribers.subscription import opt_in, requests
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.provider import sent
from tests.queries import statements
from tests.subscribers.pages.timing import unlikeness
from tests.subscribers.signups import addresses_of_each_state, answer_all, answers, proof

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock", "vision")]
SetClock = Callable[[datetime], None]
Outcome = SignupRequest.Outcome
TIMES = 500
LOOKED_AT = 10  # of them for the statements they run
DAY = timedelta(days=1)


@pytest.fixture
def vision() -> None:
    TopicFactory(slug="vision")


def ask(address: str = "ada@example.org", **changes: Any) -> list[Letter]:
    """Sign up, let a worker answer, and send what it planned."""
    assert Client().post("/subscribe/", answers(email=address, **changes)).status_code == 302
    planned = answer_all()
    for letter in planned:
        letters.send(letter)
    return planned


def test_500_sign_ups_of_each_state_are_answered_in_the_same_bytes_by_the_same_statements_in_the_same_time(
    client: Client, settings: LazySettings
) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 100_000
    typed = {name: answers(email=address) for name, address in addresses_of_each_state().items()}
    seen, forms, times = defaultdict(set), defaultdict(set), []
    dice = random.Random(1)
    for number in range(TIMES):
        took = {}
        for name in dice.sample(sorted(typed), len(typed)):
            began = perf_counter()
            answer = post(client, typed[name], number)
            took[name] = perf_counter() - began
            seen[name].add(all_of(answer))
        times.append(took)
    for name in typed:
        for number in range(LOOKED_AT):
            got: list[Any] = []
            asked = statements(lambda: got.append(post(client, typed[name], TIMES + number)))  # noqa: B023
            seen[name].add(all_of(got[0]))
            forms[name].add(tuple(re.sub(r"'[^']*'|\d+", "?", sql) for sql in asked))

    assert len(seen) == 6
    assert len(set.union(*seen.values())) == 1
    assert len(set.union(*forms.values())) == 1
    # Five degrees of freedom: chance comes so far once in ten thousand million runs.
    assert unlikeness(times) < 60
    assert SignupRequest.objects.filter(answered_at=None).count() == 6 * (TIMES + LOOKED_AT)
    assert not Letter.objects.exists()


def post(client: Client, typed: dict[str, Any], number: int) -> Any:
    """Post a form from a network of its own for each round."""
    return client.post("/subscribe/", typed, REMOTE_ADDR=f"10.{number // 250}.{number % 250}.7")


def all_of(answer: Any) -> str:
    """Return all that a sign-up is answered with, to be compared."""
    return repr((answer.status_code, answer.content, list(answer.headers.items()), str(answer.cookies)))


@pytest.mark.parametrize(
    ("state", "outcome", "kind"),
    [
        ("unknown", Outcome.CONFIRM, "confirm"),
        ("pending", Outcome.CONFIRM, "confirm"),
        ("unsubscribed", Outcome.CONFIRM, "confirm"),
        ("active", Outcome.SUBSCRIBED, "preferences"),
        ("bounced", Outcome.SUPPRESSED, None),
        ("complained", Outcome.SUPPRESSED, None),
    ],
)
def test_only_the_mail_tells_the_states_apart(state: str, outcome: str, kind: str | None) -> None:
    planned = ask(addresses_of_each_state()[state])
    assert [letter.kind for letter in planned] == ([kind] if kind else [])
    assert len(sent()) == len(planned)
    assert SignupRequest.objects.get().outcome == outcome


def test_one_person_is_one_row_in_whatever_spelling_and_is_mailed_once(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "mailgun"
    for address in ("Zoë@Bücher.example.org", " zoe\u0308@xn--bcher-kva.example.org", "ZOË@BÜCHER.EXAMPLE.ORG"):
        ask(address)
    assert Subscriber.objects.get().canonical == "zoë@xn--bcher-kva.example.org"
    assert len(sent()) == 1


def test_an_address_that_is_not_mailed_leaves_no_row_of_a_reader() -> None:
    Suppression.objects.create(address_hash=hash_address("ada@example.org"), reason=Suppression.Reason.MANUAL)
    ask("ada@example.org")
    assert not Subscriber.objects.exists()


def test_an_answered_sign_up_says_no_more_who_it_was_and_goes_after_a_day(set_clock: SetClock) -> None:
    ask()
    row = SignupRequest.objects.get()
    assert (row.email, row.choice, row.ip, row.network) == ("", {}, None, "127.0.0.0/24")
    set_clock(MORNING + DAY + timedelta(minutes=1))
    requests.delete_answered()
    assert not SignupRequest.objects.exists()


def test_what_was_chosen_is_kept_whole() -> None:
    words = {"followed_phrases": "survey, diffusion\nsurvey", "muted_authors": "Ada Example"}
    ask(frequency="weekly", weekday="2", send_time="18:30", max_papers="5", **words)
    reader = Subscriber.objects.select_related("preferences").get()
    assert [topic.slug for topic in reader.preferences.topics.all()] == ["vision"]
    assert (reader.frequency, reader.weekday, f"{reader.send_time:%H:%M}") == ("weekly", 2, "18:30")
    assert str(reader.timezone) == "Europe/Berlin"
    assert reader.preferences.followed_phrases == ["survey", "diffusion"]
    assert (reader.preferences.muted_authors, reader.preferences.max_papers) == (["Ada Example"], 5)


def test_consent_bears_the_moment_and_the_address_of_the_asking(set_clock: SetClock, client: Client) -> None:
    client.post("/subscribe/", answers())
    set_clock(MORNING + timedelta(minutes=5))
    answer_all()
    consent = Subscriber.objects.get().consents.get()
    assert (consent.at, consent.ip) == (MORNING, "127.0.0.1")


def test_the_site_of_a_foreign_form_is_recorded(client: Client) -> None:
    shown = answers()
    client.post("/subscribe/", shown, headers={"origin": "https://lab.example.edu"})
    client.post("/subscribe/", shown | {"form": "box"})
    client.post("/subscribe/", shown | {"form": "<b>"}, headers={"origin": "http://testserver"})
    sources = SignupRequest.objects.order_by("pk").values_list("source", flat=True)
    assert list(sources) == ["https://lab.example.edu", "box", ""]


# Limits of an address


def test_an_address_is_sent_one_confirmation_a_day_and_three_until_one_is_used(set_clock: SetClock) -> None:
    for day in range(7):
        for hour in (0, 5, 10):
            set_clock(MORNING + day * DAY + timedelta(hours=hour))
            ask()
    assert [letter.created_at for letter in Letter.objects.order_by("pk")] == [MORNING + n * DAY for n in range(3)]
    assert SignupRequest.objects.filter(outcome=Outcome.LIMITED).count() == 18


def test_the_last_choice_holds_also_where_no_mail_is_sent() -> None:
    ask(send_time="07:00")
    assert ask(send_time="18:00") == []
    assert Subscriber.objects.get().send_time.hour == 18


def test_a_subscribed_reader_gets_one_such_letter_a_day(set_clock: SetClock) -> None:
    SubscriberFactory(email="ada@example.org")
    for hours in range(0, 72, 4):
        set_clock(MORNING + timedelta(hours=hours))
        ask()
    assert Letter.objects.count() == 3


def test_a_letter_that_was_used_or_could_not_be_sent_does_not_count() -> None:
    for change in ({"used_at": MORNING}, {"status": Letter.Status.FAILED}):
        assert len(ask()) == 1
        Letter.objects.update(**change)
    assert len(ask()) == 1


def test_1000_posts_for_one_victim_from_1000_networks_bring_one_mail(client: Client, settings: LazySettings) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 100_000
    typed = answers(email="victim@example.org")
    for number in range(1000):
        ip = f"10.{number // 250}.{number % 250}.7"
        assert client.post("/subscribe/", typed, REMOTE_ADDR=ip).status_code == 302
    for letter in answer_all():
        letters.send(letter)
    assert [message.to for message in sent()] == [["victim@example.org"]]


@pytest.mark.django_db(transaction=True)
def test_sign_ups_that_are_answered_at_once_bring_one_mail() -> None:
    rows = [
        requests.store_request(SignupRequest.Kind.SUBSCRIBE, "ada@example.org", choice(), network="") for _ in range(8)
    ]

    def answer(row: SignupRequest | None) -> Letter | None:
        assert row is not None
        try:
            return requests.answer(row.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as workers:
        planned = list(workers.map(answer, rows))
    assert sum(letter is not None for letter in planned) == 1
    assert Subscriber.objects.count() == 1


def choice() -> dict[str, object]:
    when = {"frequency": "daily", "weekday": 0, "send_time": "07:00", "timezone": "UTC"}
    return when | {"topics": [], "max_papers": 10}


# The breaker


def test_of_150_posts_from_150_networks_those_beyond_the_number_a_minute_are_asked_for_a_proof(client: Client) -> None:
    statuses = [
        client.post(
            "/subscribe/", answers(email=f"reader{number}@example.org"), REMOTE_ADDR=f"10.0.{number}.7"
        ).status_code
        for number in range(150)
    ]
    assert statuses == [302] * 60 + [429] * 90
    assert client.post("/subscribe/", answers(proof=proof()), REMOTE_ADDR="203.0.113.9").status_code == 302


def test_answers_of_the_last_minute_count_with_what_waits(
    settings: LazySettings, set_clock: SetClock, client: Client
) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 2
    ask("one@example.org")
    client.post("/subscribe/", answers(email="two@example.org"))
    assert client.post("/subscribe/", answers()).status_code == 429
    set_clock(MORNING + timedelta(seconds=61))
    assert client.post("/subscribe/", answers()).status_code == 302


def test_above_its_number_a_minute_letters_wait(settings: LazySettings, set_clock: SetClock) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 3
    for number in range(6):
        store(f"reader{number}@example.org")
    assert len(answer_all()) == 3
    assert requests.unanswered_ids() == []
    set_clock(clock.now() + timedelta(seconds=61))
    assert len(requests.unanswered_ids()) == 3
    assert len(answer_all()) == 3


def test_those_that_solved_a_proof_come_first(settings: LazySettings) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 3
    burst = [store(f"burst{number}@example.org") for number in range(5)]
    proved = [store(f"reader{number}@example.org", proof=f"nonce{number}") for number in range(2)]
    assert requests.unanswered_ids() == [*proved, burst[0]]
    assert requests.answer(burst[0]) is None
    assert all(requests.answer(pk) for pk in proved)
    assert requests.answer(burst[0]) is not None


def store(address: str, **origin: Any) -> int:
    stored = requests.store_request(SignupRequest.Kind.SUBSCRIBE, address, choice(), network="", **origin)
    assert stored is not None
    return stored.pk


def test_a_proof_is_taken_once_and_no_statement_fails() -> None:
    store("one@example.org", proof="nonce")
    again = partial(
        requests.store_request, SignupRequest.Kind.SUBSCRIBE, "two@example.org", choice(), network="", proof="nonce"
    )
    assert again() is None
    assert not any("INSERT" in sql for sql in statements(again))


def test_who_asks_and_leaves_before_the_answer_is_sent_nothing(set_clock: SetClock) -> None:
    reader = SubscriberFactory(email="ada@example.org")
    asked = store("ada@example.org")
    set_clock(MORNING + timedelta(minutes=1))
    opt_in.unsubscribe(reader, None)
    assert requests.answer(asked) is None
    reader.refresh_from_db()
    assert (reader.status, SignupRequest.objects.get().outcome) == ("unsubscribed", Outcome.LEFT)


def test_the_breaker_holds_up_no_answer_without_mail(settings: LazySettings) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 1
    ask()
    requests.store_request(SignupRequest.Kind.SUBSCRIBE, "x@mailinator.com", choice(), network="")
    answer_all()
    assert SignupRequest.objects.latest("pk").outcome == Outcome.THROW_AWAY


# Tasks


@pytest.mark.usefixtures("worker")
def test_the_sweep_answers_what_was_forgotten() -> None:
    requests.store_request(SignupRequest.Kind.SUBSCRIBE, "ada@example.org", choice(), network="")
    tasks.sweep_signups()
    assert [message.to for message in sent()] == [["ada@example.org"]]
    tasks.sweep_signups()
    assert len(sent()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_sign_up_is_kept_while_no_task_can_be_queued(client: Client, settings: LazySettings) -> None:
    before, app.conf.broker_url = app.conf.broker_url, "redis://127.0.0.1:1/0"
    try:
        assert client.post("/subscribe/", answers()).status_code == 302
    finally:
        app.conf.broker_url = before
    assert SignupRequest.objects.filter(answered_at=None).count() == 1

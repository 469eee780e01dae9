"""“Email me my link”, and digests to another address: what is answered says nothing of whose the address is."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from subscribers import letters
from subscribers.models import Letter, SignupRequest, Subscriber
from tests.factories import SubscriberFactory, TopicFactory
from tests.links import follow, mark
from tests.provider import sent
from tests.queries import statements
from tests.subscribers.signups import addresses_of_each_state, answer_all, answers, proof
from tests.subscribers.signups import mark as shown_mark

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
Outcome = SignupRequest.Outcome
TIMES = 20


def ask(client: Client, address: str = "ada@example.org", ip: str = "192.0.2.7", **changes: Any) -> Any:
    typed = {"email": address, "shown": shown_mark(), **changes}
    return client.post("/preferences/link/", typed, REMOTE_ADDR=ip)


def answer_and_statements(post: Callable[[], Any]) -> tuple[str, tuple[str, ...]]:
    """Return all that a post is answered with, and what it asked the database, to be compared."""
    answers = []
    asked = statements(lambda: answers.append(post()))
    answer = answers[0]
    headers = [header for header in answer.headers.items() if header[0] != "Expires"]  # the second it was asked in
    answered = repr((answer.status_code, answer.content, headers, str(answer.cookies)))
    return answered, tuple(re.sub(r"'[^']*'|\d+", "?", sql) for sql in asked)


def test_asking_for_a_link_is_answered_in_the_same_bytes_by_the_same_statements(
    settings: LazySettings, client: Client
) -> None:
    settings.SIGNUPS_PER_NETWORK = settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 10**6
    seen = defaultdict(set)
    for name, address in addresses_of_each_state().items():
        seen[name] = {answer_and_statements(lambda a=address: ask(client, a)) for _ in range(TIMES)}  # type: ignore[misc]
    assert len(seen) == 6
    assert len(set.union(*seen.values())) == 1
    assert SignupRequest.objects.filter(answered_at=None).count() == 6 * TIMES
    assert not Letter.objects.exists()


def test_asking_for_another_address_is_answered_by_the_same_statements_whosever_it_is(client: Client) -> None:
    addresses = [address for address in addresses_of_each_state().values() if "example" in address]
    page = follow(client, letters.preferences_path(SubscriberFactory()))
    seen = set()
    for address in addresses:
        typed = {"email": address, "mark": mark(page)}
        answered, asked = answer_and_statements(lambda typed=typed: client.post("/preferences/address/", typed))  # type: ignore[misc]
        seen.add((answered.replace(address, ""), asked))
    assert len(addresses) == 6
    assert len(seen) == 1
    answer_all()
    assert list(Letter.objects.values_list("address", flat=True)) == ["unkn@example.org"]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("active", Outcome.LINKED),
        ("unsubscribed", Outcome.LINKED),
        ("pending", Outcome.UNKNOWN),
        ("unknown", Outcome.UNKNOWN),
        ("throw-away", Outcome.UNKNOWN),
        ("bounced", Outcome.SUPPRESSED),
        ("complained", Outcome.SUPPRESSED),
    ],
)
def test_only_who_reads_or_read_is_mailed_a_link(client: Client, state: str, outcome: str) -> None:
    address = (addresses_of_each_state() | {"throw-away": "a@trashmail.com"})[state]
    assert ask(client, address.upper())["Location"] == "/preferences/link-mailed/"
    for letter in answer_all():
        letters.send(letter)
    request = SignupRequest.objects.get()
    assert (request.outcome, request.email, request.ip) == (outcome, "", None)
    assert [message.to for message in sent()] == ([[address]] if outcome == Outcome.LINKED else [])


def test_an_imported_reader_at_a_throw_away_address_gets_the_link(client: Client) -> None:
    SubscriberFactory(email="ada@mailinator.com")
    ask(client, "ada@mailinator.com")
    assert [letter.kind for letter in answer_all()] == ["link"]


def test_links_and_sign_ups_of_a_network_are_counted_together(client: Client, settings: LazySettings) -> None:
    settings.SIGNUPS_PER_NETWORK = 4
    TopicFactory(slug="vision")
    statuses = [ask(client, ip=f"192.0.2.{number}").status_code for number in range(3)]
    statuses.append(client.post("/subscribe/", answers(), REMOTE_ADDR="192.0.2.9").status_code)
    statuses += [ask(client).status_code, client.post("/subscribe/", answers(), REMOTE_ADDR="192.0.2.9").status_code]
    assert statuses == [302] * 4 + [429] * 2
    assert ask(client, ip="192.0.3.1").status_code == 302
    assert ask(client, proof=proof()).status_code == 302


@pytest.mark.parametrize("trouble", [{"website": "https://example.org"}, {"shown": ""}, {"shown": "1:x"}])
def test_a_machine_that_asks_for_links_shows_a_proof(client: Client, trouble: dict[str, str]) -> None:
    page = ask(client, **trouble)
    assert page.status_code == 403
    text = page.content.decode()
    assert 'action="/preferences/link/"' in text
    assert 'name="email" value="ada@example.org"' in text
    assert not SignupRequest.objects.exists()
    assert ask(client, **trouble, proof=proof()).status_code == 302


def test_the_breaker_asks_everybody_for_a_proof_and_holds_up_the_links(client: Client, settings: LazySettings) -> None:
    settings.SIGNUP_CONFIRMATIONS_A_MINUTE = 1
    SubscriberFactory(email="ada@example.org")
    SubscriberFactory(email="bob@example.org")
    ask(client)
    ask(client, "bob@example.org")
    assert len(answer_all()) == 1
    assert ask(client, ip="203.0.113.9").status_code == 429


def test_a_thousand_posts_for_one_victim_bring_three_letters(client: Client) -> None:
    SubscriberFactory(email="victim@example.org")
    typed = {"email": "victim@example.org", "shown": shown_mark()}
    for number in range(1000):
        client.post("/preferences/link/", typed, REMOTE_ADDR=f"10.{number // 250}.{number % 250}.7")
    assert len(answer_all()) == 3


def test_who_left_before_the_worker_came_moves_nowhere(client: Client) -> None:
    reader = SubscriberFactory()
    page = follow(client, letters.preferences_path(reader))
    client.post("/preferences/address/", {"email": "new@example.org", "mark": mark(page)})
    Subscriber.objects.update(status=Subscriber.Status.UNSUBSCRIBED, next_digest_at=None)
    assert answer_all() == []

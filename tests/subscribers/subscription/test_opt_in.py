from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest

from subscribers.models import Consent, Letter, Preferences, Subscriber
from subscribers.subscription import opt_in
from tests.factories import MORNING, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
AT_SEVEN = {"frequency": "daily", "weekday": 0, "send_time": time(7), "timezone": "Europe/Berlin"}
IP = "192.0.2.7"


def ask(email: str = "Ada@Example.org", **schedule: object) -> Letter:
    preferences = Preferences.objects.for_choice([TopicFactory()], max_papers=10)
    return opt_in.sign_up(email, preferences, AT_SEVEN | schedule, IP)


def acts(subscriber: Subscriber) -> list[str]:
    return list(subscriber.consents.order_by("pk").values_list("act", flat=True))


def test_a_newcomer_is_pending_and_is_asked_to_confirm() -> None:
    letter = ask()
    reader = Subscriber.objects.get()
    assert (reader.status, reader.email, reader.canonical) == ("pending", "Ada@Example.org", "ada@example.org")
    assert (letter.kind, letter.status) == (Letter.Kind.CONFIRM, Letter.Status.PLANNED)


def test_what_was_agreed_to_is_recorded_with_moment_address_and_words() -> None:
    letter = ask()
    asked = letter.subscriber.consents.get()
    assert (asked.act, asked.at, asked.ip, asked.text_version) == (
        Consent.Act.ASKED,
        MORNING,
        IP,
        opt_in.CONSENT_TEXT,
    )


def test_who_asks_again_before_confirming_gets_another_letter_and_the_newer_choice() -> None:
    ask()
    letter = ask("ADA@example.org", send_time=time(18))
    reader = Subscriber.objects.get()
    assert (reader.status, reader.send_time, reader.email) == ("pending", time(18), "ADA@example.org")
    assert letter.kind == Letter.Kind.CONFIRM
    assert reader.letters.count() == 2


def test_a_reader_who_is_subscribed_keeps_every_choice_and_gets_the_link_to_it() -> None:
    reader = SubscriberFactory(email="ada@example.org", topics=[TopicFactory()])
    before = Subscriber.objects.filter(pk=reader.pk).values().get()

    letter = ask(send_time=time(18))

    assert letter.kind == Letter.Kind.PREFERENCES
    assert Subscriber.objects.values().get() == before
    assert acts(reader) == []


def test_who_left_and_comes_back_has_to_confirm_again() -> None:
    reader = SubscriberFactory(email="ada@example.org")
    opt_in.unsubscribe(reader, IP)

    letter = ask()

    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.PENDING
    assert letter.kind == Letter.Kind.CONFIRM


def test_a_confirmed_reader_is_due_at_once() -> None:
    letter = ask()
    assert opt_in.confirm(letter, IP)
    reader = Subscriber.objects.get()
    assert (reader.status, reader.confirmed_at, reader.next_digest_at) == ("active", MORNING, MORNING)
    assert acts(reader) == ["asked", "confirmed"]


def test_who_comes_back_is_welcomed_like_a_newcomer() -> None:
    reader = SubscriberFactory(email="ada@example.org", covered_through=MORNING - timedelta(days=400))
    opt_in.unsubscribe(reader, IP)

    opt_in.confirm(ask(), IP)

    reader.refresh_from_db()
    assert reader.covered_through is None
    assert reader.unsubscribed_at is None


def test_a_confirmation_is_used_once() -> None:
    letter = ask()
    assert opt_in.confirm(letter, IP)
    assert not opt_in.confirm(Letter.objects.get(), IP)
    assert acts(letter.subscriber) == ["asked", "confirmed"]


def test_a_second_letters_confirmation_changes_nothing_for_who_is_subscribed(set_clock: SetClock) -> None:
    first, second = ask(), ask()
    opt_in.confirm(first, IP)
    set_clock(MORNING + timedelta(hours=1))
    assert not opt_in.confirm(Letter.objects.select_related("subscriber").get(pk=second.pk), IP)
    assert Subscriber.objects.get().confirmed_at == MORNING


def test_a_confirmation_holds_for_72_hours_and_not_longer(set_clock: SetClock) -> None:
    letter = ask()
    set_clock(MORNING + timedelta(hours=72, seconds=1))
    assert not opt_in.confirm(letter, IP)
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING

    set_clock(MORNING + timedelta(hours=72))
    assert opt_in.confirm(letter, IP)


def test_to_unsubscribe_is_recorded_once() -> None:
    reader = SubscriberFactory()
    opt_in.unsubscribe(reader, IP)
    opt_in.unsubscribe(Subscriber.objects.get(), IP)
    reader.refresh_from_db()
    assert (reader.status, reader.unsubscribed_at, reader.next_digest_at) == ("unsubscribed", MORNING, None)
    assert acts(reader) == ["unsubscribed"]


def test_who_asks_and_leaves_before_confirming_is_gone() -> None:
    reader = ask().subscriber
    opt_in.unsubscribe(reader, IP)
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED


def test_who_confirms_leaves_and_opens_an_older_letter_stays_away() -> None:
    first, second = ask(), ask()
    opt_in.confirm(first, IP)
    opt_in.unsubscribe(Subscriber.objects.get(), IP)
    assert not opt_in.confirm(Letter.objects.select_related("subscriber").get(pk=second.pk), IP)
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED


def test_a_letter_from_before_leaving_confirms_no_later_sign_up() -> None:
    before = ask()
    opt_in.unsubscribe(before.subscriber, IP)
    ask()
    assert not opt_in.confirm(before, IP)
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING


def test_leaving_voids_every_letter_under_way_but_the_notice_of_a_move() -> None:
    reader = SubscriberFactory()
    for kind in Letter.Kind:
        reader.letters.create(kind=kind)
    opt_in.unsubscribe(reader, IP)
    assert Letter.objects.get(used_at=None).kind == Letter.Kind.MOVED


def test_leaving_voids_no_letter_of_another_reader() -> None:
    letter = ask("other@example.org")
    opt_in.unsubscribe(SubscriberFactory(), IP)
    assert opt_in.confirm(letter, IP)

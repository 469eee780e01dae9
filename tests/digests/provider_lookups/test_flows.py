"""From a call that was accepted and answered 503 to settled deliveries, without any webhook."""

from datetime import timedelta

import pytest

from digests.models import Delivery, ProviderEvent, ProviderLookup
from digests.provider_lookups import LOOKUPS, due
from digests.sending import recovery, uncertain
from newsletter import clock
from subscribers.models import Subscriber
from tests.digests.provider_lookups.asking import ASKING, ask, doubting, said, statuses
from tests.outside import faults

pytestmark = [pytest.mark.django_db, pytest.mark.real_clock]
Status = Delivery.Status
# What is known of a mail that was accepted and delivered.
KINDS = {
    "mailgun": {"accepted", "delivered"},
    "brevo": {"accepted", "delivered"},
    "postmark": {"accepted"},
    "resend": {"delivered"},
    "sendgrid": {"delivered"},
}


def test_each_provider_that_can_be_asked_has_a_flow_here() -> None:
    assert LOOKUPS.keys() == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_what_was_accepted_is_sent_once_its_provider_is_asked(name: str) -> None:
    readers = 1 if name == "brevo" else 3
    with doubting(name, readers) as provider:
        calls = ask()
        asked_again = ask()
        assert len(provider.accepted()) == readers  # a question sends nothing
    assert statuses() == [Status.SENT] * readers
    assert calls == (1 if LOOKUPS[name].most > 1 else readers)
    assert asked_again == 0
    assert set(ProviderEvent.objects.values_list("kind", flat=True)) == KINDS[name]
    assert set(ProviderEvent.objects.values_list("put_aside", flat=True)) == {""}
    assert said() == {due.FOUND}


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_that_the_provider_does_not_know_stays_uncertain_and_moves_no_span(name: str) -> None:
    with doubting(name, 1, accepts=False) as provider:
        spans = set(Subscriber.objects.values_list("covered_through", flat=True))
        ask()
        assert provider.accepted() == []
    assert statuses() == [Status.UNCERTAIN]
    assert said() == {due.NOT_FOUND}
    assert set(Subscriber.objects.values_list("covered_through", flat=True)) == spans


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_that_appears_later_is_found_when_it_is_asked_about_again_and_never_a_third_time(name: str) -> None:
    with doubting(name, 1) as provider:
        kept = provider.ledger_path.read_bytes()
        provider.ledger_path.write_bytes(b"")
        assert ask() == 1
        assert ask() == 0  # within the hour
        later = clock.now() + due.ASKED_AGAIN_AFTER
        assert ProviderLookup.objects.filter(next_at__range=(later - timedelta(minutes=1), later)).exists()
        provider.ledger_path.write_bytes(kept)
        ProviderLookup.objects.update(next_at=clock.now())
        assert ask() == 1
    assert statuses() == [Status.SENT]
    assert ProviderLookup.objects.values_list("asked_count", "next_at").get() == (2, None)


def test_what_is_never_found_is_asked_about_twice() -> None:
    with doubting("postmark", 1, accepts=False):
        ask()
        ProviderLookup.objects.update(next_at=clock.now())
        ask()
        lookup = ProviderLookup.objects.get()
    assert (lookup.asked_count, lookup.next_at, lookup.said) == (2, None, due.NOT_FOUND)


def test_an_abandoned_delivery_turns_out_to_be_sent() -> None:
    with doubting("mailgun", 1):
        due.note_doubts(LOOKUPS)
        Delivery.objects.update(expires_at=clock.now() - timedelta(seconds=1))
        recovery.abandon_expired()
        assert statuses() == [Status.ABANDONED]
        ask()
    assert statuses() == [Status.SENT]


def test_what_a_person_settled_is_not_asked_about() -> None:
    with doubting("mailgun", 1):
        due.note_doubts(LOOKUPS)
        uncertain.settle_by_hand(Delivery.objects.all(), was_sent=False, by="ada")
        assert ask() == 0
    assert statuses() == [Status.ABANDONED]


def test_an_erased_reader_is_not_asked_about() -> None:
    with doubting("postmark", 1):
        Subscriber.objects.all().delete()
        assert ask() == 0
    assert said() == {due.GONE}


def test_a_provider_that_cannot_be_asked_is_not() -> None:
    with doubting("mailjet", 1):
        assert ask() == 0
    assert not ProviderLookup.objects.exists()


@pytest.mark.parametrize("name", ["brevo", "resend"])
def test_two_digests_of_one_reader_at_a_time_are_not_told_apart_by_address_and_subject(name: str) -> None:
    with doubting(name, 1):
        one = Delivery.objects.get()
        slot = one.slot - timedelta(minutes=1)
        Delivery.objects.bulk_create(
            [
                Delivery(
                    subscriber=one.subscriber,
                    slot=slot,
                    digest=one.digest,
                    preferences=one.preferences,
                    status=Status.SENT,
                    expires_at=one.expires_at,
                )
            ]
        )
        assert ask() == 0
    assert said() == {due.NOT_TOLD_APART}


def test_a_list_of_many_pages_is_read_on_in_the_next_round() -> None:
    with doubting("resend", 120) as provider:
        assert statuses().count(Status.UNCERTAIN) == 100
        provider.plan(faults.failing(addresses=ASKING, after=1))
        assert ask() == 2
        assert statuses().count(Status.UNCERTAIN) == 20
        provider.plan()
        left = ProviderLookup.objects.exclude(next_at=None)
        assert left.exclude(after="").count() == 20
        left.update(next_at=clock.now())
        assert ask() == 1
    assert statuses().count(Status.UNCERTAIN) == 0
    assert said() == {due.FOUND}

import time
from base64 import urlsafe_b64decode
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import LazySettings, settings
from hypothesis import given
from hypothesis import strategies as st

from newsletter import clock
from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.tokens import Purpose
from tests.factories import MORNING, SubscriberFactory

pytestmark = pytest.mark.django_db
KEPT = {
    Purpose.PREFERENCES: "7.3~RO49_3n5LoADOzIg",
    Purpose.UNSUBSCRIBE: "7.3~N6_F0RNjz1UPBxWl",
    Purpose.PAUSE: "7.3~Xn8OcmPqfgXMYblL",
    Purpose.VIEW: "7.3~volW_GN9xmMg46UW",
    Purpose.VOTE: "7.3~IU-NA2hXpk_vFfWm",
    Purpose.PROPOSE: "7.3~0j0YJgaKoKbkU18_",
}


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_speaks_for_its_reader(purpose: Purpose) -> None:
    reader = SubscriberFactory()
    assert tokens.read(tokens.sign(purpose, reader.pk), purpose) == reader


def test_a_token_opens_one_thing_only() -> None:
    reader = SubscriberFactory()
    assert tokens.read(tokens.sign(Purpose.UNSUBSCRIBE, reader.pk), Purpose.PREFERENCES) is None
    assert tokens.read(tokens.sign(Purpose.PREFERENCES, reader.pk), Purpose.UNSUBSCRIBE) is None


def test_a_token_is_the_same_whenever_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = set()
    for moment in (MORNING, MORNING + timedelta(days=400)):
        monkeypatch.setattr(time, "time", moment.timestamp)
        with clock.at(moment):
            made.add(tokens.sign(Purpose.UNSUBSCRIBE, 7))
    assert len(made) == 1


def test_a_token_needs_no_escapes_in_an_address() -> None:
    token = tokens.sign(Purpose.PREFERENCES, 2**62, 9)
    assert quote(token, safe="") == token


@given(position=st.integers(0, 60), put=st.characters(exclude_categories=["Cs"]) | st.just(""))
def test_a_changed_token_is_never_accepted(position: int, put: str) -> None:
    token = tokens.sign(Purpose.UNSUBSCRIBE, 1)
    position %= len(token)
    changed = token[:position] + put + token[position + 1 :]
    if changed != token:
        assert tokens.read(changed, Purpose.UNSUBSCRIBE) is None


@given(st.text())
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert tokens.read(text, Purpose.PREFERENCES) is None


def test_the_signature_of_one_reader_is_none_for_another() -> None:
    one, other = SubscriberFactory.create_batch(2)
    _, _, signature = tokens.sign(Purpose.UNSUBSCRIBE, one.pk).partition("~")
    assert tokens.read(f"{other.pk}.0~{signature}", Purpose.UNSUBSCRIBE) is None


def test_links_signed_with_an_old_key_work_until_it_is_taken_out(settings: LazySettings) -> None:
    reader = SubscriberFactory()
    token = tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)

    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new key"
    assert tokens.read(token, Purpose.UNSUBSCRIBE) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tokens.read(token, Purpose.UNSUBSCRIBE) == reader


@pytest.mark.parametrize("purpose", [Purpose.PREFERENCES, Purpose.PAUSE])
def test_links_that_lead_to_the_choices_end_with_their_epoch_and_an_unsubscribe_link_never(purpose: Purpose) -> None:
    reader = SubscriberFactory(token_epoch=1)
    link, leave = tokens.sign(purpose, reader.pk, 1), tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)
    assert tokens.read(link, purpose) == reader

    Subscriber.objects.update(token_epoch=2)
    assert tokens.read(link, purpose) is None
    assert tokens.read(leave, Purpose.UNSUBSCRIBE) == reader


def test_the_link_of_a_reader_who_is_gone_leads_nowhere() -> None:
    reader = SubscriberFactory()
    token = tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)
    reader.delete()
    assert tokens.read(token, Purpose.UNSUBSCRIBE) is None


@given(st.integers(0, 2**62), st.integers(0, 2**31))
def test_tokens_made_at_once_are_those_made_one_by_one(pk: int, epoch: int) -> None:
    at_once = tokens.sign_all(pk, epoch, secret=settings.SECRET_KEY)
    view = tokens.sign_view(pk, epoch, secret=settings.SECRET_KEY)
    assert at_once | {Purpose.VIEW: view} == {purpose: tokens.sign(purpose, pk, epoch) for purpose in Purpose}
    assert len({*at_once.values(), view}) == len(Purpose)


@given(st.sampled_from(list(Purpose)), st.integers(0, 2**62), st.integers(0, 2**31))
def test_links_of_mails_from_before_still_work(purpose: Purpose, pk: int, epoch: int) -> None:
    old = tokens.signer(purpose).sign(f"{pk}.{epoch}")
    assert tokens.unsign_with_epoch(purpose, old) == (pk, epoch)
    assert tokens.unsign_with_epoch(purpose, old[:-1]) is None


def test_where_a_signature_stands_never_changes(settings: LazySettings) -> None:
    settings.SECRET_KEY = "a key that stays"
    assert {purpose: tokens.sign(purpose, 7, 3) for purpose in Purpose} == KEPT


def test_only_a_token_of_the_present_address_may_show_it() -> None:
    reader = SubscriberFactory()
    token = tokens.sign(Purpose.PREFERENCES, reader.pk, reader.token_epoch)
    assert tokens.is_of_now(Purpose.PREFERENCES, token, reader)
    reader.token_epoch += 1
    assert not tokens.is_of_now(Purpose.PREFERENCES, token, reader)


def test_a_token_names_its_reader_and_no_epoch() -> None:
    assert tokens.unsign(Purpose.UNSUBSCRIBE, tokens.sign(Purpose.UNSUBSCRIBE, 7, 3)) == 7


def test_a_random_token_holds_24_bytes() -> None:
    token = tokens.random_token()
    assert len(urlsafe_b64decode(token)) == 24
    assert token != tokens.random_token()

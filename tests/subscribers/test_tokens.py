import time
from base64 import urlsafe_b64decode
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from newsletter import clock
from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.tokens import Purpose
from tests.factories import MORNING, SubscriberFactory

pytestmark = pytest.mark.django_db


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


@given(st.sampled_from(list(tokens.Purpose)), st.integers(0, 2**62), st.integers(0, 2**31))
def test_a_token_is_what_djangos_signer_makes(purpose: tokens.Purpose, pk: int, epoch: int) -> None:
    assert tokens.sign(purpose, pk, epoch) == tokens.signer(purpose).sign(f"{pk}.{epoch}")


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

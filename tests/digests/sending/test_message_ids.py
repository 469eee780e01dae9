import pytest
from django.conf import LazySettings

from digests.models import SendingSwitch
from digests.sending import switch
from digests.sending.message_ids import MessageIds, load_message_ids
from tests.factories.returns import sent_delivery

SECRET = bytes(32)
OTHER = bytes(31) + b"\x01"


def test_a_message_id_is_the_deliverys_alone() -> None:
    ids = MessageIds(SECRET, [], [])
    assert len({ids.local_part(number) for number in range(1_000)}) == 1_000
    assert ids.local_part(7) == MessageIds(SECRET, [], []).local_part(7)


def test_nobody_without_the_secret_can_tell_a_message_id() -> None:
    assert MessageIds(SECRET, [], []).local_part(7) != MessageIds(OTHER, [], []).local_part(7)


def test_a_message_id_is_lower_case_letters_and_digits() -> None:
    local = MessageIds(SECRET, [], []).local_part(2**62)
    assert len(local) == 26
    assert local.isalnum()
    assert local == local.lower()


def test_databases_that_parted_share_the_ids_from_before_and_none_from_after() -> None:
    one, two = MessageIds(SECRET, [], []), MessageIds(SECRET, [5], ["other"])
    assert [one.local_part(number) == two.local_part(number) for number in range(1, 9)] == [True] * 5 + [False] * 3


def test_each_name_holds_from_its_day_on() -> None:
    once, twice = MessageIds(SECRET, [5], ["a"]), MessageIds(SECRET, [5, 7], ["a", "b"])
    assert [once.local_part(number) == twice.local_part(number) for number in range(5, 10)] == [True] * 3 + [False] * 2


@pytest.mark.django_db
def test_the_database_keeps_one_secret_whatever_the_settings(settings: LazySettings) -> None:
    switch.raise_epoch()
    before = load_message_ids().local_part(7)
    settings.SECRET_KEY = "another-key-" + "0" * 50
    assert load_message_ids().local_part(7) == before


@pytest.mark.django_db
def test_a_database_that_is_allowed_to_send_names_its_new_deliveries_anew() -> None:
    switch.raise_epoch()
    known = sent_delivery()
    before = load_message_ids()
    SendingSwitch.objects.update(hold_reason="It may be a restored backup.")
    assert switch.allow("an operator")
    after = load_message_ids()
    assert after.local_part(known.pk) == before.local_part(known.pk)
    assert after.local_part(known.pk + 1) != before.local_part(known.pk + 1)

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from subscribers import letters
from subscribers.models import Subscriber
from subscribers.pages.zone_field import ZoneField, choices, known_zones, offered_zones, zone_label
from tests.factories import SubscriberFactory, TopicFactory
from tests.links import follow, press
from tests.subscribers.signups import answers

pytestmark = pytest.mark.usefixtures("set_clock")
SetClock = Callable[[datetime], None]


def test_cities_are_offered_by_region_without_aliases_and_abbreviations() -> None:
    groups = dict(choices())
    assert list(groups) == ["UTC", "Africa", "Americas", "Antarctica", "Asia", "Atlantic", "Australia", "Europe",
                            "Indian Ocean", "Pacific"]  # fmt: skip
    names = {name for zones in groups.values() if isinstance(zones, list) for name, _ in zones}
    assert {"Europe/Berlin", "Europe/Stockholm", "Asia/Kolkata", "Asia/Tokyo", "Africa/Lagos"} <= names
    assert not {"Asia/Calcutta", "US/Eastern", "EST", "Etc/GMT+3", "GB", "localtime"} & names
    assert 400 < len(names) < 450


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Europe/Berlin", "Berlin (UTC+2)"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires, Argentina (UTC−3)"),
        ("Asia/Kolkata", "Kolkata (UTC+5:30)"),
        ("America/St_Johns", "St Johns (UTC−2:30)"),
        ("Africa/Abidjan", "Abidjan (UTC)"),
        ("EST5EDT", "EST5EDT (UTC−4)"),
    ],
)
def test_a_zone_is_read_as_its_city_and_its_offset_of_now(name: str, words: str) -> None:
    assert zone_label(name, datetime(2026, 5, 4, tzinfo=UTC)) == words


def test_the_offset_is_that_of_the_season(set_clock: SetClock) -> None:
    set_clock(datetime(2026, 1, 4, tzinfo=UTC))
    assert ("Europe/Berlin", "Berlin (UTC+1)") in dict(choices())["Europe"]


@given(st.text() | st.sampled_from(sorted(available_timezones())))
def test_any_zone_is_taken_and_nothing_else(text: str) -> None:
    field = ZoneField()
    if text in known_zones():
        assert str(field.clean(text)) == text
    else:
        with pytest.raises(ValidationError):
            field.clean(text)


def test_every_zone_that_is_offered_is_known() -> None:
    assert offered_zones() <= known_zones()


@pytest.mark.django_db
def test_a_name_of_before_that_a_browser_sends_is_kept_and_shown(client: Client) -> None:
    TopicFactory(slug="vision")
    refused = client.post("/subscribe/", answers(email="ada@", timezone="Asia/Calcutta")).content.decode()
    assert selected(refused) == ["Asia/Calcutta"]

    reader = SubscriberFactory(timezone="US/Eastern")
    page = follow(client, letters.preferences_path(reader)).content.decode()
    assert selected(page) == ["US/Eastern"]
    assert "Eastern (UTC−4)" in page
    assert press(client, letters.preferences_path(reader), answers(timezone="US/Eastern")).status_code == 302
    assert str(Subscriber.objects.get().timezone) == "US/Eastern"


def selected(page: str) -> list[str]:
    zones = page.partition('name="timezone"')[2].partition("</select>")[0]
    return re.findall(r'value="([^"]+)" selected', zones)


@pytest.mark.django_db
def test_the_form_has_no_button_and_a_reason_before_there_are_topics(client: Client) -> None:
    for path in ("/subscribe/", "/"):
        page = client.get(path).content.decode()
        assert "no topics to choose from yet" in page
        assert "<button" not in page

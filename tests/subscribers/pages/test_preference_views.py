from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.test import Client

from subscribers.models import Preferences, Subscriber
from subscribers.pages.link_session import mark_of
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.links import follow, mark, press
from tests.rows import rows_of
from tests.subscribers.reader_links import answers, choices_link, pause_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


def test_a_pause_is_a_week_of_the_readers_own_days(client: Client, set_clock: SetClock) -> None:
    reader = SubscriberFactory(timezone="Pacific/Auckland", send_time=time(7, 0))
    set_clock(MORNING.replace(hour=13))  # the 5th, in Auckland
    asked = follow(client, pause_link(reader)).content.decode()
    assert "before Tuesday, 12 May" in asked
    assert asked.count("<button") == 1

    answer = press(client, pause_link(reader))

    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 12)
    assert reader.next_digest_at == datetime(2026, 5, 11, 19, tzinfo=UTC)
    assert "on Tuesday, 12 May at 07:00 Auckland time" in answer.content.decode()
    assert choices_link(reader) in answer.content.decode()


def test_a_pause_may_be_asked_for_twice(client: Client) -> None:
    reader = SubscriberFactory()
    page = follow(client, pause_link(reader))
    pages = [client.post("/pause/", {"mark": mark(page)}) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 11)


def test_a_longer_pause_stays(client: Client) -> None:
    reader = SubscriberFactory(paused_until=date(2026, 8, 1))
    page = follow(client, pause_link(reader))
    assert "Your digest is paused" in page.content.decode()
    client.post("/pause/", {"mark": mark_of(pause_link(reader).split("/")[2])})
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 8, 1)


def test_a_pause_ends_where_its_date_is_taken_out(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory()
    press(client, pause_link(reader))
    press(client, choices_link(reader), answers(frequency="daily", timezone="UTC", paused_until=""))
    reader.refresh_from_db()
    assert reader.paused_until is None
    assert reader.next_digest_at == MORNING.replace(hour=7)


@pytest.mark.parametrize("status", [Subscriber.Status.PENDING, UNSUBSCRIBED])
def test_who_gets_no_digests_has_nothing_to_pause(client: Client, status: str) -> None:
    reader = SubscriberFactory(status=status, next_digest_at=None)
    assert "There is nothing to pause" in follow(client, pause_link(reader)).content.decode()


def test_saved_choices_hold_from_the_next_digest_on(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], next_digest_at=MORNING + timedelta(days=1))
    topic = TopicFactory(slug="vision")
    choice = answers(send_time="18:00", timezone="UTC", frequency="daily", max_papers="5")

    response = press(client, choices_link(reader), choice)

    assert response.status_code == 302
    assert "Saved." in client.get(response["Location"]).content.decode()
    reader.refresh_from_db()
    assert list(reader.preferences.topics.all()) == [topic]
    assert reader.preferences.max_papers == 5
    assert reader.next_digest_at == MORNING.replace(hour=18)


def test_the_choices_of_others_who_chose_the_same_stay(client: Client) -> None:
    shared = TopicFactory()
    TopicFactory(slug="vision")
    reader, other = SubscriberFactory.create_batch(2, topics=[shared])
    press(client, choices_link(reader), answers())
    other.refresh_from_db()
    assert list(other.preferences.topics.all()) == [shared]


def test_the_page_shows_what_is_chosen(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory(slug="vision")], timezone="Asia/Kolkata", send_time=time(18, 30))
    TopicFactory(slug="audio")
    page = follow(client, choices_link(reader)).content.decode()
    assert 'value="vision" checked' in page
    assert 'value="audio" checked' not in page
    assert '<option value="Asia/Kolkata" selected>' in page
    assert 'value="18:30"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [("topics", []), ("topics", ["astrology"]), ("send_time", "x"), ("timezone", "x"), ("paused_until", "soon"),
     ("paused_until", "9999-12-31"), ("weekday", "9")],
)  # fmt: skip
def test_bad_choices_are_refused_and_nothing_changes(client: Client, field: str, value: object) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(topics=[TopicFactory()])
    before = rows_of("subscribers")
    response = press(client, choices_link(reader), answers() | {field: value})
    assert response.status_code == 422
    assert rows_of("subscribers") == before


def test_an_empty_form_is_refused(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()])
    assert press(client, choices_link(reader)).status_code == 422


def test_choices_cannot_be_changed_from_another_site(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(topics=[TopicFactory()])
    before = rows_of("subscribers")
    follow(client, choices_link(reader))
    for path in ("/preferences/", "/preferences/address/", "/preferences/data/", "/digest/effect/"):
        assert client.post(path, answers()).status_code == 403
    assert rows_of("subscribers") == before


def test_who_has_left_is_not_brought_back_by_the_choices(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(status=UNSUBSCRIBED, next_digest_at=None)
    assert "You are not subscribed" in follow(client, choices_link(reader)).content.decode()
    press(client, choices_link(reader), answers())
    assert Subscriber.objects.get().status == UNSUBSCRIBED
    assert not Subscriber.objects.due().exists()


def test_saving_keeps_what_the_form_does_not_show(client: Client) -> None:
    words = {"followed_phrases": ["survey"], "muted_authors": ["Ada Example"], "minimum_score": 2.0}
    reader = SubscriberFactory()
    reader.preferences = Preferences.objects.for_choice([TopicFactory(slug="vision")], **words)
    reader.save()

    press(client, choices_link(reader), answers(max_papers="5"))

    reader.refresh_from_db()
    assert reader.preferences.max_papers == 5
    assert {name: getattr(reader.preferences, name) for name in words} == words

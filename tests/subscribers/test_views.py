from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.test import Client

from subscribers import letters, signup, tokens
from subscribers.models import Letter, Preferences, Subscriber
from subscribers.tokens import Purpose
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory
from tests.provider import sent
from tests.subscribers.signups import answer_all, answers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def everything() -> dict[str, list[dict[str, object]]]:
    """Return every row of readers, to see that none changed."""
    models = apps.get_app_config("subscribers").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def link_in(message: Any, part: str) -> str:
    """Return the path of the link in a mail that begins with `part`."""
    start = message.body.index(part)
    return str(urlsplit(message.body[start:].split()[0]).path)


def confirm_path() -> str:
    """Send the newest letter and return the path of its link."""
    letters.send(Letter.objects.select_related("subscriber__preferences").latest("pk"))
    return link_in(sent()[-1], "/confirm/")


def preferences_path(reader: Subscriber) -> str:
    return letters.preferences_path(reader)


def unsubscribe_path(reader: Subscriber) -> str:
    return f"/unsubscribe/{tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)}/"


# Signing up


def test_the_box_works_from_another_site_without_cookies() -> None:
    TopicFactory(slug="vision")
    stranger = Client(enforce_csrf_checks=True, headers={"origin": "https://elsewhere.example"})
    assert stranger.post("/subscribe/", answers()).status_code == 302
    answer_all()
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING


def test_a_sign_up_keeps_what_was_chosen(client: Client) -> None:
    topics = {TopicFactory(slug="vision"), TopicFactory(slug="audio")}
    client.post("/subscribe/", answers(topics=["vision", "audio"], frequency="weekly", weekday="2", send_time="18:30"))
    answer_all()
    reader = Subscriber.objects.get()
    assert set(reader.preferences.topics.all()) == topics
    assert (reader.frequency, reader.weekday, reader.send_time) == ("weekly", 2, time(18, 30))
    assert str(reader.timezone) == "Europe/Berlin"


def test_the_letter_is_sent_once_the_sign_up_is_stored(
    client: Client, worker: None, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    TopicFactory(slug="vision")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        client.post("/subscribe/", answers())
    assert [message.to for message in sent()] == [["ada@example.org"]]
    assert Letter.objects.get().status == Letter.Status.SENT


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "ada at example.org", "This is no address mail can be sent to."),
        ("email", "", "Write the address the digest should go to."),
        ("topics", ["astrology"], "There is no such topic. Choose from the list."),
        ("topics", [], "Choose at least one topic."),
        ("timezone", "Mars/Olympus_Mons", "This time zone is not known. Choose one from the list."),
        ("send_time", "25:00", "Write the hour as 07:00."),
        ("frequency", "hourly", "Select a valid choice."),
        ("weekday", "7", "Select a valid choice."),
        ("max_papers", "11", "Select a valid choice."),
    ],
)
def test_a_bad_answer_is_refused_at_its_field_and_nothing_is_written(
    client: Client, field: str, value: object, words: str
) -> None:
    TopicFactory(slug="vision")
    before = everything()

    response = client.post("/subscribe/", answers() | {field: value})

    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert page.count('class="error"') == 1
    assert everything() == before


def test_what_was_typed_stays_on_the_page_that_refuses_it(client: Client) -> None:
    TopicFactory(slug="vision")
    TopicFactory(slug="audio")
    page = client.post(
        "/subscribe/", answers(email="ada@", send_time="18:30", timezone="Asia/Kolkata", frequency="daily")
    ).content.decode()
    assert 'value="ada@"' in page
    assert 'value="18:30"' in page
    assert '<option value="Asia/Kolkata" selected>' in page
    assert '<option value="daily" selected>' in page
    assert 'value="vision" checked' in page
    assert 'value="audio" checked' not in page


def test_markup_that_was_typed_is_shown_as_text(client: Client) -> None:
    page = client.post("/subscribe/", answers(email='"><script>alert(1)</script>')).content.decode()
    assert "<script>alert" not in page


def test_the_page_of_the_box_preselects_the_topics_of_its_address(client: Client) -> None:
    TopicFactory(slug="vision")
    page = client.get("/subscribe/?topics=vision,nonsense").content.decode()
    assert 'value="vision" checked' in page


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    for path in ("/subscribe/", "/confirm/x/", "/preferences/x/", "/unsubscribe/x/"):
        assert getattr(client, method)(path).status_code == 405


# Confirming


@pytest.fixture
def asked(set_clock: SetClock) -> Letter:
    preferences = Preferences.objects.for_choice([TopicFactory()], max_papers=10)
    schedule = {"frequency": "daily", "weekday": 0, "send_time": time(7), "timezone": "UTC"}
    return signup.ask("ada@example.org", preferences, schedule, ip=None)


@pytest.mark.usefixtures("asked")
def test_the_button_behind_the_link_confirms(client: Client) -> None:
    path = confirm_path()
    page = client.get(path)
    assert "ada@example.org" in page.content.decode()

    assert client.post(path).status_code == 200
    reader = Subscriber.objects.get()
    assert (reader.status, reader.next_digest_at) == (Subscriber.Status.ACTIVE, MORNING)
    assert reader.consents.latest("pk").ip == "127.0.0.1"


@pytest.mark.usefixtures("asked")
def test_a_link_that_is_used_up_says_so(client: Client) -> None:
    path = confirm_path()
    client.post(path)
    before = everything()
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 404
        assert "used up or has expired" in response.content.decode()
    assert everything() == before


@pytest.mark.usefixtures("asked")
def test_a_link_of_four_days_ago_has_expired(client: Client, set_clock: SetClock) -> None:
    path = confirm_path()
    set_clock(MORNING + timedelta(days=4))
    assert client.get(path).status_code == client.post(path).status_code == 404
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING


# Links in mails


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_opens_every_link_changes_nothing(client: Client, method: str) -> None:
    paths = [confirm_path()]
    reader = SubscriberFactory()
    paths += [preferences_path(reader), unsubscribe_path(reader)]
    before = everything()
    for path in paths:
        response = getattr(client, method)(path)
        assert response.status_code == 200, path
        assert "no-store" in response["Cache-Control"]
    assert everything() == before


@pytest.mark.parametrize("page", ["confirm", "preferences", "pause", "unsubscribe"])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("token", ["x", "1.0~x", "1.0~", "..~", "%00", "🙂", "a" * 5000])
def test_a_link_that_was_tampered_with_is_404_and_changes_nothing(
    client: Client, page: str, method: str, token: str
) -> None:
    SubscriberFactory()
    before = everything()
    response = getattr(client, method)(f"/{page}/{token}/")
    assert response.status_code == 404
    assert everything() == before


def test_the_link_to_the_choices_does_not_unsubscribe(client: Client) -> None:
    reader = SubscriberFactory()
    token = tokens.sign(Purpose.PREFERENCES, reader.pk)
    assert client.post(f"/unsubscribe/{token}/").status_code == 404
    assert Subscriber.objects.get().status == Subscriber.Status.ACTIVE


# Unsubscribing


def test_one_click_unsubscribes_without_cookies_or_redirect() -> None:
    reader = SubscriberFactory()
    provider = Client(enforce_csrf_checks=True)
    for _ in range(2):
        response = provider.post(unsubscribe_path(reader), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert not response.cookies
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED
    assert reader.consents.count() == 1


def test_one_click_works_months_and_a_changed_epoch_later(client: Client, set_clock: SetClock) -> None:
    reader = SubscriberFactory()
    path = unsubscribe_path(reader)
    Subscriber.objects.update(token_epoch=5)
    set_clock(MORNING + timedelta(days=300))
    assert client.post(path).status_code == 200
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED


def test_the_page_behind_the_link_has_one_button(client: Client) -> None:
    page = client.get(unsubscribe_path(SubscriberFactory())).content.decode()
    assert page.count("<button") == 1


def test_who_has_left_is_told_so(client: Client) -> None:
    reader = SubscriberFactory(status=Subscriber.Status.UNSUBSCRIBED, next_digest_at=None)
    assert "You have left already" in client.get(unsubscribe_path(reader)).content.decode()


# A pause


def test_a_pause_is_a_week_of_the_readers_own_days(client: Client, set_clock: SetClock) -> None:
    reader = SubscriberFactory(timezone="Pacific/Auckland", send_time=time(7, 0))
    set_clock(MORNING.replace(hour=13))  # the 5th, in Auckland
    asked = client.get(letters.pause_path(reader)).content.decode()
    assert "before Tuesday, 12 May" in asked
    assert asked.count("<button") == 1

    answer = client.post(letters.pause_path(reader))

    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 12)
    assert reader.next_digest_at == datetime(2026, 5, 11, 19, tzinfo=UTC)
    assert "on Tuesday, 12 May at 07:00 Auckland time" in answer.content.decode()
    assert letters.preferences_path(reader) in answer.content.decode()


def test_a_pause_needs_no_cookies_and_may_be_asked_for_twice() -> None:
    reader = SubscriberFactory()
    stranger = Client(enforce_csrf_checks=True)
    pages = [stranger.post(letters.pause_path(reader)) for _ in range(2)]
    assert [(page.status_code, len(page.cookies)) for page in pages] == [(200, 0)] * 2
    assert pages[0].content == pages[1].content
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 11)


def test_a_longer_pause_stays(client: Client) -> None:
    reader = SubscriberFactory(paused_until=date(2026, 8, 1))
    assert "Your digest is paused" in client.get(letters.pause_path(reader)).content.decode()
    client.post(letters.pause_path(reader))
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 8, 1)


def test_a_pause_ends_where_its_date_is_taken_out(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory()
    client.post(letters.pause_path(reader))
    client.post(letters.preferences_path(reader), answers(frequency="daily", timezone="UTC", paused_until=""))
    reader.refresh_from_db()
    assert reader.paused_until is None
    assert reader.next_digest_at == MORNING.replace(hour=7)


@pytest.mark.parametrize("status", [Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED])
def test_who_gets_no_digests_has_nothing_to_pause(client: Client, status: str) -> None:
    reader = SubscriberFactory(status=status, next_digest_at=None)
    before = everything()
    assert "There is nothing to pause" in client.post(letters.pause_path(reader)).content.decode()
    assert everything() == before


def test_looking_at_a_pause_changes_nothing(client: Client) -> None:
    reader = SubscriberFactory()
    before = everything()
    assert client.get(letters.pause_path(reader)).status_code == 200
    assert everything() == before


# Preferences


def test_saved_choices_hold_from_the_next_digest_on(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()], next_digest_at=MORNING + timedelta(days=1))
    topic = TopicFactory(slug="vision")
    path = preferences_path(reader)

    response = client.post(path, answers(send_time="18:00", timezone="UTC", frequency="daily", max_papers="5"))

    assert response.status_code == 302
    assert "Saved." in client.get(response["Location"]).content.decode()
    reader.refresh_from_db()
    assert list(reader.preferences.topics.all()) == [topic]
    assert reader.preferences.max_papers == 5
    assert reader.next_digest_at == MORNING.replace(hour=18)
    assert reader.email != "ada@example.org"


def test_the_choices_of_others_who_chose_the_same_stay(client: Client) -> None:
    shared = TopicFactory()
    TopicFactory(slug="vision")
    reader, other = SubscriberFactory.create_batch(2, topics=[shared])
    client.post(preferences_path(reader), answers())
    other.refresh_from_db()
    assert list(other.preferences.topics.all()) == [shared]


def test_the_page_shows_what_is_chosen(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory(slug="vision")], timezone="Asia/Kolkata", send_time=time(18, 30))
    TopicFactory(slug="audio")
    page = client.get(preferences_path(reader)).content.decode()
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
    before = everything()
    response = client.post(preferences_path(reader), answers() | {field: value})
    assert response.status_code == 422
    assert everything() == before


def test_an_empty_form_is_refused(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()])
    assert client.post(preferences_path(reader)).status_code == 422


def test_choices_cannot_be_changed_from_another_site() -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(topics=[TopicFactory()])
    before = everything()
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(preferences_path(reader), answers()).status_code == 403
    assert everything() == before


def test_who_has_left_is_not_brought_back_by_the_choices(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(status=Subscriber.Status.UNSUBSCRIBED, next_digest_at=None)
    assert "You are not subscribed" in client.get(preferences_path(reader)).content.decode()
    client.post(preferences_path(reader), answers())
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED
    assert not Subscriber.objects.due().exists()


def test_saving_keeps_what_the_form_does_not_show(client: Client) -> None:
    words = {"followed_phrases": ["survey"], "muted_authors": ["Ada Example"], "minimum_score": 2.0}
    reader = SubscriberFactory()
    reader.preferences = Preferences.objects.for_choice([TopicFactory(slug="vision")], **words)
    reader.save()

    client.post(preferences_path(reader), answers(max_papers="5"))

    reader.refresh_from_db()
    assert reader.preferences.max_papers == 5
    assert {name: getattr(reader.preferences, name) for name in words} == words


def test_words_that_are_typed_are_saved_and_shown_again(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(topics=[TopicFactory()])
    client.post(preferences_path(reader), answers(muted_phrases="crypto, blockchain", followed_authors=""))
    reader.refresh_from_db()
    assert reader.preferences.muted_phrases == ["crypto", "blockchain"]
    assert "crypto\nblockchain</textarea>" in client.get(preferences_path(reader)).content.decode()


def test_a_word_too_many_is_refused_at_its_field(client: Client) -> None:
    TopicFactory(slug="vision")
    page = client.post("/subscribe/", answers(muted_phrases=",".join(map(str, range(21))))).content.decode()
    assert "These are 21. Keep the 20 that matter most." in page
    assert '<details class="choices" open>' in page
    assert page.count('class="error"') == 1


def test_a_topic_says_how_many_papers_it_had_this_week(client: Client) -> None:
    vision, idle = TopicFactory(slug="vision"), TopicFactory(slug="idle")
    for days in (0, 6, 7):
        PaperFactory(topics=[vision], listed_on=MONDAY - timedelta(days=days))
    page = client.get("/subscribe/").content.decode()
    assert f'<span data-count="2">{vision}</span>' in page
    assert f"<span>{idle}</span>" in page
    PaperFactory(topics=[vision, idle])
    assert f'<span data-count="3">{vision}</span>' in client.get("/").content.decode()

import time as time_
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.test import Client

from newsletter.celery import app
from subscribers import letters, tokens
from subscribers.models import Consent, Farewell, Preferences, Subscriber, Suppression
from subscribers.pages.link_session import mark_of
from subscribers.tokens import Purpose
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.links import follow, mark, press

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


def answers(topic: str = "vision", **changes: Any) -> dict[str, object]:
    """Return what the form of the choices sends."""
    return {"topics": [topic], "frequency": "weekdays", "weekday": "0", "send_time": "07:00",
            "timezone": "Europe/Berlin", "max_papers": "10"} | changes  # fmt: skip


def everything() -> dict[str, list[dict[str, object]]]:
    """Return every row of readers, to see that none changed."""
    models = apps.get_app_config("subscribers").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def choices_link(reader: Subscriber) -> str:
    return letters.preferences_path(reader)


def leave_link(reader: Subscriber) -> str:
    return f"/unsubscribe/{tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)}/"


def leave(client: Client, reader: Subscriber) -> Any:
    """Press the button of the page of leaving, and return the page it leads to."""
    assert press(client, leave_link(reader))["Location"] == "/unsubscribe/"
    page = client.get("/unsubscribe/")
    assert "You are unsubscribed" in page.content.decode()
    return page


def links_of(reader: Subscriber) -> list[str]:
    return [choices_link(reader), letters.pause_path(reader), leave_link(reader)]


# Links in mails


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_opens_every_link_changes_nothing(client: Client, method: str) -> None:
    reader = SubscriberFactory()
    before = everything()
    for link in links_of(reader):
        response = getattr(client, method)(link, follow=True)
        assert response.status_code == 200, link
    assert everything() == before


def test_a_link_moves_to_an_address_without_its_token(client: Client) -> None:
    reader = SubscriberFactory()
    for link, page in zip(links_of(reader), ("/preferences/", "/pause/", "/unsubscribe/"), strict=True):
        token = link.split("/")[2]
        answer = follow(client, link)
        assert answer.wsgi_request.get_full_path() == page
        shown = answer.content.decode()
        assert token not in shown or page == "/preferences/"  # whose page links to the way out


def test_the_cookie_of_a_link_is_signed_out_of_reach_and_lasts_an_hour(client: Client, settings: LazySettings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    client.get(choices_link(SubscriberFactory()))
    cookie = client.cookies["link_preferences"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"], cookie["secure"]) == (3600, True, "Lax", True)
    client.cookies["link_preferences"] = cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")
    assert "This page opens with your own link" in client.get("/preferences/").content.decode()


def test_a_cookie_of_more_than_an_hour_ago_opens_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(choices_link(SubscriberFactory()))
    later = time_.time() + 3601
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert "This page opens with your own link" in client.get("/preferences/").content.decode()


def test_the_cookie_of_one_link_opens_no_other_page(client: Client) -> None:
    reader = SubscriberFactory()
    client.get(leave_link(reader))
    client.cookies["link_preferences"] = client.cookies["link_unsubscribe"].value
    for page in ("/preferences/", "/pause/", "/erase/"):
        assert "This page opens with your own link" in client.get(page).content.decode()


def test_every_page_of_a_link_is_kept_by_nobody_and_says_nothing_to_others(client: Client) -> None:
    reader = SubscriberFactory()
    for link in [*links_of(reader), "/confirm/x/", "/data/x/", "/erase/x/", "/address/x/", "/preferences/x/"]:
        for answer in (client.get(link), client.get(f"/{link.split('/')[1]}/")):
            assert "no-store" in answer["Cache-Control"], link
            assert answer["Referrer-Policy"] == "no-referrer", link
    assert client.post(leave_link(reader))["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("page", ["confirm", "preferences", "pause", "unsubscribe", "address", "data", "erase"])
@pytest.mark.parametrize("token", ["x", "1.0~x", "1.0~", "..~", "%00", "🙂", "a" * 5000])
def test_a_link_that_was_tampered_with_is_404_and_changes_nothing(client: Client, page: str, token: str) -> None:
    SubscriberFactory()
    before = everything()
    assert client.get(f"/{page}/{token}/").status_code == 404
    assert client.post(f"/{page}/{token}/").status_code == (404 if page == "unsubscribe" else 405)
    assert everything() == before


def test_a_token_opens_only_what_it_is_for(client: Client) -> None:
    reader = SubscriberFactory()
    before = everything()
    for purpose in Purpose:
        token = tokens.sign(purpose, reader.pk, reader.token_epoch)
        for page in {"preferences", "pause", "unsubscribe"} - {purpose.value}:
            assert client.get(f"/{page}/{token}/").status_code == 404
        if purpose != Purpose.UNSUBSCRIBE:
            assert client.post(f"/unsubscribe/{token}/").status_code == 404
    assert everything() == before


def test_links_and_cookies_of_an_old_key_work_until_it_is_taken_out(client: Client, settings: LazySettings) -> None:
    reader = SubscriberFactory()
    link = letters.pause_path(reader)
    page = follow(client, link)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new key"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert client.post("/pause/", {"mark": mark(page)}).status_code == 200
    assert follow(Client(), link).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(link).status_code == 404
    assert client.post("/pause/", {"mark": mark(page)}).status_code == 403


def test_a_new_epoch_closes_the_choices_even_behind_a_cookie_and_never_the_way_out(client: Client) -> None:
    reader = SubscriberFactory()
    page = follow(client, choices_link(reader))
    Subscriber.objects.update(token_epoch=1)
    assert client.get("/preferences/").status_code == 410
    assert client.post("/preferences/", {"mark": mark(page)} | answers()).status_code == 410
    assert follow(client, leave_link(reader)).status_code == 200


def test_the_page_of_another_reader_in_the_same_browser_saves_nothing(client: Client) -> None:
    TopicFactory(slug="vision")
    one, other = SubscriberFactory.create_batch(2, topics=[TopicFactory()])
    page = follow(client, choices_link(one))
    follow(client, choices_link(other))
    before = everything()
    answer = client.post("/preferences/", answers() | {"mark": mark(page)})
    assert answer.status_code == 403
    assert "This page is out of date" in answer.content.decode()
    assert everything() == before


# Asking for a link


def test_what_is_no_address_is_refused_at_its_field(client: Client) -> None:
    answer = client.post("/preferences/link/", {"email": 'ada@"><b>'})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "We cannot send mail to this address." in page
    assert "<b>" not in page


# Unsubscribing


def test_one_click_unsubscribes_without_cookies_or_redirect() -> None:
    reader = SubscriberFactory()
    provider = Client(enforce_csrf_checks=True)
    for _ in range(2):
        response = provider.post(leave_link(reader), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert not response.cookies
    assert Subscriber.objects.get().status == UNSUBSCRIBED
    assert reader.consents.get().source == "one click"


def test_one_click_works_years_and_a_changed_epoch_later(client: Client, set_clock: SetClock) -> None:
    reader = SubscriberFactory()
    link = leave_link(reader)
    Subscriber.objects.update(token_epoch=5)
    set_clock(MORNING + timedelta(days=3000))
    assert client.post(link).status_code == 200
    assert Subscriber.objects.get().status == UNSUBSCRIBED


def test_one_click_works_while_redis_is_down(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    broker, app.conf.broker_url = app.conf.broker_url, settings.REDIS_URL
    try:
        assert client.post(leave_link(SubscriberFactory())).status_code == 200
        leave(client, SubscriberFactory())
    finally:
        app.conf.broker_url = broker
    assert not Subscriber.objects.active().exists()


def test_one_click_of_who_is_not_there_any_more_is_answered_alike(client: Client) -> None:
    reader = SubscriberFactory()
    link = leave_link(reader)
    first = client.post(link)
    reader.delete()
    again = client.post(link)
    assert (first.status_code, first.content) == (again.status_code, again.content)


def test_the_page_behind_the_link_has_one_button(client: Client) -> None:
    page = follow(client, leave_link(SubscriberFactory())).content.decode()
    assert page.count("<button") == 1


def test_who_has_left_is_told_so(client: Client) -> None:
    reader = SubscriberFactory(status=UNSUBSCRIBED, next_digest_at=None)
    assert "You have already left" in follow(client, leave_link(reader)).content.decode()


@pytest.mark.parametrize(("how_long", "back_on"), [("week", date(2026, 5, 11)), ("month", date(2026, 6, 3))])
def test_who_has_left_may_pause_instead(client: Client, how_long: str, back_on: date) -> None:
    served = MORNING - timedelta(days=1)
    reader = SubscriberFactory(
        confirmed_at=MORNING - timedelta(days=9), covered_through=served, last_slot_at=served, send_time=time(7)
    )
    left = leave(client, reader)
    page = client.post("/unsubscribe/pause/", {"mark": mark(left), "how_long": how_long})
    assert "Your digest is paused" in page.content.decode()
    reader.refresh_from_db()
    assert (reader.status, reader.paused_until, reader.covered_through) == (ACTIVE, back_on, served)
    assert reader.next_digest_at == datetime.combine(back_on, time(7), UTC)
    assert [consent.act for consent in reader.consents.order_by("pk")] == ["unsubscribed", "stayed"]


@pytest.mark.parametrize("case", ["an hour ago", "suppressed", "never confirmed"])
def test_a_pause_instead_brings_nobody_back_who_may_not_be_mailed(
    client: Client, set_clock: SetClock, case: str
) -> None:
    reader = SubscriberFactory(confirmed_at=None if case == "never confirmed" else MORNING)
    left = leave(client, reader)
    if case == "an hour ago":
        set_clock(MORNING + timedelta(minutes=61))
    if case == "suppressed":
        Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.COMPLAINT)
    page = client.post("/unsubscribe/pause/", {"mark": mark(left), "how_long": "week"})
    assert "There is nothing to pause" in page.content.decode()
    reader.refresh_from_db()
    assert (reader.status, reader.next_digest_at, reader.paused_until) == (UNSUBSCRIBED, None, None)


def test_a_reason_is_kept_with_the_reader_and_only_after_leaving(client: Client) -> None:
    reader = SubscriberFactory()
    said = {"reason": "too_many", "words": "Ten a day would do. ☕"}
    assert press(client, leave_link(reader), said, at="/unsubscribe/reason/").status_code == 302
    assert not Farewell.objects.exists()

    left = leave(client, reader)
    for words in ("first", said["words"]):
        client.post("/unsubscribe/reason/", {"mark": mark(left)} | said | {"words": words})
    farewell = Farewell.objects.get()
    assert (farewell.subscriber, farewell.reason, farewell.words) == (reader, "too_many", said["words"])


def test_a_reason_is_optional_and_never_taken_from_an_address(client: Client) -> None:
    left = leave(client, SubscriberFactory())
    for path in ("/unsubscribe/reason/?reason=too_many", "/unsubscribe/pause/?how_long=week"):
        assert client.get(path).status_code == 302
    assert "Thank you" in client.post("/unsubscribe/reason/", {"mark": mark(left)}).content.decode()
    assert client.post("/unsubscribe/reason/", {"mark": mark(left), "reason": "x"}).status_code == 302
    assert not Farewell.objects.exists()
    assert not Subscriber.objects.active().exists()


# A pause


def test_a_pause_is_a_week_of_the_readers_own_days(client: Client, set_clock: SetClock) -> None:
    reader = SubscriberFactory(timezone="Pacific/Auckland", send_time=time(7, 0))
    set_clock(MORNING.replace(hour=13))  # the 5th, in Auckland
    asked = follow(client, letters.pause_path(reader)).content.decode()
    assert "before Tuesday, 12 May" in asked
    assert asked.count("<button") == 1

    answer = press(client, letters.pause_path(reader))

    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 12)
    assert reader.next_digest_at == datetime(2026, 5, 11, 19, tzinfo=UTC)
    assert "on Tuesday, 12 May at 07:00 Auckland time" in answer.content.decode()
    assert choices_link(reader) in answer.content.decode()


def test_a_pause_may_be_asked_for_twice(client: Client) -> None:
    reader = SubscriberFactory()
    page = follow(client, letters.pause_path(reader))
    pages = [client.post("/pause/", {"mark": mark(page)}) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 5, 11)


def test_a_longer_pause_stays(client: Client) -> None:
    reader = SubscriberFactory(paused_until=date(2026, 8, 1))
    page = follow(client, letters.pause_path(reader))
    assert "Your digest is paused" in page.content.decode()
    client.post("/pause/", {"mark": mark_of(letters.pause_path(reader).split("/")[2])})
    reader.refresh_from_db()
    assert reader.paused_until == date(2026, 8, 1)


def test_a_pause_ends_where_its_date_is_taken_out(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory()
    press(client, letters.pause_path(reader))
    press(client, choices_link(reader), answers(frequency="daily", timezone="UTC", paused_until=""))
    reader.refresh_from_db()
    assert reader.paused_until is None
    assert reader.next_digest_at == MORNING.replace(hour=7)


@pytest.mark.parametrize("status", [Subscriber.Status.PENDING, UNSUBSCRIBED])
def test_who_gets_no_digests_has_nothing_to_pause(client: Client, status: str) -> None:
    reader = SubscriberFactory(status=status, next_digest_at=None)
    assert "There is nothing to pause" in follow(client, letters.pause_path(reader)).content.decode()


# Preferences


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
    before = everything()
    response = press(client, choices_link(reader), answers() | {field: value})
    assert response.status_code == 422
    assert everything() == before


def test_an_empty_form_is_refused(client: Client) -> None:
    reader = SubscriberFactory(topics=[TopicFactory()])
    assert press(client, choices_link(reader)).status_code == 422


def test_choices_cannot_be_changed_from_another_site(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory(topics=[TopicFactory()])
    before = everything()
    follow(client, choices_link(reader))
    for path in ("/preferences/", "/preferences/address/", "/preferences/data/", "/digest/effect/"):
        assert client.post(path, answers()).status_code == 403
    assert everything() == before


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


def test_acts_of_a_reader_name_where_they_came_from(client: Client) -> None:
    reader = SubscriberFactory()
    press(client, leave_link(reader))
    consent = Consent.objects.get()
    assert (consent.act, consent.source, consent.ip, consent.at) == (
        "unsubscribed",
        "page of leaving",
        "127.0.0.1",
        MORNING,
    )

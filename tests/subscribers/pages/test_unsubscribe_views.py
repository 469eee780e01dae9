from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from newsletter.celery import app
from subscribers.models import Consent, Farewell, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory
from tests.links import follow, mark, press
from tests.subscribers.reader_links import leave_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


def leave(client: Client, reader: Subscriber) -> Any:
    """Press the button of the page of leaving, and return the page it leads to."""
    assert press(client, leave_link(reader))["Location"] == "/unsubscribe/"
    page = client.get("/unsubscribe/")
    assert "You are unsubscribed" in page.content.decode()
    return page


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


def test_a_reader_who_left_is_shown_as_unsubscribed(client: Client) -> None:
    reader = SubscriberFactory(status=UNSUBSCRIBED, next_digest_at=None)
    assert "You are already unsubscribed" in follow(client, leave_link(reader)).content.decode()


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

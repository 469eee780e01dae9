"""The page of a confirmation says of the first digest what is true."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from digests.assembly import assemble
from digests.models import SendingSwitch
from digests.reader_pages.first_digest import Kind, first_digest
from digests.sending import switch
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers import letters
from subscribers.models import Letter, Preferences, Subscriber
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import press
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


@pytest.fixture
def issue(set_clock: object) -> Issue:
    return published_issue(MONDAY, PaperFactory())


def confirmed(client: Client, *topics: Topic, **changes: Any) -> str:
    """Sign up, follow the link of the letter, press the button, and return the page."""
    when = {"frequency": "daily", "weekday": 0, "send_time": time(7), "timezone": "UTC"} | changes
    preferences = Preferences.objects.for_choice(topics or [TopicFactory()])
    letter = opt_in.sign_up("ada@example.org", preferences, when, ip=None)
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=letter.pk))
    link = next(word for word in sent()[-1].body.split() if "/confirm/" in word)
    return str(press(client, "/confirm/" + link.split("/confirm/")[1]).content.decode())


@pytest.mark.usefixtures("issue")
def test_the_first_digest_is_on_its_way_where_it_is(client: Client) -> None:
    assert "Your first digest is on its way" in confirmed(client)


@pytest.mark.usefixtures("issue")
def test_the_page_shows_that_sending_is_paused(client: Client) -> None:
    switch.pause("ed", "a look at the bounces")
    page = confirmed(client)
    assert "Sending is paused at the moment." in page
    assert "on its way" not in page
    assert "bounces" not in page


@pytest.mark.usefixtures("issue")
def test_the_page_shows_that_sending_is_held(client: Client) -> None:
    SendingSwitch.objects.create(pk=1, hold_reason="it looks like a backup")
    assert first_digest(SubscriberFactory().pk).kind == Kind.STOPPED


@pytest.mark.usefixtures("issue")
def test_the_page_of_a_sign_up_shows_that_letters_are_held(client: Client) -> None:
    assert "delayed" not in client.get("/subscribe/check-your-inbox/").content.decode()
    SendingSwitch.objects.create(pk=1, hold_reason="it looks like a backup")
    assert "Our mail is delayed at the moment" in client.get("/subscribe/check-your-inbox/").content.decode()


def test_without_an_issue_the_first_digest_comes_at_a_regular_hour(client: Client) -> None:
    page = confirmed(client)
    assert "No issue has come out lately" in page
    assert "on its way" not in page


def test_an_issue_of_long_ago_is_none(issue: Issue) -> None:
    with clock.at(MORNING + timedelta(days=20)):
        assert first_digest(SubscriberFactory().pk).kind == Kind.NO_ISSUE


@pytest.mark.usefixtures("issue")
@pytest.mark.parametrize(
    ("now", "schedule", "words"),
    [
        # 05:06 in Tokyo on Tuesday: at 07:00 Monday's issue is still the newest, and Tuesday's is out by Wednesday.
        ("2026-05-04 20:06", {"timezone": "Asia/Tokyo"}, "Wednesday, 6 May at 07:00"),
        ("2026-05-04 20:06", {"timezone": "Europe/Berlin"}, "Tuesday, 5 May at 07:00"),
        ("2026-05-04 20:06", {"timezone": "UTC"}, "Tuesday, 5 May at 07:00"),
        # Due at 03:00 on Tuesday, the reader waits for the issue of the day, which comes at 05:00.
        ("2026-05-04 20:06", {"timezone": "UTC", "send_time": time(3)}, "Tuesday, 5 May at 05:00"),
        ("2026-05-04 20:06", {"timezone": "UTC", "frequency": "weekly", "weekday": 0}, "Monday, 11 May at 07:00"),
        ("2026-05-08 20:06", {"timezone": "UTC", "frequency": "weekdays"}, "Monday, 11 May at 07:00"),
    ],
)
def test_the_page_names_the_next_day_with_an_issue(
    client: Client, set_clock: SetClock, now: str, schedule: dict[str, Any], words: str
) -> None:
    set_clock(datetime.fromisoformat(f"{now}+00:00"))
    assert f"The next issue reaches you on {words}." in confirmed(client, **schedule)


def test_a_reader_who_returns_on_the_same_day_reads_that_the_papers_were_sent(
    client: Client, set_clock: SetClock
) -> None:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic]), PaperFactory())
    confirmed(client, topic)
    assemble.assemble_due_digests()
    set_clock(MORNING + timedelta(hours=3))
    Subscriber.objects.get().unsubscribe()

    page = confirmed(client, topic)

    assert "You have had today’s papers; the next come on Tuesday, 5 May at 07:00." in page
    assert "on its way" not in page

"""The page of a confirmation says of the first digest what is true."""

from datetime import timedelta

import pytest
from django.test import Client

from digests.models import SendingSwitch
from digests.reader_pages.first_digest import FirstDigest, first_digest
from digests.sending import switch
from newsletter import clock
from newsletter.issues.models import Issue
from subscribers import letters
from subscribers.models import Letter, Preferences
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, TopicFactory, published_issue
from tests.links import press
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def issue(set_clock: object) -> Issue:
    return published_issue(MONDAY, PaperFactory())


def confirmed(client: Client) -> str:
    """Sign up, follow the link of the letter, press the button, and return the page."""
    when = {"frequency": "daily", "weekday": 0, "send_time": "07:00", "timezone": "UTC"}
    letter = opt_in.sign_up("ada@example.org", Preferences.objects.for_choice([TopicFactory()]), when, ip=None)
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=letter.pk))
    link = next(word for word in sent()[-1].body.split() if "/confirm/" in word)
    return str(press(client, "/confirm/" + link.split("/confirm/")[1]).content.decode())


@pytest.mark.usefixtures("issue")
def test_the_first_digest_is_on_its_way_where_it_is(client: Client) -> None:
    assert first_digest() == FirstDigest.NOW
    assert "Your first digest is on its way" in confirmed(client)


@pytest.mark.usefixtures("issue")
def test_while_sending_is_paused_the_page_says_so(client: Client) -> None:
    switch.pause("ed", "a look at the bounces")
    page = confirmed(client)
    assert "Sending is paused at the moment." in page
    assert "on its way" not in page
    assert "bounces" not in page


@pytest.mark.usefixtures("issue")
def test_while_sending_is_held_the_page_says_so(client: Client) -> None:
    SendingSwitch.objects.create(pk=1, hold_reason="it looks like a backup")
    assert first_digest() == FirstDigest.STOPPED


@pytest.mark.usefixtures("issue")
def test_while_letters_are_held_the_page_of_a_sign_up_says_so(client: Client) -> None:
    assert "held up" not in client.get("/subscribe/check-your-inbox/").content.decode()
    SendingSwitch.objects.create(pk=1, hold_reason="it looks like a backup")
    assert "Our mail is held up at the moment" in client.get("/subscribe/check-your-inbox/").content.decode()


def test_without_an_issue_the_first_digest_comes_at_a_regular_hour(client: Client) -> None:
    page = confirmed(client)
    assert "No issue has come out lately" in page
    assert "on its way" not in page


def test_an_issue_of_long_ago_is_none(issue: Issue) -> None:
    with clock.at(MORNING + timedelta(days=20)):
        assert first_digest() == FirstDigest.NO_ISSUE

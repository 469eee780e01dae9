"""Readers whose browsers keep no cookies."""

import re
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from newsletter import clock
from newsletter.papers.models import Proposal, Vote
from subscribers import letters, tokens
from subscribers.models import Farewell, Letter, Preferences, Subscriber
from subscribers.subscription import link_requests, opt_in
from subscribers.tokens import Purpose
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.subscribers.reader_links import leave_link, pause_link
from tests.subscribers.signups import answers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


class Forgetful(Client):
    """A browser that drops every cookie."""

    def request(self, **request: Any) -> Any:
        self.cookies.clear()
        return super().request(**request)


@pytest.fixture
def browser() -> Forgetful:
    return Forgetful(enforce_csrf_checks=True)


def hidden(page: Any) -> dict[str, str]:
    """Return what the first form of a page holds."""
    text = page.content.decode().partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))


def press(browser: Client, page: Any, at: str, **typed: Any) -> Any:
    assert f'action="{at}"' in page.content.decode()
    return browser.post(at, hidden(page) | typed)


def link_of(letter: Letter | None, page: str) -> str:
    assert letter is not None
    token = tokens.random_token()
    Letter.objects.filter(pk=letter.pk).update(sending_at=clock.now(), token_hash=tokens.hash_token(token))
    return f"/{page}/{token}/"


def test_leaving_its_reason_and_a_pause_instead(browser: Forgetful) -> None:
    reader = SubscriberFactory(confirmed_at=MORNING)
    page = browser.get(leave_link(reader), follow=True)
    assert "Unsubscribe?" in page.content.decode()
    assert Subscriber.objects.get().status == ACTIVE

    left = press(browser, page, "/unsubscribe/")
    assert "You are unsubscribed" in left.content.decode()
    assert Subscriber.objects.get().status == UNSUBSCRIBED
    assert "Thank you" in press(browser, left, "/unsubscribe/reason/", reason="too_many").content.decode()
    assert Farewell.objects.get().reason == "too_many"
    assert "Your digest is paused" in press(browser, left, "/unsubscribe/pause/", how_long="week").content.decode()
    assert Subscriber.objects.get().status == ACTIVE


def test_confirming(browser: Forgetful) -> None:
    schedule = {"frequency": "daily", "weekday": 0, "send_time": "07:00", "timezone": "UTC"}
    letter = opt_in.sign_up("ada@example.org", Preferences.objects.for_choice([TopicFactory()]), schedule, ip=None)
    page = browser.get(link_of(letter, "confirm"), follow=True)
    assert "You are subscribed" in press(browser, page, "/confirm/").content.decode()
    assert Subscriber.objects.get().status == ACTIVE


def test_a_pause(browser: Forgetful) -> None:
    reader = SubscriberFactory()
    page = browser.get(pause_link(reader), follow=True)
    assert "Your digest is paused" in press(browser, page, "/pause/").content.decode()


def test_changing_the_choices_and_seeing_the_effect(browser: Forgetful) -> None:
    reader, topic = SubscriberFactory(topics=[TopicFactory()]), TopicFactory(slug="vision")
    page = browser.get(letters.preferences_path(reader), follow=True)
    assert "blocks cookies" in page.content.decode()
    effect = browser.post("/digest/effect/", hidden(page) | answers(), headers={"HX-Request": "true"})
    assert effect.status_code == 200
    saved = press(browser, page, "/preferences/", **answers())
    assert "Saved." in saved.content.decode()
    reader.refresh_from_db()
    assert list(reader.preferences.topics.all()) == [topic]
    again = press(browser, saved, "/preferences/", **answers(topics=[]))
    assert again.status_code == 422


def test_voting_and_taking_it_back_on_a_page_and_in_a_part_of_one(browser: Forgetful) -> None:
    topic = TopicFactory()
    entry = published_issue(MONDAY, PaperFactory(topics=[topic])).entries.get()
    reader = SubscriberFactory(topics=[topic])
    token = tokens.sign(Purpose.VOTE, reader.pk)
    page = browser.get(f"/vote/{token}/?entry={entry.pk}", follow=True)
    assert "Vote for this paper?" in page.content.decode()
    assert not Vote.objects.exists()
    voted = press(browser, page, "/vote/", act="vote")
    assert "You voted for this paper" in voted.content.decode()
    assert Vote.objects.get().issue_day == MONDAY
    assert "Vote for this paper?" in press(browser, voted, "/vote/", act="take_back").content.decode()
    assert not Vote.objects.exists()
    for act, words in (("vote", "Your vote counts"), ("take_back", "Vote for this paper")):
        page = browser.post("/vote/", hidden(page) | {"act": act}, headers={"HX-Request": "true"})
        assert words in page.content.decode()
        assert "<html" not in page.content.decode()
        assert Vote.objects.exists() == (act == "vote")


def test_proposing_a_paper_and_another(browser: Forgetful) -> None:
    page = browser.get(f"/propose/{tokens.sign(Purpose.PROPOSE, SubscriberFactory().pk)}/", follow=True)
    wrong = press(browser, page, "/propose/", paper="nothing", because="It is short.")
    assert wrong.status_code == 422
    for number in (1, 2):
        paper = f"https://arxiv.org/abs/2605.0000{number}"
        page = press(browser, page, "/propose/", paper=paper, because="It is short.")
        assert "The editors will look at it" in page.content.decode()
    assert Proposal.objects.count() == 2


def test_the_data_another_address_and_erasure(browser: Forgetful) -> None:
    reader = SubscriberFactory()
    choices = browser.get(letters.preferences_path(reader), follow=True)
    mailed = press(browser, choices, "/preferences/data/", what="export")
    assert reader.email in mailed.content.decode()
    page = browser.get(link_of(Letter.objects.get(kind="export"), "data"), follow=True)
    assert press(browser, page, "/data/").json()["subscription"]["email"] == reader.email
    page = browser.get(link_of(link_requests.plan_move_letter(reader, "new@example.org"), "address"), follow=True)
    assert "Your digests come here now" in press(browser, page, "/address/").content.decode()
    reader.refresh_from_db()
    page = browser.get(link_of(link_requests.plan_letter(reader, Letter.Kind.ERASE), "erase"), follow=True)
    assert "Your data has been deleted" in press(browser, page, "/erase/").content.decode()
    assert not Subscriber.objects.exists()


def test_the_page_is_kept_by_nobody_and_its_form_holds_for_its_own_reader_only(browser: Forgetful) -> None:
    one, other = SubscriberFactory.create_batch(2)
    page = browser.get(leave_link(one), follow=True)
    assert (page["Referrer-Policy"], "no-store" in page["Cache-Control"]) == ("no-referrer", True)
    forged = hidden(page) | {"link": leave_link(other).split("/")[2]}
    for typed in (forged, {"link": forged["link"]}, {"mark": forged["mark"]}, {}):
        assert browser.post("/unsubscribe/", typed).status_code == 403
    assert Subscriber.objects.active().count() == 2


def test_who_keeps_cookies_never_sees_a_token_in_the_address_or_a_form(client: Client) -> None:
    reader = SubscriberFactory()
    for link in (leave_link(reader), pause_link(reader), letters.preferences_path(reader)):
        page = client.get(link, follow=True)
        request: HttpRequest = page.wsgi_request
        assert request.get_full_path() == f"/{link.split('/')[1]}/"
        assert 'name="link"' not in page.content.decode()

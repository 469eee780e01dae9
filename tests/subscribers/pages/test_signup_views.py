import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.test import Client

from subscribers import letters
from subscribers.models import Consent, Letter, Preferences, SignupRequest, Subscriber
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory
from tests.links import follow, mark, press
from tests.provider import sent
from tests.rows import rows_of
from tests.subscribers.signups import answer_all, answers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def link_in(message: Any, part: str) -> str:
    """Return the path of the link in a mail that begins with `part`."""
    start = message.body.index(part)
    return str(urlsplit(message.body[start:].split()[0]).path)


def confirm_path() -> str:
    """Send the newest letter and return the path of its link."""
    letters.send(Letter.objects.select_related("subscriber__preferences").latest("pk"))
    return link_in(sent()[-1], "/confirm/")


# Signing up


def test_every_description_of_a_field_is_on_its_page(client: Client) -> None:
    TopicFactory(slug="vision")
    reader = SubscriberFactory()
    wrong = answers(followed_phrases="x" * 101, max_papers="7", email="nobody")
    pages = [client.get("/subscribe/"), client.get("/"), follow(client, letters.preferences_path(reader))]
    pages.append(client.post("/subscribe/", wrong))
    for page in pages:
        shown = page.content.decode()
        described = {name for text in re.findall(r'aria-describedby="([^"]*)"', shown) for name in text.split()}
        ids = re.findall(r'\sid="([^"]*)"', shown)
        assert described <= set(ids)
        assert {f"id_{name}_helptext" for name in Preferences.WORDS} | {"words-hint"} <= described
        assert len(ids) == len(set(ids))


def test_the_box_works_from_another_site_without_cookies() -> None:
    TopicFactory(slug="vision")
    stranger = Client(enforce_csrf_checks=True, headers={"origin": "https://elsewhere.example"})
    assert stranger.post("/subscribe/", answers()).status_code == 302
    answer_all()
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING


def test_a_form_that_asks_for_address_and_topics_alone_gets_the_pages_defaults(client: Client) -> None:
    TopicFactory(slug="vision")
    assert client.post("/subscribe/", {"email": "ada@example.org", "topics": "vision"}).status_code == 403  # a proof
    whole = answers()
    for name in ("frequency", "weekday", "send_time", "timezone", "max_papers", "detail"):
        whole.pop(name, None)
    assert client.post("/subscribe/", whole).status_code == 302
    answer_all()
    reader = Subscriber.objects.get()
    assert (reader.frequency, reader.send_time, str(reader.timezone)) == ("weekdays", time(7), "UTC")
    assert reader.preferences.max_papers == 10


def test_an_empty_answer_is_no_missing_one(client: Client) -> None:
    TopicFactory(slug="vision")
    assert client.post("/subscribe/", answers(frequency="")).status_code == 422


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
        ("email", "ada at example.org", "We cannot send mail to this address."),
        ("email", "", "Enter the address the digest should go to."),
        ("topics", ["astrology"], "There is no such topic. Choose one from the list."),
        ("topics", [], "Choose a topic, or follow words or authors."),
        ("timezone", "Mars/Olympus_Mons", "We do not know this time zone. Choose one from the list."),
        ("send_time", "25:00", "Enter the time as 07:00."),
        ("frequency", "hourly", "Select a valid choice."),
        ("weekday", "7", "Select a valid choice."),
        ("max_papers", "11", "Select a valid choice."),
    ],
)
def test_a_bad_answer_is_refused_at_its_field_and_nothing_is_written(
    client: Client, field: str, value: object, words: str
) -> None:
    TopicFactory(slug="vision")
    before = rows_of("subscribers")

    response = client.post("/subscribe/", answers() | {field: value})

    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert page.count('class="error"') == 1
    assert rows_of("subscribers") == before


def test_an_address_that_cannot_be_delivered_to_is_refused_with_a_clear_sentence(client: Client) -> None:
    TopicFactory(slug="vision")
    before = rows_of("subscribers")
    for address, sentence in (
        ("用户@example.org", "Our mail provider cannot deliver to addresses with letters such as “用” before the @."),
        (f"{'a' * 65}@example.org", "The part before the @ is too long: mail servers take 64 letters there."),
    ):
        page = client.post("/subscribe/", answers(email=address))
        assert page.status_code == 422
        assert sentence in page.content.decode()
    assert rows_of("subscribers") == before


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


@pytest.mark.parametrize("meant", ["ada@gmail.com", "ada@gmai.com"])
def test_a_mistyped_domain_is_asked_about_and_the_reader_decides(client: Client, meant: str) -> None:
    TopicFactory(slug="vision")
    asked = client.post("/subscribe/", answers(email="ada@gmai.com"))
    page = asked.content.decode()
    assert asked.status_code == 422
    assert "Did you mean ada@gmail.com?" in page
    assert f'<button name="intended_email" value="{meant}">' in page.replace(' class="second"', "")
    assert 'value="vision" checked' in page

    assert client.post("/subscribe/", answers(email="ada@gmai.com", intended_email=meant)).status_code == 302
    answer_all()
    assert Subscriber.objects.get().email == meant


@pytest.mark.parametrize(
    "typed", [{"email": "ada@mailinator.com"}, {"email": "ada@gmial.com", "intended_email": "ada@gmial.com"}]
)
def test_a_throw_away_address_is_refused_with_a_sentence(client: Client, typed: dict[str, str]) -> None:
    TopicFactory(slug="vision")
    refused = client.post("/subscribe/", answers(**typed))
    assert refused.status_code == 422
    assert "We send no digests to throw-away addresses." in refused.content.decode()
    assert not SignupRequest.objects.exists()


def test_an_address_that_was_corrected_by_hand_wins_over_the_suggestion(client: Client) -> None:
    TopicFactory(slug="vision")
    client.post("/subscribe/", answers(email="ada@example.org", intended_email="ada@gmail.com"))
    answer_all()
    assert Subscriber.objects.get().email == "ada@example.org"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    for path in ("/subscribe/", "/confirm/", "/preferences/", "/pause/", "/unsubscribe/", "/unsubscribe/x/"):
        assert getattr(client, method)(path).status_code == 405


# Confirming


@pytest.fixture
def asked(set_clock: SetClock) -> Letter:
    preferences = Preferences.objects.for_choice([TopicFactory()], max_papers=10)
    schedule = {"frequency": "daily", "weekday": 0, "send_time": time(7), "timezone": "UTC"}
    return opt_in.sign_up("ada@example.org", preferences, schedule, ip=None)


@pytest.mark.usefixtures("asked")
def test_the_button_behind_the_link_confirms(client: Client) -> None:
    path = confirm_path()
    assert "ada@example.org" in follow(client, path).content.decode()

    page = press(client, path)
    assert page.status_code == 200
    assert "It is expected on Monday, 4 May at 07:00." in page.content.decode()
    reader = Subscriber.objects.get()
    assert (reader.status, reader.next_digest_at) == (Subscriber.Status.ACTIVE, MORNING)
    consent = reader.consents.latest("pk")
    assert (consent.at, consent.ip, consent.text_version) == (MORNING, "127.0.0.1", opt_in.CONSENT_TEXT)
    assert consent.source == "link in the confirmation"


@pytest.mark.usefixtures("asked")
def test_the_page_of_a_used_link_explains_that_it_is_used(client: Client) -> None:
    path = confirm_path()
    opened = follow(client, path)
    client.post("/confirm/", {"mark": mark(opened)})
    before = rows_of("subscribers")
    for response in (client.get(path), client.get("/confirm/"), client.post("/confirm/", {"mark": mark(opened)})):
        assert response.status_code == 404
        assert "was used or has expired" in response.content.decode()
    assert rows_of("subscribers") == before


@pytest.mark.usefixtures("asked")
def test_a_link_of_four_days_ago_has_expired_and_offers_a_fresh_one(client: Client, set_clock: SetClock) -> None:
    path = confirm_path()
    set_clock(MORNING + timedelta(days=4))
    for page in (follow(client, path), press(client, path)):
        assert page.status_code == 410
        assert "Send a new link" in page.content.decode()
    assert Subscriber.objects.get().status == Subscriber.Status.PENDING

    assert press(client, path, at="/confirm/again/")["Location"] == "/subscribe/check-your-inbox/"

    assert Consent.objects.latest("pk").source == "expired link"
    assert press(client, confirm_path()).status_code == 200
    assert Subscriber.objects.get().status == Subscriber.Status.ACTIVE


@pytest.mark.usefixtures("asked")
def test_one_fresh_link_is_sent_a_day_and_the_answer_stays_the_same(client: Client, set_clock: SetClock) -> None:
    path = confirm_path()
    set_clock(MORNING + timedelta(days=4))
    answers = [press(client, path, at="/confirm/again/") for _ in range(3)]
    assert len({(answer.status_code, answer["Location"], answer.content) for answer in answers}) == 1
    assert Letter.objects.count() == 2


@pytest.mark.usefixtures("asked")
def test_three_links_are_sent_until_one_is_used(client: Client, set_clock: SetClock) -> None:
    path = confirm_path()
    for days in (4, 6, 8, 10):
        set_clock(MORNING + timedelta(days=days))
        press(client, path, at="/confirm/again/")
    assert Letter.objects.count() == 3


def test_the_form_of_one_confirmation_does_nothing_to_another(client: Client, asked: Letter) -> None:
    path = confirm_path()
    elsewhere = Client()
    stranger = mark(follow(elsewhere, letters.preferences_path(SubscriberFactory())))
    follow(client, path)
    for typed in ({}, {"mark": stranger}, {"mark": "x"}):
        assert client.post("/confirm/", typed).status_code == 403
    assert Subscriber.objects.get(pk=asked.subscriber_id).status == Subscriber.Status.PENDING


def test_what_is_kept_can_be_read_by_everybody(client: Client) -> None:
    page = client.get("/privacy/").content.decode()
    for fact in ("after 7 days", "30 days", "a code computed from your address with a secret key",
                 "that a topic is wrong", "somebody else entered your address"):  # fmt: skip
        assert fact in page
    for other in ("/", "/subscribe/"):
        assert 'href="/privacy/"' in client.get(other).content.decode()


def test_a_word_too_many_is_refused_at_its_field(client: Client) -> None:
    TopicFactory(slug="vision")
    page = client.post("/subscribe/", answers(muted_phrases=",".join(map(str, range(21))))).content.decode()
    assert "You entered 21. Keep the 20 that matter most." in page
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


def test_the_page_after_a_sign_up_names_the_sender_and_the_spam_folder(client: Client, settings: LazySettings) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.PUBLICATION_NAME = "Paper Desk <desk@example.org>", "Paper Desk"
    page = client.get("/subscribe/check-your-inbox/").content.decode()
    assert "The mail comes from Paper Desk, <strong>desk@example.org</strong>." in page
    assert "Look in your spam folder" in page

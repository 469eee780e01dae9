import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from digests.assembly import assemble
from digests.mail import cards
from digests.models import Batch, Card, Delivery, Digest
from digests.selection import recent_issues
from digests.sending import send_batch
from newsletter.issues.models import Issue
from subscribers import letters, tokens
from subscribers.models import Preferences, Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, mark
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


@pytest.fixture
def delivery() -> Delivery:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic], title="Seeing in the dark"))
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    return Delivery.objects.get()


def path_of(delivery: Delivery) -> str:
    return f"/digest/{tokens.sign(tokens.Purpose.VIEW, delivery.pk)}/"


def test_a_shared_digest_is_the_mail_without_what_belongs_to_its_reader(
    client: Client, delivery: Delivery, set_clock: SetClock
) -> None:
    set_clock(MORNING + timedelta(days=200))
    answer = client.get(path_of(delivery))
    assert answer.status_code == 200
    page, mail = answer.content.decode(), sent()[0].alternatives[0][0]
    head, foot = mail.partition('<div class="foot"')[::2]
    without_vote = re.sub(r'<a class="v"[^>]*>Vote</a>', "", head)
    without_words = without_vote.replace("digests come every day at 07:00 UTC", "digests come when you chose")
    without_words = without_words.replace("1 paper<br></p>", "1 paper</p>")  # for what may have come before
    assert page.partition('<div class="foot"')[0] == without_words
    assert "Seeing in the dark" in page
    assert "Shared copy. Is it yours? Your settings link is at the foot of your email." in page
    assert "You get " in foot
    assert "You get " not in page


def test_a_shared_digest_holds_no_token_of_its_reader_and_sets_no_cookie(client: Client, delivery: Delivery) -> None:
    answer = client.get(path_of(delivery))
    page = answer.content.decode()
    assert re.findall(r"/(?:preferences|unsubscribe|pause|vote|propose|digest)/", page) == []
    assert f"{delivery.subscriber_id}.0~" not in page
    assert f"{delivery.pk}.0~" not in page
    assert "slot-" not in page
    assert not answer.cookies


def test_only_a_link_that_is_meant_for_its_reader_sets_a_cookie(client: Client, delivery: Delivery) -> None:
    assert delivery.subscriber is not None
    assert not client.get(path_of(delivery)).cookies
    assert set(client.get(letters.preferences_path(delivery.subscriber)).cookies) == {"link_preferences"}


def test_a_digest_in_the_browser_is_kept_by_nobody(client: Client, delivery: Delivery) -> None:
    answer = client.get(path_of(delivery))
    assert "no-store" in answer["Cache-Control"]
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")


def test_a_link_of_another_purpose_opens_no_digest(client: Client, delivery: Delivery) -> None:
    other = tokens.sign(tokens.Purpose.UNSUBSCRIBE, delivery.pk)
    assert client.get(f"/digest/{other}/").status_code == 404
    assert client.get(path_of(delivery)[:-2] + "x/").status_code == 404


@pytest.mark.parametrize("status", ["published", "withdrawn"])
def test_a_digest_whose_cards_are_gone_is_410_and_leads_to_its_issue(
    client: Client, delivery: Delivery, status: str
) -> None:
    Card.objects.all().delete()
    cards.known_cards.clear()
    Issue.objects.update(status=status)
    answer = client.get(path_of(delivery))
    assert answer.status_code == 410
    page = answer.content.decode()
    assert "This digest is too old to be shown" in page
    assert "site.css" in page
    assert ('href="/issues/2026-05-04/"' in page) == (status == "published")
    assert "style-src" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("model", [Delivery, Digest, Subscriber])
def test_a_digest_is_410_where_it_or_its_reader_is_gone(
    client: Client, delivery: Delivery, model: type[Delivery | Digest | Subscriber]
) -> None:
    path = path_of(delivery)
    model._default_manager.all().delete()
    assert client.get(path).status_code == 410


def test_a_digest_in_the_browser_may_load_nothing(client: Client, delivery: Delivery) -> None:
    assert "default-src 'none'" in client.get(path_of(delivery))["Content-Security-Policy"]


def test_looking_at_a_digest_changes_nothing(client: Client, delivery: Delivery) -> None:
    before = Delivery.objects.values().get()
    client.get(path_of(delivery))
    assert Delivery.objects.values().get() == before
    assert client.post(path_of(delivery)).status_code == 405


HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader() -> Subscriber:
    """A reader of one topic, with an issue that has papers of two."""
    recent_issues.indexes_in_memory.clear()
    seeing, hearing = TopicFactory(slug="seeing"), TopicFactory(slug="hearing")
    lead = PaperFactory(topics=[seeing], title="Seen <b>first</b>")
    published_issue(MONDAY, lead, PaperFactory(topics=[hearing], title="Heard of a survey"))
    return SubscriberFactory(topics=[seeing])


def shown(client: Client, reader: Subscriber, typed: dict[str, object], **more: Any) -> Any:
    """Return the effect of what was typed on a reader's page."""
    page = follow(client, letters.preferences_path(reader))
    return client.post("/digest/effect/", typed | {"mark": mark(page)}, **more)


def typed(*topics: str, **answers: str) -> dict[str, object]:
    when = {"frequency": "weekdays", "send_time": "07:00", "timezone": "UTC", "max_papers": "10"}
    return {"topics": list(topics), **when, **answers}


def test_the_effect_of_a_choice_is_shown_before_it_is_saved(client: Client, reader: Subscriber) -> None:
    before = Subscriber.objects.values().get()
    page = shown(client, reader, typed("hearing"), headers=HTMX).content.decode()
    assert "1 paper from the one issue of the last seven days." in page
    assert "Heard of a survey" in page
    assert "Seen" not in page
    assert page.count("no issue") == 6
    assert (Subscriber.objects.values().get(), Preferences.objects.count()) == (before, 1)


def test_several_issues_are_summed_up(client: Client, reader: Subscriber, set_clock: SetClock) -> None:
    set_clock(MORNING + timedelta(days=1))
    seeing = reader.preferences.topics.get()
    published_issue(MONDAY + timedelta(days=1), *(PaperFactory(topics=[seeing]) for _ in range(4)))
    page = shown(client, reader, typed("seeing"), headers=HTMX).content.decode()
    assert "About 2 papers a day: 5 from the 2 issues of the last seven days." in page


def test_a_title_in_the_effect_is_text(client: Client, reader: Subscriber) -> None:
    page = shown(client, reader, typed("seeing"), headers=HTMX).content.decode()
    assert "Seen &lt;b&gt;first&lt;/b&gt;" in page


def test_the_effect_heeds_the_words_that_are_stored(client: Client, reader: Subscriber) -> None:
    topics = reader.preferences.topics.all()
    reader.preferences = Preferences.objects.for_choice(topics, followed_phrases=["survey"], muted_phrases=["seen"])
    reader.save()
    page = shown(client, reader, typed("seeing"), headers=HTMX).content.decode()
    assert "Heard of a survey" in page
    assert "Seen" not in page


def test_without_javascript_the_effect_is_on_the_whole_page_and_the_choices_stay(
    client: Client, reader: Subscriber
) -> None:
    form = follow(client, letters.preferences_path(reader)).content.decode()
    assert 'formaction="/digest/effect/#effect"' in form
    page = shown(client, reader, typed("hearing", max_papers="30")).content.decode()
    assert "<h1>Your settings</h1>" in page
    assert 'action="/preferences/"' in page
    assert 'value="hearing" checked' in page
    assert 'value="seeing" checked' not in page
    assert "Heard of a survey" in page


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (typed(), "Choose a topic, or follow keywords or authors, to see a preview."),
        (typed("nothing"), "Choose a topic, or follow keywords or authors, to see a preview."),
        (typed("idle"), "You would have got no papers in the last seven days. Broader topics bring more."),
        (typed("seeing", frequency="weekly"), "Once a week you get the best 10 of them."),
        (typed("seeing", send_time="x"), "1 paper from the one issue"),
    ],
)
def test_the_effect_says_what_it_can_say(
    answers: dict[str, object], words: str, client: Client, reader: Subscriber
) -> None:
    TopicFactory(slug="idle")
    assert words in shown(client, reader, answers, headers=HTMX).content.decode()


def test_without_an_issue_the_effect_explains_that_there_was_none(
    client: Client, reader: Subscriber, set_clock: SetClock
) -> None:
    set_clock(MORNING + timedelta(days=30))
    page = shown(client, reader, typed("seeing"), headers=HTMX).content.decode()
    assert "There was no issue in the last seven days" in page


def test_the_effect_is_asked_for_by_a_form_of_the_readers_own_page(client: Client, reader: Subscriber) -> None:
    follow(client, letters.preferences_path(reader))
    back = client.get("/digest/effect/")
    assert (back.status_code, back["Location"]) == (302, "/preferences/")
    assert client.post("/digest/effect/", typed("seeing"), headers=HTMX).status_code == 403
    assert Client().post("/digest/effect/", typed("seeing")).status_code == 403


# The preview beside the sign-up


def chosen(*topics: str, **answers: str) -> dict[str, object]:
    return typed(*topics, email="", **answers)


@pytest.mark.usefixtures("set_clock", "reader")
def test_a_newcomer_sees_what_the_last_issue_would_have_brought(set_clock: SetClock) -> None:
    set_clock(MORNING + timedelta(days=2))
    stranger = Client(enforce_csrf_checks=True)
    page = stranger.post(
        "/digest/preview/", chosen("hearing", followed_phrases="first"), headers=HTMX
    ).content.decode()
    assert "Monday, 4 May: 2 papers" in page
    assert "Heard of a survey" in page
    assert "Seen &lt;b&gt;first&lt;/b&gt;" in page


BACKGROUND, STATEMENT = "Machines see little at night.", "We present an eye that needs no lamp and no sun at all."


@pytest.mark.usefixtures("set_clock")
@pytest.mark.parametrize("path", ["/digest/preview/", "/digest/effect/"])
@pytest.mark.parametrize(
    ("detail", "words", "missing"),
    [
        ("title", "Seen at night", STATEMENT),
        ("lines", STATEMENT, BACKGROUND),
        ("abstract", f"{BACKGROUND} {STATEMENT}", f">{STATEMENT}<"),
        ("", STATEMENT, BACKGROUND),
    ],
)
def test_a_preview_shows_as_much_of_each_paper_as_is_chosen(
    client: Client, path: str, detail: str, words: str, missing: str
) -> None:
    recent_issues.indexes_in_memory.clear()
    topic = TopicFactory(slug="seeing")
    published_issue(MONDAY, PaperFactory(topics=[topic], title="Seen at night", abstract=f"{BACKGROUND} {STATEMENT}"))
    page = follow(client, letters.preferences_path(SubscriberFactory(topics=[topic])))
    answers = chosen("seeing", detail=detail) | {"mark": mark(page)}
    shown = client.post(path, answers, headers=HTMX).content.decode()
    assert words in shown
    assert missing not in shown


@pytest.mark.usefixtures("set_clock", "reader")
@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (chosen(), "Choose a topic, or follow keywords or authors, and their papers appear here."),
        (chosen("nothing"), "Choose a topic, or follow keywords or authors, and their papers appear here."),
        (chosen("idle"), "Nothing of Monday, 4 May would have come."),
        (chosen("seeing", muted_phrases="seen"), "Nothing of Monday, 4 May would have come."),
        (chosen("seeing", muted_phrases=",".join(map(str, range(30)))), "Please fix the marked fields"),
        (chosen("seeing", send_time="x"), "Monday, 4 May: 1 paper"),
    ],
)
def test_the_preview_says_what_it_can_say(answers: dict[str, object], words: str, client: Client) -> None:
    TopicFactory(slug="idle")
    assert words in client.post("/digest/preview/", answers, headers=HTMX).content.decode()


def test_without_an_issue_the_preview_explains_that_there_is_none(
    client: Client, reader: Subscriber, set_clock: SetClock
) -> None:
    set_clock(MORNING + timedelta(days=30))
    page = client.post("/digest/preview/", chosen("seeing"), headers=HTMX).content.decode()
    assert "There was no issue in the last seven days" in page


@pytest.mark.usefixtures("set_clock", "reader")
def test_without_javascript_the_preview_is_on_the_page_and_what_was_typed_stays(client: Client) -> None:
    assert 'formaction="/digest/preview/#preview"' in client.get("/subscribe/").content.decode()
    answer = client.post("/digest/preview/", chosen("hearing", muted_authors="Nobody"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="hearing" checked' in page
    assert ">\nNobody</textarea>" in page
    assert "Heard of a survey" in page
    assert 'class="error"' not in page
    assert 'action="/subscribe/"' in page


@pytest.mark.usefixtures("set_clock", "reader")
def test_a_preview_stores_nothing_and_is_asked_for_by_post(client: Client) -> None:
    before = Preferences.objects.count()
    client.post("/digest/preview/", chosen("seeing", followed_phrases="new"), headers=HTMX)
    assert Preferences.objects.count() == before
    assert client.get("/digest/preview/")["Location"] == "/subscribe/"


def test_the_effect_heeds_the_words_that_are_typed(client: Client, reader: Subscriber) -> None:
    answers = typed("seeing", followed_phrases="survey", muted_phrases="seen")
    page = shown(client, reader, answers, headers=HTMX).content.decode()
    assert "Heard of a survey" in page
    assert "Seen" not in page

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from digests.assembly import assemble
from digests.models import Batch, Delivery, ProviderEvent
from digests.reader_pages import personal_data
from digests.sending import send_batch
from newsletter import audit
from newsletter.papers.community import objections, proposals, votes
from newsletter.papers.models import Objection, Paper, Proposal, Vote
from subscribers import letters, tokens
from subscribers.models import Consent, Farewell, Letter, Preferences, Subscriber, Suppression
from subscribers.subscription import link_requests, opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, mark, press
from tests.provider import sent
from tests.rows import rows_of
from tests.subscribers.reader_links import pause_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ADDRESS, NETWORK, WORD = "ada.lovelace@example.org", "93.184.216.34", "analytical engines"


@pytest.fixture
def reader() -> Subscriber:
    """A reader of whom everything is kept that can be."""
    topic = TopicFactory(slug="engines")
    published_issue(MONDAY, PaperFactory(topics=[topic], title="An engine"))
    reader = SubscriberFactory(email=ADDRESS, topics=[topic], confirmed_at=MORNING)
    reader.preferences = Preferences.objects.for_choice([topic], followed_phrases=[WORD], detail="abstract")
    reader.save()
    opt_in.record_consent(reader, Consent.Act.CONFIRMED, NETWORK, "box")
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    letter = reader.letters.create(kind=Letter.Kind.CONFIRM, address=ADDRESS)
    Farewell.objects.create(subscriber=reader, words=f"I am {ADDRESS}")
    reader_key = tokens.reader_key(reader.pk)
    votes.vote(Paper.objects.get(), reader_key, MONDAY)
    proposals.propose(proposals.read_link("2605.00658"), f"Mine, {ADDRESS}", reader_key)
    objections.object_to(Paper.objects.get(), topic, reader.pk)
    for key, owner in (("d", {"delivery_id": Delivery.objects.get().pk}), ("l", {"letter_id": letter.pk})):
        event = {"key": key, "kind": "delivered", "address_hash": reader.address_hash, "happened_at": MORNING}
        ProviderEvent.objects.create(provider="Test", body={"ip": NETWORK}, domain="example.org", **event, **owner)
    return reader


def link_of(reader: Subscriber, kind: Letter.Kind) -> str:
    letter = link_requests.plan_letter(reader, kind)
    assert letter is not None
    letters.send(letter)
    return path_in(sent()[-1].body)


def path_in(text: str) -> str:
    """Return the path of the first link in a mail."""
    return str(urlsplit(next(word for word in text.split() if word.startswith("http"))).path)


def test_all_that_is_kept_is_handed_out_by_a_link_and_a_button(client: Client, reader: Subscriber) -> None:
    link = link_of(reader, Letter.Kind.EXPORT)
    page = follow(client, link)
    assert "application/json" not in page["Content-Type"]

    answer = press(client, link)

    assert answer["Content-Disposition"] == 'attachment; filename="my-digests.json"'
    assert "no-store" in answer["Cache-Control"]
    record = json.loads(answer.content)
    assert record["subscription"]["email"] == record["address"]["canonical"] == ADDRESS
    assert record["choices"]["followed_phrases"] == [WORD]
    assert record["choices"]["topics"] == ["Engines"]
    assert record["choices"]["detail"] == "abstract"
    assert [consent["ip"] for consent in record["consents"]] == [NETWORK]
    assert [(digest["subject"], digest["status"]) for digest in record["digests"]] == [("An engine", "sent")]
    assert [letter["kind"] for letter in record["letters"]] == ["confirm", "export"]
    assert len(record["events"]) == 2
    assert ADDRESS in record["farewell"]["words"]
    assert [(vote["title"], vote["issue_day"]) for vote in record["votes"]] == [("An engine", "2026-05-04")]
    assert [(said["title"], said["topic"], said["status"]) for said in record["wrong_topics"]] == [
        ("An engine", "Engines", "new")
    ]
    assert [(one["link"], one["status"]) for one in record["proposals"]] == [
        ("https://arxiv.org/abs/2605.00658", "new")
    ]


def test_a_reader_s_data_is_handed_out_once_by_each_letter(client: Client, reader: Subscriber) -> None:
    link = link_of(reader, Letter.Kind.EXPORT)
    form = {"mark": mark(follow(client, link))}
    answers = [client.post("/data/", form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 404]
    assert "was used or has expired" in answers[1].content.decode()


@pytest.mark.parametrize("kind", [Letter.Kind.EXPORT, Letter.Kind.ERASE])
def test_links_to_a_reader_s_data_and_its_erasure_live_60_minutes(
    client: Client, reader: Subscriber, set_clock: SetClock, kind: Letter.Kind
) -> None:
    link = link_of(reader, kind)
    assert "works once, for 60 minutes" in " ".join(sent()[-1].body.split())
    set_clock(MORNING + timedelta(minutes=59))
    page = follow(client, link)
    set_clock(MORNING + timedelta(minutes=60))
    assert client.get(link).status_code == 404
    assert client.post(page.wsgi_request.path, {"mark": mark(page)}).status_code == 404
    assert Subscriber.objects.exists()


def test_the_60_minutes_begin_when_the_letter_is_sent(client: Client, reader: Subscriber, set_clock: SetClock) -> None:
    letter = link_requests.plan_letter(reader, Letter.Kind.ERASE)
    assert letter is not None
    set_clock(MORNING + timedelta(hours=2))
    letters.send(letter)
    assert follow(client, path_in(sent()[-1].body)).status_code == 200


def test_erasing_voids_every_letter_under_way(client: Client, reader: Subscriber) -> None:
    moving = link_requests.plan_move_letter(reader, "ada@new.example")
    assert moving is not None
    letters.send(moving)
    paths = [path_in(sent()[-1].body), *(link_of(reader, kind) for kind in (Letter.Kind.EXPORT, Letter.Kind.ERASE))]
    press(client, paths[-1])
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]
    assert not Letter.objects.exists()


def test_the_file_holds_nothing_of_another_reader(reader: Subscriber) -> None:
    other = SubscriberFactory(email="other@example.org")
    opt_in.record_consent(other, Consent.Act.CONFIRMED, "1.1.1.1")
    assert "other@" not in json.dumps(personal_data.collect_personal_data(reader), default=str)


def test_an_erased_reader_leaves_the_keyed_hash_and_counts_and_nothing_else(
    client: Client, reader: Subscriber
) -> None:
    keyed, preferences, reader_key = reader.address_hash, reader.preferences_id, tokens.reader_key(reader.pk)
    editor = User.objects.create_user("mara")
    audit.record(editor, reader, "changed")
    link = link_of(reader, Letter.Kind.ERASE)
    before = str(rows_of())
    assert "Delete everything we keep about you?" in follow(client, link).content.decode()
    assert str(rows_of()) == before

    assert "Your data has been deleted" in press(client, link).content.decode()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    left = str(rows_of())
    for trace in (ADDRESS, NETWORK, WORD, "lovelace", reader_key):
        assert trace not in left
    assert left.count(keyed) == 1
    assert (Suppression.objects.get().address_hash, Suppression.objects.get().reason) == (keyed, "erased")
    assert not Objection.objects.exists()
    assert (Vote.objects.get().reader_key, Proposal.objects.get().reader_key) == (None, None)
    delivery = Delivery.objects.get()
    assert (delivery.subscriber_id, delivery.digest is not None, delivery.is_sent) == (None, True, True)
    assert not Preferences.objects.filter(pk=preferences).exists()
    assert [topic.slug for topic in delivery.preferences.topics.all()] == ["engines"]
    assert delivery.preferences.detail == "abstract"


def test_links_of_who_was_erased_do_nothing(client: Client, reader: Subscriber) -> None:
    link, choices = link_of(reader, Letter.Kind.ERASE), letters.preferences_path(reader)
    press(client, link)
    over = client.get(link)
    assert (over.status_code, "there is nothing left for a link to open" in over.content.decode()) == (404, True)
    leave = f"/unsubscribe/{tokens.sign(tokens.Purpose.UNSUBSCRIBE, reader.pk)}/"
    for path in (choices, pause_link(reader), leave):
        page = client.get(path, follow=True)
        assert (page.status_code, "Your data has been deleted" in page.content.decode()) == (410, True)
    assert client.post(leave).status_code == 200
    assert "You need your settings link" in client.get("/erase/").content.decode()


def test_the_words_that_others_chose_too_stay(reader: Subscriber) -> None:
    SubscriberFactory(preferences=reader.preferences)
    personal_data.erase(reader)
    assert Preferences.objects.filter(followed_phrases=[WORD]).exists()


def test_an_erasure_keeps_an_older_reason_to_suppress(reader: Subscriber) -> None:
    Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.COMPLAINT)
    personal_data.erase(reader)
    assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINT


@pytest.mark.parametrize("kind", [Letter.Kind.EXPORT, Letter.Kind.ERASE])
def test_these_links_work_for_a_day(
    client: Client, reader: Subscriber, set_clock: SetClock, kind: Letter.Kind
) -> None:
    link = link_of(reader, kind)
    page = follow(client, link)
    set_clock(MORNING + timedelta(hours=25))
    assert client.get(link).status_code == client.get(page.wsgi_request.path).status_code == 404
    assert Subscriber.objects.exists()


@pytest.mark.parametrize("status", ["active", "unsubscribed"])
@pytest.mark.parametrize("what", ["export", "erase"])
def test_the_page_of_the_choices_has_these_links_mailed(
    client: Client, reader: Subscriber, what: str, status: str
) -> None:
    if status == "unsubscribed":
        reader.unsubscribe()
    page = press(client, letters.preferences_path(reader), {"what": what}, at="/preferences/data/")
    assert "Check your inbox" in page.content.decode()
    assert reader.letters.filter(kind=what).count() == 1

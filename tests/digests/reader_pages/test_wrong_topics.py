from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from digests.assembly import assemble
from digests.models import Delivery
from digests.reader_pages import wrong_topics
from newsletter.issues.models import IssueEntry
from newsletter.papers.models import Objection, Topic, Vote
from subscribers import letters, tokens
from subscribers.models import Preferences, Subscriber
from subscribers.tokens import Purpose
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, mark, press
from tests.rows import rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def topics() -> list[Topic]:
    return [TopicFactory(name=name) for name in ("Medicine", "Robotics", "Vision")]


@pytest.fixture
def reader(topics: list[Topic]) -> Subscriber:
    return SubscriberFactory(topics=topics[:1])


@pytest.fixture
def entry(topics: list[Topic], reader: Subscriber) -> IssueEntry:
    """An entry whose paper has the reader's topic and another, and was sent to the reader."""
    issue = published_issue(MONDAY, PaperFactory(topics=topics[:2], title="A robot"))
    assemble.assemble_due_digests()
    return issue.entries.get()


def link_of(entry: IssueEntry, reader: Subscriber) -> str:
    return f"/vote/{tokens.sign(Purpose.VOTE, reader.pk, reader.token_epoch)}/?entry={entry.pk}"


def page_of(client: Client, entry: IssueEntry, reader: Subscriber) -> str:
    return str(follow(client, link_of(entry, reader)).content.decode().partition("<main")[2])


def say(client: Client, entry: IssueEntry, reader: Subscriber, topic: object, act: str = "wrong_topic") -> Any:
    answer = press(client, link_of(entry, reader), {"entry": entry.pk, "topic": topic, "act": act})
    return client.get(answer["Location"]) if answer.status_code == 302 else answer


def test_beside_the_vote_stands_a_button_for_the_readers_topic(
    client: Client, entry: IssueEntry, reader: Subscriber
) -> None:
    page = page_of(client, entry, reader)
    assert "It is listed under Medicine." in page
    assert ">Wrong topic</button>" in page
    assert "Robotics" not in page


def test_a_press_is_recorded_without_a_vote_and_can_be_undone(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]
) -> None:
    said = say(client, entry, reader, topics[0].pk).content.decode()
    assert "You said that it does not belong to Medicine" in said
    assert ">Wrong topic</button>" not in said
    assert list(Objection.objects.values_list("paper", "topic", "reader_id", "status")) == [
        (entry.paper_id, topics[0].pk, reader.pk, "new")
    ]
    say(client, entry, reader, topics[0].pk)
    assert Objection.objects.count() == 1
    undone = say(client, entry, reader, topics[0].pk, "right_topic").content.decode()
    assert ">Wrong topic</button>" in undone
    assert not Objection.objects.exists()
    assert not Vote.objects.exists()


def test_of_several_topics_the_reader_says_which(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]
) -> None:
    reader.preferences = Preferences.objects.for_choice(topics)
    reader.save()
    page = page_of(client, entry, reader)
    assert page.count('type="radio"') == 2
    assert "Vision" not in page
    page = say(client, entry, reader, topics[1].pk).content.decode()
    assert "does not belong to Robotics" in page
    assert "It is listed under Medicine." in page
    say(client, entry, reader, "")
    assert Objection.objects.get().topic == topics[1]


def test_looking_changes_nothing(client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]) -> None:
    page_of(client, entry, reader)
    before = str(rows_of())
    asked = f"/vote/?entry={entry.pk}&topic={topics[0].pk}&act=wrong_topic"
    assert (client.get(asked).status_code, client.head(asked).status_code) == (200, 200)
    assert str(rows_of()) == before


def test_a_press_without_the_pages_mark_records_nothing(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]
) -> None:
    page_of(client, entry, reader)
    typed = {"entry": entry.pk, "topic": topics[0].pk, "act": "wrong_topic"}
    assert client.post("/vote/", typed).status_code == 403
    assert not Objection.objects.exists()


@pytest.mark.parametrize("topic", ["", "x", "0", "99999999999999999999", "\x00"])
def test_what_is_no_topic_of_the_reader_is_not_recorded(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic], topic: str
) -> None:
    for named in (topic, topics[1].pk, topics[2].pk):
        assert say(client, entry, reader, named).status_code == 200
    assert not Objection.objects.exists()


def test_only_a_paper_that_was_sent_can_be_called_wrong(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]
) -> None:
    other = SubscriberFactory(topics=topics[:1])
    assert "Wrong topic" not in page_of(client, entry, other)
    say(client, entry, other, topics[0].pk)
    Delivery.objects.update(status=Delivery.Status.REJECTED)
    assert "Wrong topic" not in page_of(Client(), entry, reader)
    say(client, entry, reader, topics[0].pk)
    assert not Objection.objects.exists()


def test_a_paper_that_came_for_no_topic_has_no_button(client: Client, entry: IssueEntry, reader: Subscriber) -> None:
    reader.preferences = Preferences.objects.for_choice([], followed_phrases=["robot"])
    reader.save()
    assert "Wrong topic" not in page_of(client, entry, reader)


def test_a_retired_topic_is_offered_as_its_heir(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic]
) -> None:
    topics[0].retire(topics[2])
    assert "It is listed under Vision." in page_of(client, entry, reader)
    say(client, entry, reader, topics[2].pk)
    assert Objection.objects.get().topic == topics[2]


def test_the_part_of_an_issues_page_holds_it_too(client: Client, entry: IssueEntry, reader: Subscriber,
                                                 topics: list[Topic]) -> None:  # fmt: skip
    follow(client, letters.preferences_path(reader))
    part = {"HX-Request": "true"}
    page = client.get(f"/vote/?entry={entry.pk}", headers=part)
    typed = {"entry": entry.pk, "topic": topics[0].pk, "act": "wrong_topic", "mark": mark(page)}
    assert "does not belong to Medicine" in client.post("/vote/", typed, headers=part).content.decode()
    assert Objection.objects.count() == 1


def test_who_voted_enough_can_still_say_that_a_topic_is_wrong(
    client: Client, entry: IssueEntry, reader: Subscriber, topics: list[Topic], settings: LazySettings
) -> None:
    settings.VOTES_PER_DAY = 0
    say(client, entry, reader, topics[0].pk)
    assert wrong_topics.offered_topics(entry, reader).objected == topics[:1]

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from newsletter.papers.models import Objection, Paper, PaperTopic, RefusedTopic, Topic
from tests.factories import MORNING, PaperFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
QUEUE = reverse("admin:papers_objection_changelist")


@pytest.fixture
def curator(client: Client) -> Client:
    return signed_in(client, "view_objection", "change_objection")


def signed_in(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("mara", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


@pytest.fixture
def medicine() -> Topic:
    return TopicFactory(name="Medicine")


def called_wrong(topic: Topic, readers: int = 1, title: str = "A robot") -> Objection:
    paper = PaperFactory(title=title)
    PaperTopic.objects.create(paper=paper, topic=topic, evidence=["phrase: diagnosis"])
    rows = [
        Objection(paper=paper, topic=topic, reader_id=number, at=MORNING + number * timedelta(hours=1))
        for number in range(readers)
    ]
    return Objection.objects.bulk_create(rows)[0]


def decide(client: Client, action: str, *rows: Objection) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(QUEUE, data, follow=True).content.decode()


def texts(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_queue_has_one_row_a_paper_and_topic_with_its_words_and_how_many_say_so(
    curator: Client, medicine: Topic
) -> None:
    called_wrong(medicine, readers=3, title="A <robot>")
    page = curator.get(QUEUE).content.decode()
    assert page.count('name="_selected_action"') == 1
    assert "A &lt;robot&gt; Medicine diagnosis 3 4 May 2026, 05:00 4 May 2026, 07:00 New" in texts(page)


def test_an_empty_queue_says_that_nothing_waits(curator: Client, medicine: Topic) -> None:
    assert "Nothing waits for a decision" in curator.get(QUEUE).content.decode()
    called_wrong(medicine)
    assert "Nothing waits for a decision" not in curator.get(QUEUE).content.decode()


def test_accepting_takes_the_topics_of_all_chosen_rows_for_good(curator: Client, medicine: Topic) -> None:
    rows = [called_wrong(medicine, readers=2) for _ in range(3)]
    left = called_wrong(medicine)
    assert "The topic was taken away for good: 3 pairs of paper and topic." in decide(curator, "accept", *rows)
    assert set(RefusedTopic.objects.values_list("paper", flat=True)) == {row.paper_id for row in rows}
    assert PaperTopic.objects.get().paper == left.paper
    assert Objection.objects.filter(status="accepted").count() == 6


def test_dismissing_leaves_the_topic(curator: Client, medicine: Topic) -> None:
    row = called_wrong(medicine)
    assert "The topic stays as it was: 1 pair of paper and topic." in decide(curator, "dismiss", row)
    assert PaperTopic.objects.get().topic == medicine
    assert "Nothing was changed" in decide(curator, "accept", row)
    assert not RefusedTopic.objects.exists()


def test_who_may_only_look_decides_nothing(client: Client, medicine: Topic) -> None:
    row = called_wrong(medicine)
    signed_in(client, "view_objection")
    assert client.get(QUEUE).status_code == 200
    decide(client, "accept", row)
    assert Objection.objects.get().status == "new"


def test_looking_changes_nothing(curator: Client, medicine: Topic) -> None:
    row = called_wrong(medicine)
    for path in (QUEUE, f"{QUEUE}?action=accept&_selected_action={row.pk}", f"{QUEUE}{row.pk}/change/"):
        assert curator.get(path, follow=True).status_code == 200
    assert Objection.objects.get().status == "new"
    assert PaperTopic.objects.exists()


def test_the_home_tells_editors_how_many_topics_are_called_wrong(admin_client: Client, medicine: Topic) -> None:
    called_wrong(medicine, readers=2)
    assert "Readers call 1 topic of papers wrong" in admin_client.get(reverse("admin:index")).content.decode()
    assert Paper.objects.count() == 1

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from newsletter.papers.community import objections
from newsletter.papers.community.objections import ObjectionCount
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Objection, Paper, PaperTopic, RefusedTopic, Topic
from newsletter.papers.topics import tagging
from tests.factories import MORNING, PaperFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Objection.Status
ADA, BO, CY = 1, 2, 3


@pytest.fixture
def medicine() -> Topic:
    return TopicFactory(name="Medicine", phrases=["diagnosis"])


@pytest.fixture
def paper(medicine: Topic) -> Paper:
    paper = PaperFactory(title="Diagnosis of robots")
    tagging.tag([paper])
    return paper


def first() -> Objection:
    return Objection.objects.earliest("pk")


def test_a_reader_objects_to_a_topic_of_a_paper_once(paper: Paper, medicine: Topic) -> None:
    for _ in range(2):
        objections.object_to(paper, medicine, ADA)
    assert objections.topics_objected_to(paper, ADA) == {medicine.pk}
    assert objections.topics_objected_to(paper, BO) == set()
    assert Objection.objects.count() == 1


def test_an_objection_is_taken_back_by_its_reader_alone(paper: Paper, medicine: Topic) -> None:
    objections.object_to(paper, medicine, ADA)
    objections.take_back(paper, medicine, BO)
    assert objections.topics_objected_to(paper, ADA) == {medicine.pk}
    objections.take_back(paper, medicine, ADA)
    assert not Objection.objects.exists()


def test_an_accepted_objection_takes_the_topic_for_good(paper: Paper, medicine: Topic) -> None:
    objections.object_to(paper, medicine, ADA)
    assert objections.accept(first(), User.objects.create_user("mara"))
    tagging.tag([paper])
    assert not PaperTopic.objects.exists()
    assert RefusedTopic.objects.get().topic == medicine
    assert (first().status, first().decided_at, str(first().decided_by)) == (Status.ACCEPTED, MORNING, "mara")


def test_a_dismissed_objection_leaves_the_topic_and_holds_for_its_reader(paper: Paper, medicine: Topic) -> None:
    objections.object_to(paper, medicine, ADA)
    assert objections.dismiss(first(), None)
    assert PaperTopic.objects.get().topic == medicine
    assert objections.topics_objected_to(paper, ADA) == {medicine.pk}
    assert objections.open_counts([paper.pk]) == {}


def test_all_objections_to_a_topic_of_a_paper_are_decided_together_and_once(paper: Paper, medicine: Topic) -> None:
    for reader_id in (ADA, BO):
        objections.object_to(paper, medicine, reader_id)
    objections.object_to(paper, TopicFactory(), ADA)
    objections.object_to(PaperFactory(), medicine, ADA)
    assert objections.dismiss(first(), None)
    decided = Objection.objects.filter(status=Status.DISMISSED)
    assert set(decided.values_list("paper", "topic", "reader_id")) == {
        (paper.pk, medicine.pk, ADA), (paper.pk, medicine.pk, BO)
    }  # fmt: skip
    assert not objections.accept(first(), None)
    assert PaperTopic.objects.filter(topic=medicine).exists()


def test_open_objections_are_counted_by_topic_most_readers_first(paper: Paper, medicine: Topic) -> None:
    robotics = TopicFactory(name="Robotics")
    for topic, reader_id in [(robotics, ADA), (medicine, ADA), (medicine, BO), (medicine, CY)]:
        objections.object_to(paper, topic, reader_id)
    found = objections.open_counts([paper.pk, PaperFactory().pk])
    assert found == {paper.pk: [ObjectionCount("Medicine", 3), ObjectionCount("Robotics", 1)]}


def test_open_objections_to_twins_are_counted_and_decided_together(paper: Paper, medicine: Topic) -> None:
    left = PaperFactory(title="Diagnosis of robots, published")
    objections.object_to(paper, medicine, ADA)
    objections.object_to(left, medicine, BO)
    objections.object_to(left, medicine, ADA)
    duplicates.merge(paper, left)
    both = [ObjectionCount("Medicine", 2)]
    assert objections.open_counts([paper.pk]) == {paper.pk: both}
    assert objections.open_counts([left.pk]) == {left.pk: both}
    assert objections.open_counts([paper.pk, left.pk]) == {paper.pk: both, left.pk: both}
    assert objections.dismiss(first(), None)
    assert objections.open_counts([left.pk]) == {}


def test_an_objection_to_a_merged_paper_concerns_the_one_that_is_left(paper: Paper, medicine: Topic) -> None:
    left = PaperFactory(title="Diagnosis of robots, published")
    tagging.tag([left])
    objections.object_to(paper, medicine, ADA)
    duplicates.merge(paper, left)
    objections.object_to(Paper.objects.get(pk=paper.pk), medicine, BO)
    assert Objection.objects.get(reader_id=BO).paper == left
    assert objections.topics_objected_to(left, ADA) == {medicine.pk}
    assert objections.accept(Objection.objects.get(reader_id=ADA), None)
    assert not PaperTopic.objects.filter(paper=left).exists()


def test_the_slugs_of_topics_that_editors_took_are_known_as_of_a_moment(paper: Paper, medicine: Topic) -> None:
    objections.object_to(paper, medicine, ADA)
    before = objections.last_acceptance()
    objections.accept(first(), None)
    assert objections.accepted_topics([paper.pk], MORNING) == {paper.pk: {medicine.slug}}
    assert objections.accepted_topics([paper.pk], MORNING - timedelta(seconds=1)) == {}
    assert objections.last_acceptance() != before

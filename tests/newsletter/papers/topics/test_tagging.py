import pytest

from newsletter.papers.ingest import corrections
from newsletter.papers.models import Paper, PaperTopic, Topic
from newsletter.papers.topic_fit import fit_of
from newsletter.papers.topics import tagging
from newsletter.papers.topics.evidence import strongest_words
from tests.factories import PaperFactory, SubscriberFactory, TopicFactory

pytestmark = pytest.mark.django_db


def slugs(paper: Paper) -> set[str]:
    return set(PaperTopic.objects.filter(paper=paper).values_list("topic__slug", flat=True))


def test_about_thirty_topics_ship_with_the_product() -> None:
    assert 25 <= tagging.load_topics() == Topic.objects.count() <= 45


def test_loading_them_again_adds_nothing() -> None:
    tagging.load_topics()
    before = list(Topic.objects.values())
    assert tagging.load_topics() == 0
    assert list(Topic.objects.values()) == before


def test_an_edited_topic_is_left_as_it_is() -> None:
    tagging.load_topics()
    Topic.objects.filter(slug="robotics").update(phrases=["my robot"], name="Robots")
    tagging.load_topics()
    assert Topic.objects.get(slug="robotics").phrases == ["my robot"]


def test_a_retired_topic_stays_retired() -> None:
    tagging.load_topics()
    heir = Topic.objects.get(slug="vision")
    Topic.objects.get(slug="robotics").retire(into=heir)
    tagging.load_topics()
    assert Topic.objects.get(slug="robotics").retired_into == heir


def test_a_topic_of_an_editors_own_under_a_shipped_name_is_left_alone() -> None:
    name = "Robotics"
    TopicFactory(slug="our-robots", name=name)
    tagging.load_topics()
    assert Topic.objects.get(name=name).slug == "our-robots"


def test_papers_get_the_topics_of_the_rules_as_they_stand() -> None:
    TopicFactory(slug="language", categories=["cs.CL"])
    topic = TopicFactory(slug="splats", phrases=["gaussian splatting"])
    paper = PaperFactory(title="Gaussian Splatting Revisited", categories=["cs.CL"])
    tagging.tag([paper])
    assert slugs(paper) == {"language", "splats"}
    assert PaperTopic.objects.get(topic=topic).evidence == ["phrase: gaussian splatting"]

    Topic.objects.filter(pk=topic.pk).update(phrases=["splines"])
    tagging.tag([paper])
    assert slugs(paper) == {"language"}


def test_a_topic_keeps_its_fit_and_what_gave_it() -> None:
    topic = TopicFactory(slug="splats", phrases=["gaussian splatting"])
    paper = PaperFactory(title="Gaussian Splatting Revisited", abstract="It is new.")
    tagging.tag([paper])
    row = PaperTopic.objects.get(topic=topic)
    assert (row.fit, strongest_words(row.evidence), row.is_weak) == (fit_of(4), "Gaussian splatting", True)

    paper.abstract = "Gaussian splatting is fast, gaussian splatting is small."
    tagging.tag([paper])
    row.refresh_from_db()
    assert (row.fit, row.is_weak) == (fit_of(12), False)


def test_an_editors_word_is_certain() -> None:
    topic = TopicFactory(phrases=["gaussian splatting"])
    paper = PaperFactory(title="Gaussian Splatting Revisited")
    tagging.tag([paper])
    corrections.add_topic(paper, topic)
    row = PaperTopic.objects.get()
    assert (row.fit, strongest_words(row.evidence)) == (1.0, "")


def test_what_an_editor_set_by_hand_stays() -> None:
    topic = TopicFactory(slug="by-hand")
    paper = PaperFactory()
    PaperTopic.objects.create(paper=paper, topic=topic, origin=PaperTopic.Origin.CURATOR)
    tagging.tag([paper])
    assert slugs(paper) == {"by-hand"}


def test_a_topic_an_editor_set_that_the_rule_gives_too_stays_the_editors() -> None:
    topic = TopicFactory(categories=["cs.CL"])
    paper = PaperFactory(categories=["cs.CL"])
    PaperTopic.objects.create(paper=paper, topic=topic, origin=PaperTopic.Origin.CURATOR)
    tagging.tag([paper])
    assert PaperTopic.objects.get().origin == PaperTopic.Origin.CURATOR


def test_no_paper_gets_a_retired_topic() -> None:
    old, heir = TopicFactory(categories=["cs.CL"]), TopicFactory()
    paper = PaperFactory(categories=["cs.CL"])
    old.retire(into=heir)
    tagging.tag([paper])
    assert slugs(paper) == set()


# Retiring


def test_a_retired_topic_is_not_current_and_keeps_its_readers_rows() -> None:
    old, heir = TopicFactory.create_batch(2)
    reader = SubscriberFactory(topics=[old])
    old.retire(into=heir)
    assert list(Topic.objects.current()) == [heir]
    assert list(reader.preferences.topics.all()) == [old]


def test_the_readers_of_a_chain_of_topics_go_to_its_end() -> None:
    first, second, third = TopicFactory.create_batch(3)
    first.retire(into=second)
    second.retire(into=third)
    assert set(Topic.objects.filter(retired_into=third)) == {first, second}


def test_a_topic_retires_into_another_that_stays() -> None:
    one, other, gone = TopicFactory.create_batch(3)
    gone.retire(into=other)
    for heir in (one, gone):
        with pytest.raises(ValueError, match="choose one that stays"):
            one.retire(into=heir)
    assert set(Topic.objects.current()) == {one, other}


def test_two_topics_do_not_retire_into_each_other() -> None:
    one, other = TopicFactory.create_batch(2)
    one.retire(into=other)
    with pytest.raises(ValueError, match="choose one that stays"):
        other.retire(into=one)

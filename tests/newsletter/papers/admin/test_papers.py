"""Topics, sources and papers, through the pages editors see."""

import pytest
from django.conf import LazySettings
from django.test import Client

from newsletter import clock
from newsletter.papers.models import Paper, PaperTopic, Source, Topic
from newsletter.papers.topics import tagging
from tests.factories import PaperFactory, SightingFactory, SourceFactory, SubscriberFactory, TopicFactory
from tests.pages import form_of

pytestmark = pytest.mark.django_db


def change(client: Client, path: str, form_id: str, **typed: str) -> int:
    """Type into a page's form, send it, and return the status of the answer."""
    answers = form_of(client.get(path).content.decode(), form_id)
    return client.post(path, answers | typed | {"_save": "1"}).status_code


# Sources


def test_a_sources_page_shows_what_was_refused_and_why(admin_client: Client) -> None:
    source = SourceFactory(
        warning="The response was cut short: items at its end are missing.",
        refused={"https://rss.example/": {"2611.00001 <b>: it has no title": "2026-05-04T05:00:00+00:00"}},
    )
    page = admin_client.get(f"/admin/papers/source/{source.pk}/change/").content.decode()
    assert "items at its end are missing" in page
    assert "2611.00001 &lt;b&gt;: it has no title (since 4 May, 05:00 UTC)" in page
    assert "faulty answer" in admin_client.get("/admin/papers/source/").content.decode()


def test_a_source_that_can_never_be_fetched_is_not_saved(admin_client: Client) -> None:
    source = SourceFactory()
    path = f"/admin/papers/source/{source.pk}/change/"
    assert change(admin_client, path, "source_form", url="http://10.0.0.5/feed") == 200
    source.refresh_from_db()
    assert "10.0.0.5" not in source.url
    assert change(admin_client, path, "source_form", url="https://example.org/feed") == 302


# Topics


def test_an_editor_changes_a_topics_rule(admin_client: Client) -> None:
    topic = TopicFactory()
    path = f"/admin/papers/topic/{topic.pk}/change/"
    assert change(admin_client, path, "topic_form", phrases="gaussian splatting,radiance field") == 302
    topic.refresh_from_db()
    assert topic.phrases == ["gaussian splatting", "radiance field"]


def test_an_editor_adds_a_topic(admin_client: Client) -> None:
    path = "/admin/papers/topic/add/"
    assert change(admin_client, path, "topic_form", name="Seeing", slug="seeing", categories="cs.CV") == 302
    assert Topic.objects.get().categories == ["cs.CV"]


def test_an_editor_retires_a_topic_and_its_readers_move(admin_client: Client) -> None:
    old, heir = TopicFactory.create_batch(2)
    SubscriberFactory(topics=[old])
    assert change(admin_client, f"/admin/papers/topic/{old.pk}/change/", "topic_form", retire_into=str(heir.pk)) == 302
    old.refresh_from_db()
    assert old.retired_into == heir
    assert list(Topic.objects.current()) == [heir]


def test_a_topic_retires_neither_into_itself_nor_into_a_retired_one(admin_client: Client) -> None:
    old, gone, heir = TopicFactory.create_batch(3)
    gone.retire(into=heir)
    for bad in (old, gone):
        path = f"/admin/papers/topic/{old.pk}/change/"
        assert change(admin_client, path, "topic_form", retire_into=str(bad.pk)) == 200
    old.refresh_from_db()
    assert old.retired_into is None


def test_a_topic_is_retired_rather_than_deleted(admin_client: Client) -> None:
    topic = TopicFactory()
    assert admin_client.post(f"/admin/papers/topic/{topic.pk}/delete/", {"post": "yes"}).status_code == 403


# Sources


def test_a_source_is_fetched_now(admin_client: Client, worker: None, settings: LazySettings) -> None:
    settings.ARXIV_PAUSE_SECONDS = 0
    source = SourceFactory(url="http://127.0.0.1:9/rss/cs.CL")
    asked = {"action": "fetch_now", "_selected_action": [str(source.pk)]}
    page = admin_client.post("/admin/papers/source/", asked, follow=True).content.decode()
    assert "1 sources are being fetched" in page
    source.refresh_from_db()
    assert source.last_tried_at is not None
    assert "not on the public internet" in source.last_error
    assert source.last_error in admin_client.get("/admin/papers/source/").content.decode()


@pytest.mark.parametrize("fields", [{"is_active": False}, {"kind": Source.Kind.READERS}])
def test_a_source_that_rests_or_is_inside_is_not_fetched(
    admin_client: Client, worker: None, fields: dict[str, object]
) -> None:
    source = SourceFactory(**fields)
    admin_client.post("/admin/papers/source/", {"action": "fetch_now", "_selected_action": [str(source.pk)]})
    source.refresh_from_db()
    assert source.last_tried_at is None


def test_an_address_is_a_source_once(admin_client: Client) -> None:
    SourceFactory(url="https://rss.arxiv.org/rss/cs.CL")
    path = "/admin/papers/source/add/"
    fields = {"name": "Again", "kind": "arxiv", "url": "https://rss.arxiv.org/rss/cs.CL"}
    assert change(admin_client, path, "source_form", **fields) == 200
    assert Source.objects.count() == 1


# Papers


def test_a_paper_is_found_by_title_and_key(admin_client: Client) -> None:
    PaperFactory(title="Seeing in the dark")
    other = PaperFactory(title="Hearing")
    for words in ("hearing", other.key):
        page = admin_client.get("/admin/papers/paper/", {"q": words}).content.decode()
        assert "Hearing" in page
        assert "Seeing in the dark" not in page


def test_a_paper_is_marked_as_withdrawn(admin_client: Client) -> None:
    gone, kept = PaperFactory.create_batch(2)
    admin_client.post("/admin/papers/paper/", {"action": "withdraw", "_selected_action": [str(gone.pk)]})
    assert list(Paper.objects.present()) == [kept]


def test_a_topic_given_by_hand_is_the_editors_and_stays(admin_client: Client) -> None:
    topic, paper = TopicFactory(), PaperFactory()
    path = f"/admin/papers/paper/{paper.pk}/change/"
    typed = {"paper_topics-TOTAL_FORMS": "1", "paper_topics-0-topic": str(topic.pk)}
    assert change(admin_client, path, "paper_form", **typed) == 302
    assert PaperTopic.objects.get().origin == PaperTopic.Origin.CURATOR
    tagging.tag([paper])
    assert PaperTopic.objects.get().topic == topic


def test_papers_are_neither_added_nor_deleted_by_hand(admin_client: Client) -> None:
    paper = PaperFactory()
    assert admin_client.get("/admin/papers/paper/add/").status_code == 403
    assert admin_client.post(f"/admin/papers/paper/{paper.pk}/delete/", {"post": "yes"}).status_code == 403


# What is done to many at once


def choose(client: Client, name: str, action: str, *pks: int) -> str:
    chosen = {"action": action, "_selected_action": [str(pk) for pk in pks]}
    return client.post(f"/admin/papers/{name}/", chosen, follow=True).content.decode()


def test_sources_are_paused_and_resumed(admin_client: Client) -> None:
    source, inside = SourceFactory(), SourceFactory(kind=Source.Kind.READERS)
    assert "1 sources are paused" in choose(admin_client, "source", "pause", source.pk, inside.pk)
    assert list(Source.objects.fetched()) == []
    assert Source.objects.get(pk=inside.pk).is_active
    assert "1 sources are resumed" in choose(admin_client, "source", "resume", source.pk, inside.pk)
    assert list(Source.objects.due()) == [source]


def test_what_is_ours_is_no_kind_of_source_to_add(admin_client: Client) -> None:
    page = admin_client.get("/admin/papers/source/add/").content.decode()
    assert 'value="feed"' in page
    assert 'value="readers"' not in page


def test_papers_are_tagged_again_by_the_rules(admin_client: Client) -> None:
    paper, topic = PaperFactory(title="On gaussian splatting"), TopicFactory(phrases=["gaussian splatting"])
    choose(admin_client, "paper", "retag", paper.pk)
    assert list(paper.topics.all()) == [topic]


def test_papers_are_scored_again(admin_client: Client, worker: None) -> None:
    paper = PaperFactory(listed_on=clock.today(), first_seen_at=clock.now())
    SightingFactory(paper=paper, source=SourceFactory(kind=Source.Kind.HF_DAILY), seen_at=clock.now(), votes=40)
    choose(admin_client, "paper", "rescore", paper.pk)
    paper.refresh_from_db()
    assert paper.votes == 40


def test_papers_are_narrowed_to_a_topic_and_a_state(admin_client: Client) -> None:
    topic = TopicFactory()
    PaperFactory(title="With a topic", topics=[topic])
    PaperFactory(title="Gone for good", withdrawn_at=clock.now())
    for asked, seen, unseen in (
        ({"topic": topic.slug}, "With a topic", "Gone for good"),
        ({"state": "withdrawn"}, "Gone for good", "With a topic"),
        ({"state": "present"}, "With a topic", "Gone for good"),
    ):
        page = admin_client.get("/admin/papers/paper/", asked).content.decode()
        assert seen in page
        assert unseen not in page

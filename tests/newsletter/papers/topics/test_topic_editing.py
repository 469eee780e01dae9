"""What an editor does to a topic shows before it is saved, and what one says of a paper stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.issues import draft, publish
from newsletter.papers.ingest import corrections
from newsletter.papers.ingest.store import store_findings
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Source, Topic
from newsletter.papers.sources.finding import Finding
from newsletter.papers.topics import rule_preview, tagging
from newsletter.papers.topics.phrase_matching import TopicRule, compile_topics
from tests.factories import MONDAY, MORNING, IssueFactory, PaperFactory, SourceFactory, TopicFactory

pytestmark = pytest.mark.django_db
SetClock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def _on_monday_morning(set_clock: SetClock) -> None:
    set_clock(MORNING)


@pytest.fixture
def gaussians() -> Topic:
    return TopicFactory(slug="gaussians", name="Gaussians", phrases=["gaussian splatting"])


def tagged(title: str, **fields: Any) -> Paper:
    paper: Paper = PaperFactory(title=title, **fields)
    tagging.tag([paper])
    return paper


def slugs_of(paper: Paper) -> list[str]:
    return sorted(paper.topics.values_list("slug", flat=True))


# What would this change?


def test_an_edit_shows_what_it_would_win_and_lose_and_saves_nothing(admin_client: Client, gaussians: Topic) -> None:
    tagged("Gaussian splatting of <b>cats</b>")
    tagged("Radiance fields of dogs")
    page = admin_client.post(path_of(gaussians), form_of(gaussians, phrases="radiance field") | {"preview": "1"})
    shown = page.content.decode()
    assert "would win 1 and lose 1: it has 1 and would have 1" in shown
    assert "Radiance fields of dogs" in shown
    assert "Gaussian splatting of &lt;b&gt;cats&lt;/b&gt;" in shown
    assert 'value="radiance field"' in shown, "what was typed is lost"
    gaussians.refresh_from_db()
    assert (gaussians.phrases, gaussians.retag_asked_at) == (["gaussian splatting"], None)


def test_the_page_of_a_topic_offers_the_preview_without_script(admin_client: Client, gaussians: Topic) -> None:
    for path in (path_of(gaussians), "/admin/papers/topic/add/"):
        assert 'type="submit" name="preview"' in " ".join(admin_client.get(path).content.decode().split())


def test_a_new_topic_shows_what_it_would_win(admin_client: Client) -> None:
    tagged("Radiance fields of dogs")
    typed = {"name": "Fields", "slug": "fields", "phrases": "radiance field", "preview": "1"}
    shown = admin_client.post("/admin/papers/topic/add/", typed).content.decode()
    assert "would win 1 and lose 0" in shown
    assert not Topic.objects.exists()


def test_a_mistake_in_the_form_is_named_by_the_preview_too(admin_client: Client, gaussians: Topic) -> None:
    shown = admin_client.post(path_of(gaussians), form_of(gaussians, name="") | {"preview": "1"}).content.decode()
    assert "This field is required" in shown
    assert "Not saved yet" not in shown


def test_only_editors_see_the_preview(client: Client, gaussians: Topic) -> None:
    assert client.post(path_of(gaussians), form_of(gaussians) | {"preview": "1"}).status_code == 302


def test_old_withdrawn_and_corrected_papers_are_neither_won_nor_lost(gaussians: Topic) -> None:
    tagged("Radiance field", listed_on=MONDAY - timedelta(days=30))
    tagged("Radiance field", withdrawn_at=MORNING)
    corrections.refuse_topic(tagged("Radiance field"), gaussians)
    corrections.add_topic(tagged("Gaussian splatting"), gaussians)
    won = tagged("Radiance field", listed_on=MONDAY - timedelta(days=29))
    gaussians.phrases = ["radiance field"]
    change = rule_preview.preview_change(gaussians)
    assert (change.won, change.lost, change.before_count, change.after_count) == ([won], [], 1, 2)


def test_a_preview_knows_which_category_of_a_paper_is_its_own() -> None:
    categories = [f"cs.{letter}" for letter in "ABCDE"]
    for category in categories[:4]:
        TopicFactory(slug=category[-1].lower(), categories=[category])
    topic = TopicFactory(slug="e", categories=["math.CO"])
    paper = tagged("A paper of many fields", categories=categories, primary_category="cs.E")
    topic.categories = ["cs.E"]
    assert rule_preview.preview_change(topic).won == [paper]
    edit(topic, categories=["cs.E"])
    tagging.retag_recent()
    assert "e" in slugs_of(paper)


def test_at_most_fifty_papers_are_named_the_best_first(gaussians: Topic) -> None:
    papers = [PaperFactory(title="Radiance field", score=float(n)) for n in range(60)]
    gaussians.phrases = ["radiance field"]
    change = rule_preview.preview_change(gaussians)
    assert (change.won_count, change.won) == (60, papers[:9:-1])


WORDS = ["policy", "Policies", "lens", "GPU", "gpus", "C++", "e³", "mesh", "Meshes", "dose-response", "an", "ﬁeld"]
PHRASES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join), max_size=3).map(tuple)
RULES = st.builds(
    TopicRule,
    slug=st.just("topic"),
    categories=st.lists(st.sampled_from(["cs.CL", "q-bio.*", "cs.*"]), max_size=1).map(tuple),
    phrases=PHRASES,
    weak_phrases=PHRASES,
    exclusions=PHRASES,
)
TEXTS = st.lists(st.sampled_from([*WORDS, ".", ","]), max_size=6).map(" ".join)


@given(RULES, RULES, TEXTS, TEXTS, st.lists(st.sampled_from(["cs.CL", "q-bio.QM", "stat.ML"]), max_size=2))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_paper_that_the_edit_does_not_concern_has_the_same_topic_before_and_after(
    before: TopicRule, after: TopicRule, title: str, abstract: str, categories: list[str]
) -> None:
    if not [*rule_preview.papers_to_check(before, after, [(1, title, abstract, categories, "")], crowded=())]:
        had, has = (bool(compile_topics([rule]).match(title, abstract, categories)) for rule in (before, after))
        assert had == has


def test_a_long_preview_says_how_many_papers_it_does_not_name(admin_client: Client, gaussians: Topic) -> None:
    Paper.objects.bulk_create(PaperFactory.build(title="Radiance field") for _ in range(51))
    page = admin_client.post(path_of(gaussians), form_of(gaussians, phrases="radiance field") | {"preview": "1"})
    assert "the first 50 of 51" in page.content.decode()


# Saving


def test_saving_retags_the_papers_of_the_last_days(gaussians: Topic) -> None:
    lost, won = tagged("Gaussian splatting"), tagged("Radiance field")
    old = tagged("Gaussian splatting", listed_on=MONDAY - timedelta(days=31))
    edit(gaussians, phrases=["radiance field"])
    assert tagging.retag_recent() == 2
    assert [slugs_of(paper) for paper in (lost, won, old)] == [[], ["gaussians"], ["gaussians"]]
    assert tagging.retag_recent() == 0, "done is done"


def test_saving_changes_what_the_preview_announced(gaussians: Topic) -> None:
    TopicFactory(slug="rivals", phrases=["field of dogs"])
    papers = [
        tagged(title)
        for title in ("Gaussian splatting", "Radiance fields", "Field of dogs", "Gaussian radiance field")
    ]
    gaussians.phrases, gaussians.exclusions = ["radiance field", "gaussian splatting"], ["splatting"]
    change = rule_preview.preview_change(gaussians)
    before = {paper for paper in papers if "gaussians" in slugs_of(paper)}
    edit(gaussians, phrases=gaussians.phrases, exclusions=gaussians.exclusions)
    tagging.retag_recent()
    after = {paper for paper in papers if "gaussians" in slugs_of(paper)}
    assert (after - before, before - after) == (set(change.won), set(change.lost))


def test_saving_in_admin_asks_for_it_and_a_mere_name_does_not(
    admin_client: Client, gaussians: Topic, django_capture_on_commit_callbacks: Any
) -> None:
    admin_client.post(path_of(gaussians), form_of(gaussians, name="Splats"))
    gaussians.refresh_from_db()
    assert (gaussians.name, gaussians.retag_asked_at) == ("Splats", None)
    with django_capture_on_commit_callbacks() as callbacks:
        admin_client.post(path_of(gaussians), form_of(gaussians, phrases="radiance field"))
    gaussians.refresh_from_db()
    assert (gaussians.retag_asked_at, len(callbacks)) == (MORNING, 1)


def test_a_draft_follows_an_edited_topic(gaussians: Topic) -> None:
    IssueFactory(date=MONDAY, front_size=0)
    lost, won = tagged("Gaussian splatting"), tagged("Radiance field")
    assert [entry.paper for entry in draft.draft_issue(MONDAY).entries.all()] == [lost]
    edit(gaussians, phrases=["radiance field"])
    tagging.retag_recent()
    assert [entry.paper for entry in draft.draft_issue(MONDAY).entries.all()] == [won]


def test_tagging_again_rewrites_no_row(gaussians: Topic) -> None:
    paper = tagged("Gaussian splatting")
    before = list(PaperTopic.objects.values())
    tagging.tag([paper])
    assert list(PaperTopic.objects.values()) == before


# Corrections


def test_a_correction_stays_through_retagging_and_what_sources_bring(gaussians: Topic) -> None:
    other = TopicFactory(slug="other")
    finding = Finding(key="arxiv:2605.00001", title="Gaussian splatting", version=1)
    source = SourceFactory(kind=Source.Kind.ARXIV)
    store_findings(source, (finding,))
    paper = Paper.objects.get()
    corrections.refuse_topic(paper, gaussians)
    corrections.add_topic(paper, other)
    store_findings(source, (replace(finding, title="More Gaussian splatting", version=2, announce="replace"),))
    edit(gaussians, phrases=["splatting"])
    tagging.retag_recent()
    assert slugs_of(paper) == ["other"]


def test_a_refused_topic_is_on_no_shelf_and_in_no_snapshot(gaussians: Topic) -> None:
    paper = tagged("Gaussian splatting")
    corrections.refuse_topic(paper, gaussians)
    IssueFactory(date=MONDAY, front_size=0)
    assert not draft.draft_issue(MONDAY).entries.exists()
    assert publish.paper_snapshot(paper)["topics"] == []


def test_what_is_left_to_the_rules_again_follows_them(gaussians: Topic) -> None:
    paper = tagged("Gaussian splatting")
    corrections.refuse_topic(paper, gaussians)
    corrections.leave_to_rules(paper, gaussians)
    assert slugs_of(paper) == ["gaussians"]
    other = tagged("Cats")
    corrections.add_topic(other, gaussians)
    corrections.leave_to_rules(other, gaussians)
    assert slugs_of(other) == []


def test_a_topic_deleted_on_the_papers_page_is_refused_for_good(admin_client: Client, gaussians: Topic) -> None:
    paper = tagged("Gaussian splatting")
    row = paper.paper_topics.get()
    deletion = {
        "paper_topics-TOTAL_FORMS": "1", "paper_topics-INITIAL_FORMS": "1", "paper_topics-0-id": row.pk,
        "paper_topics-0-paper": paper.pk, "paper_topics-0-DELETE": "on",
    }  # fmt: skip
    answer = admin_client.post(f"/admin/papers/paper/{paper.pk}/change/", paper_form(paper) | deletion)
    assert answer.status_code == 302
    tagging.tag([paper])
    assert slugs_of(paper) == []
    refusal = RefusedTopic.objects.get()
    undo = {
        "refused_topics-TOTAL_FORMS": "1", "refused_topics-INITIAL_FORMS": "1", "refused_topics-0-id": refusal.pk,
        "refused_topics-0-paper": paper.pk, "refused_topics-0-DELETE": "on",
    }  # fmt: skip
    admin_client.post(f"/admin/papers/paper/{paper.pk}/change/", paper_form(paper) | undo)
    assert slugs_of(paper) == ["gaussians"]


def test_a_topic_added_on_the_papers_page_is_the_editors(admin_client: Client, gaussians: Topic) -> None:
    paper = tagged("Cats")
    addition = {
        "paper_topics-TOTAL_FORMS": "1", "paper_topics-0-id": "", "paper_topics-0-paper": paper.pk,
        "paper_topics-0-topic": gaussians.pk,
    }  # fmt: skip
    admin_client.post(f"/admin/papers/paper/{paper.pk}/change/", paper_form(paper) | addition)
    tagging.tag([paper])
    assert paper.paper_topics.get().origin == PaperTopic.Origin.CURATOR


def edit(topic: Topic, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(topic, name, value)
    topic.save(update_fields=list(fields))
    tagging.ask_to_retag(topic)


def path_of(topic: Topic) -> str:
    return f"/admin/papers/topic/{topic.pk}/change/"


def form_of(topic: Topic, **typed: str) -> dict[str, str]:
    lists = {name: ",".join(getattr(topic, name)) for name in ("categories", "phrases", "weak_phrases", "exclusions")}
    return {"name": topic.name, "slug": topic.slug, "description": topic.description} | lists | typed


def paper_form(paper: Paper) -> dict[str, Any]:
    formsets = {
        f"{name}-{part}_FORMS": "0" for name in ("paper_topics", "refused_topics") for part in ("TOTAL", "INITIAL")
    }
    texts = {name: getattr(paper, name) for name in ("title", "abstract", "primary_category", "url")}
    lists = {name: ",".join(getattr(paper, name)) for name in ("authors", "categories")}
    return formsets | texts | lists

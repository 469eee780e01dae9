from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.apps import apps

from newsletter.papers.ingest import store as ingest
from newsletter.papers.models import Alias, Paper, PaperTopic, Sighting, Source
from newsletter.papers.sources.finding import Finding
from tests.factories import MONDAY, MORNING, PaperFactory, SourceFactory, TopicFactory
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
HOUR = timedelta(hours=1)


def found(number: int = 1, **fields: Any) -> Finding:
    """Return a finding of paper `number`."""
    defaults: dict[str, Any] = {"title": f"Paper {number}", "abstract": "We show a thing.", "listed_on": MONDAY}
    return Finding(key=f"arxiv:2605.{number:05}", **defaults | fields)


def rows() -> dict[str, list[dict[str, object]]]:
    """Return every row of papers, to see that none changed."""
    models = apps.get_app_config("papers").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


@pytest.fixture
def arxiv() -> Source:
    source: Source = SourceFactory(kind=Source.Kind.ARXIV)
    return source


def only_paper() -> Paper:
    return Paper.objects.get()


def test_an_answer_becomes_papers_with_topics_and_sightings(daily: Source) -> None:
    topic = TopicFactory(phrases=["paper"])
    result = ingest.store_findings(daily, (found(1, votes=3), found(2, votes=0, comments=1)))

    assert result == ingest.StoreCounts(new=2, changed=0)
    assert set(PaperTopic.objects.values_list("paper__key", "topic")) == {
        ("arxiv:2605.00001", topic.pk),
        ("arxiv:2605.00002", topic.pk),
    }
    assert list(Sighting.objects.order_by("pk").values_list("votes", "comments")) == [(3, None), (0, 1)]


def test_the_same_answer_twice_changes_nothing(daily: Source, arxiv: Source, set_clock: SetClock) -> None:
    TopicFactory(phrases=["paper"], categories=["cs.CL"])
    answer = (found(1, votes=3), found(2, categories=("cs.CL",), version=1, announce="new", code_url="https://c.org"))
    for source in (daily, arxiv):
        ingest.store_findings(source, answer)
    before = rows()

    set_clock(MORNING + HOUR)
    for source in (arxiv, daily):
        assert ingest.store_findings(source, answer) == ingest.StoreCounts(0, 0)
    assert rows() == before


def test_a_machines_summary_stands_beside_the_abstract_and_gives_no_topic(daily: Source, arxiv: Source) -> None:
    TopicFactory(phrases=["starlight"])
    ingest.store_findings(daily, (found(machine_summary="Sees by starlight."),))
    ingest.store_findings(arxiv, (found(abstract="We show an eye.", announce="new", version=1),))
    paper = only_paper()
    assert (paper.abstract, paper.machine_summary) == ("We show an eye.", "Sees by starlight.")
    assert not PaperTopic.objects.exists()


def test_an_empty_answer_changes_nothing(daily: Source) -> None:
    assert ingest.store_findings(daily, ()) == ingest.StoreCounts(0, 0)


def test_a_paper_of_two_sources_is_one_row_seen_twice(daily: Source, arxiv: Source) -> None:
    ingest.store_findings(daily, (found(votes=3),))
    assert ingest.store_findings(arxiv, (found(announce="new", version=1),)).new == 0
    assert Paper.objects.count() == 1
    assert set(Sighting.objects.values_list("source", "votes")) == {(daily.pk, 3), (arxiv.pk, None)}


@pytest.mark.parametrize("is_arxiv_first", [True, False])
def test_arxivs_own_text_wins_in_either_order(daily: Source, arxiv: Source, is_arxiv_first: bool) -> None:
    answers = [
        (arxiv, found(title="O($n$) Parsing", abstract="Own.", categories=("cs.CL",), version=1, announce="new")),
        (daily, found(title="O(n) Parsing", abstract="Other.", code_url="https://c.org/x", proposed_by="Dana")),
    ]
    for source, answer in answers if is_arxiv_first else answers[::-1]:
        ingest.store_findings(source, (answer,))
    paper = only_paper()
    assert (paper.title, paper.abstract, paper.categories) == ("O($n$) Parsing", "Own.", ["cs.CL"])
    assert (paper.code_url, paper.proposed_by) == ("https://c.org/x", "Dana")


def test_a_paper_that_is_first_known_from_a_list_gets_arxivs_topics_later(daily: Source, arxiv: Source) -> None:
    topic = TopicFactory(categories=["cs.RO"])
    ingest.store_findings(daily, (found(),))
    assert not PaperTopic.objects.exists()
    ingest.store_findings(arxiv, (found(categories=("cs.RO",), announce="new", version=1),))
    assert PaperTopic.objects.get().topic == topic


def test_the_earliest_listing_day_counts(daily: Source, arxiv: Source) -> None:
    ingest.store_findings(daily, (found(listed_on=MONDAY),))
    ingest.store_findings(arxiv, (found(listed_on=MONDAY - timedelta(days=3), announce="new", version=1),))
    ingest.store_findings(daily, (found(listed_on=MONDAY - timedelta(days=1)),))
    assert only_paper().listed_on == MONDAY - timedelta(days=3)


@pytest.mark.parametrize("day", [None, MONDAY + timedelta(days=1), date.max])
def test_nothing_was_listed_in_the_future(arxiv: Source, day: date | None) -> None:
    ingest.store_findings(arxiv, (found(listed_on=day),))
    assert only_paper().listed_on == MONDAY


@pytest.mark.parametrize("announce", ["replace", "replace-cross"])
def test_a_replacement_of_a_paper_that_is_not_known_is_not_listed(arxiv: Source, announce: str) -> None:
    assert ingest.store_findings(arxiv, (found(announce=announce, version=3),)) == ingest.StoreCounts(0, 0)
    assert not Paper.objects.exists()


def test_a_replacement_brings_its_text_and_leaves_the_day(arxiv: Source) -> None:
    ingest.store_findings(arxiv, (found(announce="new", version=1, listed_on=MONDAY - timedelta(days=3)),))
    newer = found(title="Better", announce="replace", version=2, listed_on=MONDAY - timedelta(days=9))
    assert ingest.store_findings(arxiv, (newer,)).changed == 1
    paper = only_paper()
    assert (paper.title, paper.version, paper.listed_on) == ("Better", 2, MONDAY - timedelta(days=3))


def test_an_older_version_brings_nothing_back(arxiv: Source) -> None:
    ingest.store_findings(arxiv, (found(title="Better", version=2, announce="new"),))
    assert ingest.store_findings(arxiv, (found(title="Worse", version=1, announce="cross"),)).changed == 0
    assert only_paper().title == "Better"


def test_a_replacement_in_the_answer_of_its_own_first_day_is_known(arxiv: Source) -> None:
    with_itself = (found(announce="new", version=1), found(2, announce="replace", version=2))
    assert ingest.store_findings(arxiv, with_itself).new == 1


def test_a_withdrawn_paper_leaves_and_keeps_the_moment(arxiv: Source, set_clock: SetClock) -> None:
    ingest.store_findings(arxiv, (found(announce="new", version=1),))
    withdrawn = found(abstract="This paper has been withdrawn.", announce="replace", version=2, withdrawn=True)
    ingest.store_findings(arxiv, (withdrawn,))
    assert not Paper.objects.present().exists()

    set_clock(MORNING + HOUR)
    assert ingest.store_findings(arxiv, (withdrawn,)).changed == 0
    assert only_paper().withdrawn_at == MORNING


def test_a_paper_that_is_withdrawn_when_it_is_first_seen_is_not_listed(arxiv: Source) -> None:
    assert ingest.store_findings(arxiv, (found(announce="new", withdrawn=True),)).new == 0


def test_a_link_without_a_title_makes_no_paper_but_is_a_sighting_of_a_known_one(arxiv: Source) -> None:
    blog = SourceFactory(kind=Source.Kind.FEED)
    ingest.store_findings(arxiv, (found(1, announce="new"),))
    assert ingest.store_findings(blog, (found(1, title="", abstract=""), found(2, title=""))) == ingest.StoreCounts(
        0, 0
    )
    assert Sighting.objects.get(source=blog).paper == only_paper()
    assert only_paper().title == "Paper 1"


def test_a_sighting_is_written_only_where_a_figure_changed(daily: Source, set_clock: SetClock) -> None:
    for hours, votes in enumerate([3, 3, 5, 5, 4, 4]):
        set_clock(MORNING + hours * HOUR)
        ingest.store_findings(daily, (found(votes=votes, rank=hours + 1),))
    seen = Sighting.objects.order_by("seen_at").values_list("seen_at", "votes")
    assert list(seen) == [(MORNING, 3), (MORNING + 2 * HOUR, 5), (MORNING + 4 * HOUR, 4)]


def test_what_one_source_shows_is_not_compared_with_another(daily: Source) -> None:
    other = SourceFactory(kind=Source.Kind.HF_DAILY)
    for source in (daily, other, daily, other):
        ingest.store_findings(source, (found(votes=3),))
    assert Sighting.objects.count() == 2


def test_a_paper_that_was_merged_receives_under_its_new_key(daily: Source) -> None:
    kept = PaperFactory(title="Kept")
    gone = PaperFactory(merged_into=kept)
    ingest.store_findings(daily, (Finding(key=gone.key, title="Again", votes=7, code_url="https://c.org/x"),))
    assert Sighting.objects.get().paper == kept
    kept.refresh_from_db()
    assert (kept.title, kept.code_url) == ("Kept", "https://c.org/x")
    assert Paper.objects.count() == 2


def test_another_key_of_a_paper_leads_to_it(daily: Source) -> None:
    paper = PaperFactory()
    Alias.objects.create(key="doi:10.1000/xyz", paper=paper)
    ingest.store_findings(daily, (Finding(key="doi:10.1000/xyz", title="Again", votes=7),))
    assert Paper.objects.count() == 1
    assert Sighting.objects.get().paper == paper


def test_two_keys_of_one_paper_in_one_answer_are_one_sighting(daily: Source) -> None:
    paper = PaperFactory()
    Alias.objects.create(key="doi:10.1000/xyz", paper=paper)
    ingest.store_findings(
        daily, (Finding(key="doi:10.1000/xyz", title="A", votes=7), Finding(key=paper.key, title="A", votes=7))
    )
    assert Sighting.objects.get().paper == paper


def test_the_longest_a_source_may_send_is_stored(daily: Source) -> None:
    finding = Finding(
        key="arxiv:2605.00001",
        title="T" * 500,
        abstract="A" * 10_000,
        authors=("N" * 200,) * 700,
        proposed_by="P" * 200,
        votes=2**31 - 1,
        comments=2**31 - 1,
        stars=2**31 - 1,
        rank=3_000,
    )
    assert ingest.store_findings(daily, (finding,)).new == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "https://example.org/" + "u" * 1_900},
        {"code_url": "https://github.com/a/" + "c" * 490},
        {"project_url": "https://example.org/" + "p" * 490},
        {"categories": ("cs." + "A" * 60,), "primary_category": "cs." + "A" * 60},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_longer_than_its_column_costs_no_other_paper(daily: Source, fields: dict[str, Any]) -> None:
    ingest.store_findings(daily, (found(1, **fields), found(2)))
    assert Paper.objects.filter(key="arxiv:2605.00002").exists()


def test_a_key_that_is_longer_than_its_column_costs_no_other_paper(daily: Source) -> None:
    ingest.store_findings(daily, (Finding(key="url:https://example.org/" + "k" * 1_900, title="Long"), found(2)))
    assert list(Paper.objects.values_list("key", flat=True)) == ["arxiv:2605.00002"]


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_that_hold_the_same_papers_are_both_stored() -> None:
    sources = SourceFactory.create_batch(4, kind=Source.Kind.HF_DAILY)
    findings = tuple(found(number, votes=1) for number in range(1, 30))
    orders = (findings, findings[::-1], findings, findings[::-1])
    at_once(*[partial(ingest.store_findings, source, order) for source, order in zip(sources, orders, strict=True)])
    assert (Paper.objects.count(), Sighting.objects.count()) == (29, 4 * 29)

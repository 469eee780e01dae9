"""Two papers that are the same become one, and part again where that was wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter import clock
from newsletter.issues import draft
from newsletter.issues.models import IssueEntry
from newsletter.papers.ingest import corrections, duplicates, field_priority
from newsletter.papers.ingest.store import store_findings
from newsletter.papers.models import Alias, Paper, Sighting, Source
from newsletter.papers.sources.finding import Finding
from newsletter.papers.topics import tagging
from newsletter.papers.trending import ranking
from tests.factories import (
    MONDAY,
    MORNING,
    IssueFactory,
    PaperFactory,
    SourceFactory,
    TopicFactory,
    published_issue,
)
from tests.rivals import at_once

pytestmark = pytest.mark.django_db
SetClock = Callable[[datetime], None]
TUESDAY = MONDAY + timedelta(days=1)
PAPERS = "/admin/papers/paper/"


@pytest.fixture(autouse=True)
def _on_monday_morning(set_clock: SetClock) -> None:
    set_clock(MORNING)


@pytest.fixture
def preprint() -> Paper:
    return bring(Finding(key="arxiv:2605.00001", title="A preprint", abstract="It holds.", version=1))


@pytest.fixture
def page() -> Paper:
    return bring(Finding(key="url:https://example.org/paper", title="A page", votes=4), Source.Kind.FEED)


def bring(finding: Finding, kind: str = Source.Kind.ARXIV) -> Paper:
    store_findings(Source.objects.filter(kind=kind).first() or SourceFactory(kind=kind), (finding,))
    return Paper.objects.get(key=finding.key)


def refreshed(paper: Paper) -> Paper:
    return Paper.objects.get(pk=paper.pk)


# Merging


def test_the_merged_papers_key_leads_to_the_one_that_stays(preprint: Paper, page: Paper) -> None:
    duplicates.merge(page, preprint)
    with clock.at(MORNING + timedelta(hours=1)):
        bring(Finding(key=page.key, title="A page", votes=9), Source.Kind.FEED)
    assert list(Paper.objects.present()) == [preprint]
    assert Sighting.objects.get(votes=9).paper == preprint


def test_sightings_count_for_the_paper_that_stays(preprint: Paper, page: Paper) -> None:
    duplicates.merge(page, preprint)
    ranking.score_papers()
    assert refreshed(preprint).votes == 4


def test_gaps_are_filled_and_the_stronger_word_wins(preprint: Paper, page: Paper) -> None:
    Paper.objects.filter(pk=page.pk).update(code_url="https://github.com/a/b", origins={"code_url": [1, 0]})
    duplicates.merge(page, preprint)
    paper = refreshed(preprint)
    assert (paper.title, paper.code_url) == ("A preprint", "https://github.com/a/b")


def test_of_equal_authority_the_paper_that_stays_has_the_say(preprint: Paper) -> None:
    other = bring(Finding(key="arxiv:2605.00002", title="The same with a longer title", version=3))
    duplicates.merge(other, preprint)
    assert refreshed(preprint).title == "A preprint"


def test_an_alias_of_the_merged_paper_leads_to_the_one_that_stays(preprint: Paper, page: Paper) -> None:
    Alias.objects.create(key="doi:10.1000/x", paper=page)
    duplicates.merge(page, preprint)
    store_findings(SourceFactory(kind=Source.Kind.FEED), (Finding(key="doi:10.1000/x", title="By its DOI", votes=2),))
    assert Sighting.objects.get(votes=2).paper == preprint


def test_corrections_of_topics_go_with_the_paper(preprint: Paper, page: Paper) -> None:
    given, refused, both = TopicFactory(), TopicFactory(phrases=["preprint"]), TopicFactory()
    tagging.tag([preprint])
    corrections.add_topic(page, given)
    corrections.refuse_topic(page, refused)
    corrections.add_topic(page, both)
    corrections.refuse_topic(preprint, both)
    duplicates.merge(page, preprint)
    assert list(preprint.topics.all()) == [given]
    duplicates.split(page)
    assert list(preprint.topics.all()) == [refused]
    assert set(page.topics.all()) == {given, both}


def test_a_paper_is_merged_once_and_not_with_itself(preprint: Paper, page: Paper) -> None:
    with pytest.raises(duplicates.CannotMerge):
        duplicates.merge(page, page)
    duplicates.merge(page, preprint)
    for pair in ((page, preprint), (preprint, page)):
        with pytest.raises(duplicates.CannotMerge):
            duplicates.merge(*pair)


def test_a_paper_that_is_nobodys_twin_cannot_be_split(preprint: Paper) -> None:
    with pytest.raises(duplicates.NotMerged):
        duplicates.split(preprint)


def test_arxivs_key_is_proposed_to_stay(preprint: Paper, page: Paper) -> None:
    assert (
        duplicates.choose_direction(page, preprint) == duplicates.choose_direction(preprint, page) == (page, preprint)
    )


# Splitting


def test_a_split_gives_back_what_came_before_and_after(preprint: Paper, page: Paper) -> None:
    before = [duplicates.merge_fields(refreshed(paper)) for paper in (preprint, page)]
    duplicates.merge(page, preprint)
    with clock.at(MORNING + timedelta(hours=1)):
        bring(Finding(key=page.key, title="A page", votes=9), Source.Kind.FEED)
    duplicates.split(page)
    assert [duplicates.merge_fields(refreshed(paper)) for paper in (preprint, page)] == before
    assert set(page.sightings.filter(came_as=None).values_list("votes", flat=True)) == {4, 9}
    assert refreshed(preprint).own is None


def test_a_merge_stored_before_there_were_machine_summaries_is_read_and_split(preprint: Paper, page: Paper) -> None:
    duplicates.merge(page, preprint)
    own = refreshed(preprint).own
    assert own is not None
    own.pop("machine_summary")
    Paper.objects.filter(pk=preprint.pk).update(own=own)
    bring(Finding(key=preprint.key, title="A preprint", machine_summary="It sees."), Source.Kind.HF_DAILY)
    assert refreshed(preprint).machine_summary == "It sees."
    duplicates.split(refreshed(page))
    assert refreshed(preprint).machine_summary == "It sees."


def test_a_split_of_what_held_others_takes_them_along(preprint: Paper, page: Paper) -> None:
    with clock.at(MORNING + timedelta(hours=1)):
        wrong = bring(Finding(key="arxiv:2605.00002", title="Another", version=1))
    duplicates.merge(page, preprint)
    duplicates.merge(preprint, wrong)
    assert Sighting.objects.filter(paper=wrong).count() == 3
    duplicates.split(preprint)
    assert refreshed(page).merged_into == preprint
    assert set(Sighting.objects.filter(paper=preprint).values_list("came_as", flat=True)) == {None, page.pk}
    duplicates.split(page)
    assert {paper.sightings.count() for paper in (preprint, page, wrong)} == {1}


def test_what_an_editor_split_is_not_merged_again_by_its_doi() -> None:
    journals = bring(Finding(key="doi:10.1000/x", title="The journal’s", votes=1), Source.Kind.FEED)
    finding = Finding(key="arxiv:2605.00001", title="A preprint", doi="10.1000/x")
    preprint = bring(finding)
    assert refreshed(journals).merged_into == preprint
    duplicates.split(journals)
    bring(replace(finding, version=2))
    assert refreshed(journals).merged_into is None


KEYS = ("arxiv:2605.00001", "doi:10.1000/x", "url:https://example.org/paper")
KINDS = (Source.Kind.ARXIV, Source.Kind.HF_DAILY, Source.Kind.FEED)
BROUGHT = st.tuples(
    st.sampled_from(KINDS),
    st.builds(
        Finding,
        key=st.sampled_from(KEYS),
        title=st.sampled_from(["A", "Ab", "B"]),
        abstract=st.sampled_from(["", "x", "y"]),
        version=st.integers(0, 2),
        listed_on=st.sampled_from([MONDAY, MONDAY - timedelta(days=2)]),
        votes=st.integers(0, 9),
    ),
)


@given(st.lists(BROUGHT, max_size=4), st.lists(BROUGHT, max_size=4), st.permutations(range(3)), st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_merged_and_split_is_as_if_it_never_was(
    first: list[Any], later: list[Any], order: list[int], nested: bool
) -> None:
    states = []
    for merges in (True, False):
        Paper.objects.update(merged_into=None)
        Paper.objects.all().delete()
        papers = [bring(Finding(key=key, title="T"), kind) for key, kind in zip(KEYS, KINDS, strict=True)]
        minutes = iter(range(1, 99))
        bring_one_a_minute(first, minutes)
        one, other, third = (papers[n] for n in order)
        if merges:
            duplicates.merge(one, other)
            duplicates.merge(*((other, third) if nested else (third, other)))
        bring_one_a_minute(later, minutes)
        if merges:
            for paper in (other, one) if nested else (one, third):
                duplicates.split(refreshed(paper))
        states.append([(duplicates.merge_fields(refreshed(paper)), figures_of(paper)) for paper in papers])
    assert states[0] == states[1]


def bring_one_a_minute(brought: list[tuple[str, Finding]], minutes: Iterator[int]) -> None:
    for kind, finding in brought:
        with clock.at(MORNING + timedelta(minutes=next(minutes))):
            bring(finding, kind)


def figures_of(paper: Paper) -> set[tuple[Any, ...]]:
    return set(paper.sightings.values_list("source__kind", "seen_at", "votes", "came_as"))


# Issues


def test_an_entry_of_an_open_issue_goes_to_the_paper_that_stays_and_back() -> None:
    page, other = PaperFactory(score=9.0), PaperFactory(score=1.0)
    IssueFactory(date=MONDAY, front_size=1)
    issue = draft.draft_issue(MONDAY)
    issue.entries.filter(paper=page).update(is_pick=True, note="Read this.")
    duplicates.merge(page, other)
    draft.draft_issue(MONDAY)
    assert [(entry.paper, entry.note) for entry in issue.entries.all()] == [(other, "Read this.")]
    duplicates.split(page)
    draft.draft_issue(MONDAY)
    assert [(entry.paper, entry.note) for entry in issue.entries.front()] == [(page, "Read this.")]


def test_of_two_entries_that_become_one_the_editors_marks_are_kept() -> None:
    page, other = PaperFactory(score=9.0), PaperFactory(score=1.0)
    issue = draft.draft_issue(MONDAY)
    issue.entries.filter(paper=page).update(is_pick=True)
    issue.entries.filter(paper=other).update(note="Ours.")
    duplicates.merge(page, other)
    entry = draft.draft_issue(MONDAY).entries.get()
    assert (entry.paper, entry.is_pick, entry.note) == (other, True, "Ours.")


@pytest.mark.parametrize("shelf", [IssueEntry.Shelf.FRONT, IssueEntry.Shelf.SHELF])
def test_a_published_issue_stays_as_it_was_and_readers_get_the_paper_no_second_time(shelf: str) -> None:
    topic = TopicFactory()
    page, other, lead = (PaperFactory(topics=[topic]) for _ in range(3))
    issue = published_issue(
        MONDAY, *((lead, page) if shelf == "front" else (lead,)), shelf=(page,) * (shelf == "shelf")
    )
    before = list(issue.entries.values("paper", "snapshot", "shelf", "position"))
    duplicates.merge(page, other)
    later = draft.draft_issue(TUESDAY)
    assert list(issue.entries.values("paper", "snapshot", "shelf", "position")) == before
    assert not later.entries.filter(paper__in=[page, other]).exists()


# The editors' desk


def choose(client: Client, *papers: Paper, **fields: Any) -> Any:
    chosen = {"action": "merge", "_selected_action": [paper.pk for paper in papers]}
    return client.post(PAPERS, chosen | fields, follow=True)


def test_the_confirmation_shows_both_papers_and_changes_nothing(
    admin_client: Client, preprint: Paper, page: Paper
) -> None:
    shown = choose(admin_client, page, preprint).content.decode()
    assert f"Goes: {page.key}" in shown
    assert "<strong>A preprint</strong>" in shown
    assert "A page" in shown
    assert refreshed(page).merged_into is None


def test_two_papers_are_merged_once_confirmed_and_both_say_who_did_it(
    admin_client: Client, preprint: Paper, page: Paper
) -> None:
    choose(admin_client, page, preprint, merge="1", into=preprint.pk)
    assert refreshed(page).merged_into == preprint
    logged = LogEntry.objects.values_list("object_pk", "actor__username")
    assert set(logged) == {(str(preprint.pk), "admin"), (str(page.pk), "admin")}


def test_the_editor_may_keep_the_other_key(admin_client: Client, preprint: Paper, page: Paper) -> None:
    shown = choose(admin_client, page, preprint, swap="1", into=preprint.pk).content.decode()
    assert f"Goes: {preprint.key}" in shown
    choose(admin_client, page, preprint, merge="1", into=page.pk)
    assert refreshed(preprint).merged_into == page


def test_exactly_two_papers_are_merged(admin_client: Client, preprint: Paper, page: Paper) -> None:
    for papers in ((page,), (page, preprint, PaperFactory())):
        assert "exactly two" in choose(admin_client, *papers, merge="1").content.decode()
    assert not Paper.objects.exclude(merged_into=None).exists()


def form_of(paper: Paper) -> dict[str, Any]:
    formsets = {
        f"{name}-{part}_FORMS": "0" for name in ("paper_topics", "refused_topics") for part in ("TOTAL", "INITIAL")
    }
    return formsets | {
        "title": paper.title, "abstract": paper.abstract, "authors": ",".join(paper.authors),
        "categories": ",".join(paper.categories), "primary_category": paper.primary_category, "url": paper.url,
        "code_url": paper.code_url, "project_url": paper.project_url, "proposed_by": paper.proposed_by,
    }  # fmt: skip


def test_a_wrong_merge_is_split_on_the_papers_page(admin_client: Client, preprint: Paper, page: Paper) -> None:
    duplicates.merge(page, preprint)
    path = f"{PAPERS}{page.pk}/change/"
    assert "Split this wrong merge" in admin_client.get(path).content.decode()
    assert page.key in admin_client.get(f"{PAPERS}{preprint.pk}/change/").content.decode()
    admin_client.post(path, form_of(page) | {"split": "1"})
    assert refreshed(page).merged_into is None
    assert LogEntry.objects.get_for_object(page).latest("pk").changes == {"merged into": [preprint.key, ""]}
    assert "Split this wrong merge" not in admin_client.get(path).content.decode()


def test_a_look_never_merges_or_splits(admin_client: Client, preprint: Paper, page: Paper) -> None:
    admin_client.get(f"{PAPERS}?action=merge&_selected_action={page.pk}&_selected_action={preprint.pk}&merge=1")
    assert refreshed(page).merged_into is None
    duplicates.merge(page, preprint)
    admin_client.get(f"{PAPERS}{page.pk}/change/", {"split": "1"})
    assert refreshed(page).merged_into == preprint


def test_what_an_editor_types_into_a_papers_page_stays(admin_client: Client, preprint: Paper) -> None:
    admin_client.post(f"{PAPERS}{preprint.pk}/change/", form_of(preprint) | {"title": "As it should read"})
    bring(Finding(key=preprint.key, title="A preprint, revised", version=2, announce="replace"))
    paper = refreshed(preprint)
    assert (paper.title, paper.origins["title"]) == ("As it should read", field_priority.EDITOR_ORIGIN)


# Races


@pytest.mark.django_db(transaction=True)
def test_ingesting_waits_for_a_merge() -> None:
    page, preprint = PaperFactory(), PaperFactory()
    source = SourceFactory(kind=Source.Kind.FEED)
    finding = Finding(key=page.key, title="A page", votes=5)
    works: list[Callable[[], object]] = [
        partial(store_findings, source, (replace(finding, votes=votes),)) for votes in range(1, 5)
    ]
    works.insert(2, partial(duplicates.merge, page, preprint))
    at_once(*works)
    assert not Sighting.objects.filter(paper=page, came_as=None).exclude(seen_at__in=seen_of(preprint)).exists()
    assert refreshed(page).merged_into == preprint


def seen_of(paper: Paper) -> list[datetime]:
    return list(paper.sightings.values_list("seen_at", flat=True))

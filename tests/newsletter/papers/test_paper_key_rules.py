"""A paper is one row, whoever brings it, how often and in which order."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from newsletter import clock
from newsletter.issues import draft, publish
from newsletter.papers.ingest import corrections, field_priority
from newsletter.papers.ingest.store import store_findings
from newsletter.papers.models import Alias, Paper, Sighting, Source
from newsletter.papers.paper_key import key_of
from newsletter.papers.sources.arxiv import is_withdrawn
from newsletter.papers.sources.finding import Finding
from newsletter.papers.text.cleaning import clean
from newsletter.papers.topics import tagging
from tests.factories import MONDAY, MORNING, IssueFactory, PaperFactory, SourceFactory, TopicFactory
from tests.recordings import SHARED

pytestmark = pytest.mark.django_db
Kind = Source.Kind
SetClock = Callable[[datetime], None]
KEY = "arxiv:2605.00658"
PAIRS = SHARED / "data" / "tex" / "hf_vs_arxiv_text_differences.jsonl"
ORIGINAL = Finding(
    key=KEY,
    title="Faster than O(n²)",
    abstract="It is 2× faster.",
    authors=("Ada Example", "Bo Sample"),
    categories=("cs.LG", "cs.CL"),
    primary_category="cs.LG",
    version=1,
    announce="new",
    listed_on=MONDAY,
)
COPY = Finding(key=KEY, title="Faster than O(n^2)", abstract="It is 2times faster.", listed_on=MONDAY, votes=7)
MENTION = Finding(key=KEY, title="A neat trick from Ada [pdf]", listed_on=MONDAY, votes=120, proposed_by="Cy")


@pytest.fixture(autouse=True)
def _on_monday_morning(set_clock: SetClock) -> None:
    set_clock(MORNING)


def source_of(kind: str) -> Source:
    return Source.objects.filter(kind=kind).first() or SourceFactory(kind=kind)


def bring(*brought: tuple[str, Finding]) -> Paper:
    """Ingest each finding by itself, in order, and return the paper they are of."""
    for kind, finding in brought:
        store_findings(source_of(kind), (finding,))
    return Paper.objects.get(key=brought[0][1].key)


def state_of(paper: Paper) -> dict[str, Any]:
    return {name: getattr(paper, name) for name in (*field_priority.SOURCED_FIELDS, "url", "first_seen_at")}


# Keys


@pytest.mark.parametrize(
    "spelling",
    [
        "https://arxiv.org/abs/2605.00658v3",
        "http://www.arxiv.org/pdf/2605.00658v1.pdf",
        "https://huggingface.co/papers/2605.00658",
        "https://doi.org/10.48550/arXiv.2605.00658",
        "oai:arXiv.org:2605.00658v2",
        "arXiv:2605.00658 [cs.CL]",
    ],
)
def test_a_paper_is_one_row_under_every_spelling_of_its_key(spelling: str) -> None:
    key = key_of(spelling)
    assert key is not None
    bring((Kind.ARXIV, ORIGINAL), (Kind.FEED, replace(MENTION, key=key)))
    assert Paper.objects.get().key == KEY


def test_old_style_ids_are_one_paper_with_and_without_their_subject_class() -> None:
    keys = [
        key_of(text) for text in ("hep-ex/0307015v2", "https://arxiv.org/abs/hep-ex/0307015", "arXiv:hep-ex/0307015")
    ]
    for key in keys:
        bring((Kind.ARXIV, replace(ORIGINAL, key=str(key))))
    assert Paper.objects.get().key == "arxiv:hep-ex/0307015"


def test_a_key_too_long_to_store_harms_no_other_paper() -> None:
    long = Finding(key="url:https://example.org/" + "a" * 600, title="A page")
    store_findings(source_of(Kind.FEED), (long, MENTION))
    assert Paper.objects.get().key == KEY


# Whose word counts


def test_arxivs_text_is_used_whichever_came_first() -> None:
    for brought in ([(Kind.HF_DAILY, COPY), (Kind.ARXIV, ORIGINAL)], [(Kind.ARXIV, ORIGINAL), (Kind.HF_DAILY, COPY)]):
        Paper.objects.all().delete()
        paper = bring(*brought)
        assert (paper.title, paper.abstract) == ("Faster than O(n²)", "It is 2× faster.")


def test_arxivs_api_is_arxivs_word_too() -> None:
    paper = bring((Kind.HF_DAILY, COPY), (Kind.ARXIV_API, replace(ORIGINAL, announce="", listed_on=None)))
    assert (paper.abstract, paper.primary_category) == ("It is 2× faster.", "cs.LG")


@pytest.mark.skipif(not PAIRS.is_file(), reason="the recordings are not at hand")
def test_what_hugging_face_lost_is_arxivs_on_every_recorded_pair() -> None:
    rows = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    theirs = tuple(pair_finding(row, "hf") for row in rows)
    own = tuple(replace(pair_finding(row, "arxiv"), version=1, categories=tuple(row["categories"])) for row in rows)
    half = len(rows) // 2
    # One half is listed on Hugging Face first, the other on arXiv.
    store_findings(source_of(Kind.HF_DAILY), theirs[:half])
    store_findings(source_of(Kind.ARXIV), own)
    store_findings(source_of(Kind.HF_DAILY), theirs)
    papers = Paper.objects.in_bulk(field_name="key")
    assert len(papers) == len({row["id"] for row in rows}) > 200
    for finding in own:
        assert (papers[finding.key].title, papers[finding.key].abstract) == (finding.title, finding.abstract)


def pair_finding(row: dict[str, Any], whose: str) -> Finding:
    title, abstract = clean(row[f"{whose}_title"]), clean(row[f"{whose}_summary"])
    return Finding(key=f"arxiv:{row['id']}", title=title, abstract=abstract, listed_on=MONDAY)


def test_a_mention_fills_only_what_nobody_else_says() -> None:
    paper = bring((Kind.HF_DAILY, COPY), (Kind.FEED, MENTION))
    assert (paper.title, paper.proposed_by) == (COPY.title, "Cy")


def test_a_replacement_updates_the_text_and_lists_the_paper_no_second_time() -> None:
    bring((Kind.ARXIV, ORIGINAL))
    later = MORNING + timedelta(days=9)
    with clock.at(later):
        second = replace(ORIGINAL, title="Better", version=2, announce="replace", listed_on=later.date())
        outcome = store_findings(source_of(Kind.ARXIV), (second,))
    paper = Paper.objects.get()
    assert (paper.title, paper.version, paper.listed_on) == ("Better", 2, MONDAY)
    assert (paper.first_seen_at, outcome.new) == (MORNING, 0)


def test_an_older_version_that_comes_late_changes_no_text() -> None:
    paper = bring((Kind.ARXIV, replace(ORIGINAL, title="Second", version=2)), (Kind.ARXIV, ORIGINAL))
    assert (paper.title, paper.version) == ("Second", 2)


def test_an_unknown_papers_replacement_is_not_taken_in() -> None:
    store_findings(source_of(Kind.ARXIV), (replace(ORIGINAL, announce="replace-cross", version=4),))
    assert not Paper.objects.exists()


def test_cross_lists_add_up_with_the_primary_category_first() -> None:
    crossed = replace(ORIGINAL, categories=("cs.LG", "stat.ML"), announce="cross")
    assert bring((Kind.ARXIV, ORIGINAL), (Kind.ARXIV, crossed)).categories == ["cs.LG", "cs.CL", "stat.ML"]


def test_an_editors_correction_stays_whatever_comes() -> None:
    paper = bring((Kind.ARXIV, ORIGINAL))
    corrections.correct(paper, {"title": "As it should read", "code_url": ""})
    code = "https://github.com/example/wrong"
    bring((Kind.ARXIV, replace(ORIGINAL, title="Third", version=3, code_url=code, announce="replace")))
    paper.refresh_from_db()
    assert (paper.title, paper.code_url, paper.version) == ("As it should read", "", 3)


# Withdrawal


def withdrawal(version: int) -> Finding:
    notice = "This paper has been withdrawn by the authors."
    return replace(ORIGINAL, version=version, withdrawn=True, abstract=notice, announce="replace")


def test_a_withdrawn_paper_is_marked_and_keeps_its_abstract() -> None:
    paper = bring((Kind.ARXIV, ORIGINAL), (Kind.ARXIV, withdrawal(2)))
    assert (paper.withdrawn_at, paper.abstract) == (MORNING, ORIGINAL.abstract)


@pytest.mark.parametrize(
    ("title", "notice"),
    [
        (ORIGINAL.title, "The authors have withdrawn this paper"),
        (ORIGINAL.title, "This paper has been removed by arXiv administrators"),
        (ORIGINAL.title, "Paper withdrawn due to a sign error, which spoils each of the theorems that follow it."),
        ("[Withdrawn]", "We withdraw this paper"),
        ("This paper has been withdrawn by its authors", "Withdrawn by the authors"),
    ],
)
def test_a_version_that_only_announces_a_withdrawal_replaces_no_words(title: str, notice: str) -> None:
    withdrawn = is_withdrawn(notice, title=title)
    second = replace(ORIGINAL, title=title, abstract=notice, version=2, announce="replace", withdrawn=withdrawn)
    paper = bring((Kind.ARXIV, ORIGINAL), (Kind.ARXIV, second), (Kind.HF_DAILY, COPY))
    assert (paper.title, paper.abstract, paper.withdrawn_at) == (ORIGINAL.title, ORIGINAL.abstract, MORNING)


def test_a_paper_first_seen_withdrawn_is_not_taken_in() -> None:
    store_findings(source_of(Kind.ARXIV), (replace(withdrawal(1), announce="new"),))
    assert not Paper.objects.exists()


def test_an_old_listing_does_not_bring_a_withdrawn_paper_back_but_a_new_version_does() -> None:
    bring((Kind.ARXIV, ORIGINAL), (Kind.ARXIV, withdrawal(2)), (Kind.ARXIV, ORIGINAL), (Kind.HF_DAILY, COPY))
    assert Paper.objects.get().withdrawn_at is not None
    assert bring((Kind.ARXIV, replace(ORIGINAL, version=3, announce="replace"))).withdrawn_at is None


def test_a_withdrawn_paper_leaves_drafts_even_as_a_pick_and_comes_to_no_shelf() -> None:
    topic = TopicFactory()
    on_shelf, pick, good = (PaperFactory(topics=[topic], score=score) for score in (1.0, 9.0, 5.0))
    IssueFactory(date=MONDAY, front_size=2)
    issue = draft.draft_issue(MONDAY)
    issue.entries.filter(paper=pick).update(is_pick=True)
    for paper in (pick, on_shelf):
        bring((Kind.ARXIV, replace(withdrawal(2), key=paper.key)))
    assert [entry.paper for entry in draft.draft_issue(MONDAY).entries.all()] == [good]


def test_a_paper_withdrawn_since_the_last_refresh_is_not_published() -> None:
    good, bad = PaperFactory(), PaperFactory()
    issue = draft.draft_issue(MONDAY)
    corrections.correct(bad, {"withdrawn_at": MORNING})
    assert publish.publish(issue)
    assert [entry.paper for entry in issue.entries.all()] == [good]


# DOIs

DOI = "10.1145/3292500.3330701"
JOURNALS = Finding(key=f"doi:{DOI}", title="The journal’s title", listed_on=MONDAY - timedelta(days=2), votes=3)


def test_a_doi_beside_an_arxiv_id_leads_to_the_arxiv_paper() -> None:
    bring((Kind.ARXIV, replace(ORIGINAL, doi=DOI.upper())), (Kind.FEED, replace(MENTION, key=f"doi:{DOI}")))
    assert Alias.objects.get().key == f"doi:{DOI}"
    assert Sighting.objects.get(source__kind=Kind.FEED).paper == Paper.objects.get()


def test_a_doi_known_first_becomes_part_of_the_arxiv_paper() -> None:
    store_findings(source_of(Kind.FEED), (JOURNALS,))
    outcome = store_findings(source_of(Kind.ARXIV), (replace(ORIGINAL, doi=DOI),))
    paper, journals = Paper.objects.get(key=KEY), Paper.objects.get(key=JOURNALS.key)
    assert journals.merged_into == paper
    assert (paper.title, paper.listed_on) == (ORIGINAL.title, JOURNALS.listed_on)
    assert set(paper.sightings.values_list("source__kind", flat=True)) == {Kind.FEED, Kind.ARXIV}
    assert outcome.new == 0, "readers may have seen it"


def test_two_arxiv_papers_that_claim_one_doi_stay_two() -> None:
    twin = replace(ORIGINAL, key="arxiv:2605.00659", title="Another", doi=DOI)
    bring((Kind.ARXIV, replace(ORIGINAL, doi=DOI)), (Kind.ARXIV, twin))
    assert Paper.objects.present().count() == 2


def test_arxivs_own_doi_is_no_alias() -> None:
    bring((Kind.ARXIV, replace(ORIGINAL, doi="10.48550/arXiv.2605.00658")))
    assert not Alias.objects.exists()


@pytest.mark.parametrize("backwards", [False, True])
def test_a_paper_and_its_doi_in_one_answer_are_one_paper(backwards: bool) -> None:
    brought = (JOURNALS, replace(ORIGINAL, doi=DOI))
    assert store_findings(source_of(Kind.FEED), brought[::-1] if backwards else brought).new == 1
    assert Paper.objects.present().get().key == KEY


# What counts as new


def test_the_same_answer_again_changes_nothing() -> None:
    findings = (ORIGINAL, replace(ORIGINAL, key="arxiv:2605.00659", doi=DOI))
    store_findings(source_of(Kind.ARXIV), findings)
    again = store_findings(source_of(Kind.ARXIV), findings)
    assert (again.new, again.changed, Sighting.objects.count()) == (0, 0, 2)


def test_duplicates_in_one_answer_are_one_paper() -> None:
    crossed = replace(ORIGINAL, announce="cross")
    assert (
        store_findings(
            source_of(Kind.ARXIV), (ORIGINAL, crossed, replace(ORIGINAL, announce="replace", version=2))
        ).new
        == 1
    )
    assert Paper.objects.get().version == 2


def test_a_listing_repeated_after_a_holiday_is_not_new_and_stays_on_its_day() -> None:
    bring((Kind.ARXIV, ORIGINAL))
    with clock.at(MORNING + timedelta(days=1)):
        outcome = store_findings(source_of(Kind.ARXIV), (replace(ORIGINAL, listed_on=MONDAY + timedelta(days=1)),))
    assert (outcome.new, Paper.objects.get().listed_on) == (0, MONDAY)


def test_of_a_listing_that_came_in_parts_only_the_rest_is_new() -> None:
    whole = tuple(replace(ORIGINAL, key=f"arxiv:2605.{n:05}") for n in range(10))
    counts = [store_findings(source_of(Kind.ARXIV), findings).new for findings in (whole[:4], whole, whole[6:])]
    assert counts == [4, 6, 0]


def test_what_the_api_fills_in_makes_no_paper_new() -> None:
    bring((Kind.HF_DAILY, COPY))
    with clock.at(MORNING + timedelta(hours=3)):
        api = replace(ORIGINAL, announce="", listed_on=None)
        assert store_findings(source_of(Kind.ARXIV_API), (api,)).new == 0
    paper = Paper.objects.get()
    assert (paper.first_seen_at, paper.listed_on) == (MORNING, MONDAY)


# In any order

TEXT = st.text("ab ", min_size=0, max_size=3)
CATEGORIES = st.lists(st.sampled_from(["cs.LG", "cs.CL", "cs.CV", "stat.ML"]), max_size=3, unique=True).map(tuple)


def findings(key: str = KEY) -> st.SearchStrategy[tuple[str, Finding]]:
    """Make what a source could bring of one paper, that it can be begun with."""
    from_arxiv = st.builds(
        Finding,
        key=st.just(key),
        title=TEXT.filter(bool),
        abstract=TEXT,
        authors=st.lists(TEXT.filter(bool), max_size=2).map(tuple),
        categories=CATEGORIES,
        primary_category=st.sampled_from(["", "cs.LG", "cs.CV"]),
        version=st.integers(0, 2),
        announce=st.sampled_from(["", "new", "cross"]),
        listed_on=st.dates(date(2026, 5, 1), date(2026, 5, 6)),
        code_url=st.sampled_from(["", "https://github.com/a/b", "https://github.com/c/d"]),
        votes=st.none() | st.integers(0, 3),
    )
    others = st.builds(replace, from_arxiv, version=st.just(0), proposed_by=TEXT)
    return st.one_of(
        st.tuples(st.sampled_from([Kind.ARXIV, Kind.ARXIV_API]), from_arxiv),
        st.tuples(st.sampled_from([Kind.HF_DAILY, Kind.FEED, Kind.READERS]), others),
    )


@given(
    st.lists(findings(), min_size=2, max_size=5).flatmap(
        lambda found: st.tuples(st.just(found), st.permutations(found))
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_findings_changes_nothing(
    orders: tuple[list[tuple[str, Finding]], list[tuple[str, Finding]]],
) -> None:
    states = []
    for brought in orders:
        Paper.objects.all().delete()
        paper = bring(*brought)
        states.append((state_of(paper), set(paper.topics.values_list("slug", flat=True))))
    assert states[0] == states[1]


SAID = st.builds(lambda brought: field_priority.fields_of_finding(brought[1], brought[0], MORNING), findings())


@given(SAID, SAID, SAID)
def test_findings_on_a_paper_join_in_any_order_and_grouping(one: Any, other: Any, third: Any) -> None:
    join = field_priority.join_fields
    assert join(one, other) == join(other, one)
    assert join(one, join(other, third)) == join(join(one, other), third)
    assert join(one, one) == one
    assert join(join(one, other), other) == join(one, other)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_whether_a_paper_is_withdrawn_is_the_latest_versions_matter(versions: list[tuple[int, bool]]) -> None:
    said = [
        field_priority.fields_of_finding(replace(ORIGINAL, version=version, withdrawn=withdrawn), Kind.ARXIV, MORNING)
        for version, withdrawn in versions
    ]
    latest = max(version for version, _ in versions)
    expected = any(withdrawn for version, withdrawn in versions if version == latest)
    assert (
        (joined(said)["withdrawn_at"] is not None) == expected == (joined(reversed(said))["withdrawn_at"] is not None)
    )


def joined(said: Iterable[field_priority.Fields]) -> field_priority.Fields:
    first, *others = said
    for fields in others:
        first = field_priority.join_fields(first, fields)
    return first


@given(SAID)
def test_what_is_packed_comes_back_unchanged(said: Any) -> None:
    assume(said["listed_on"])
    fields = {**said, "first_seen_at": datetime(2026, 5, 4, 5, 0, 0, 123, tzinfo=UTC)}
    assert field_priority.from_json(json.loads(json.dumps(field_priority.to_json(fields)))) == fields


def test_tagging_reads_the_merged_text() -> None:
    tagging.load_topics()
    paper = bring((Kind.FEED, replace(MENTION, title="Something")), (Kind.ARXIV, ORIGINAL))
    assert "cs.CL" in paper.paper_topics.get(topic__slug="language").evidence

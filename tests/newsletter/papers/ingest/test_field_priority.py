from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.ingest.field_priority import TEXT_FIELDS, Fields, fields_of_finding, join_fields, unite_fields
from newsletter.papers.models import Source
from newsletter.papers.sources.finding import Finding
from tests.factories import MONDAY, MORNING

KINDS = [Source.Kind.ARXIV, Source.Kind.ARXIV_API, Source.Kind.HF_DAILY, Source.Kind.FEED]
days = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))
texts = st.sampled_from(["", "one", "two"])
findings = st.builds(
    Finding,
    key=st.just("arxiv:2605.00001"),
    title=st.sampled_from(["One", "Two"]),
    abstract=texts,
    machine_summary=texts,
    authors=st.sampled_from([(), ("Ada",), ("Ada", "Bo")]),
    categories=st.sampled_from([(), ("cs.CL",)]),
    primary_category=st.sampled_from(["", "cs.CL"]),
    version=st.integers(0, 3),
    announce=st.sampled_from(["", "new", "cross", "replace", "replace-cross"]),
    listed_on=days,
    code_url=texts,
    project_url=texts,
    proposed_by=texts,
)


def said(finding: Finding, kind: str) -> Fields:
    return fields_of_finding(finding, kind, MORNING)


@given(findings, findings, st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_what_was_taken_in_changes_nothing_again(first: Finding, second: Finding, kind: str, other: str) -> None:
    known = join_fields(said(first, kind), said(second, other))
    assert join_fields(known, said(second, other)) == known


@given(findings, findings, st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_no_source_empties_a_field_or_sets_a_later_day(first: Finding, second: Finding, kind: str, other: str) -> None:
    known = said(first, kind)
    after = join_fields(known, said(second, other))
    assert all(after[name] for name, value in known.items() if value)
    assert known["listed_on"] is None or after["listed_on"] <= known["listed_on"]
    assert after["version"] >= known["version"]


@given(findings, findings, st.sampled_from([Source.Kind.HF_DAILY, Source.Kind.FEED, Source.Kind.READERS]))
def test_other_sources_only_fill_gaps_in_arxivs_data(first: Finding, second: Finding, kind: str) -> None:
    known = said(first, Source.Kind.ARXIV)
    after = join_fields(known, said(replace(second, version=0), kind))
    assert all(after[name] == known[name] for name in TEXT_FIELDS if known[name])


@pytest.mark.parametrize("kind", [Source.Kind.ARXIV, Source.Kind.ARXIV_API])
def test_arxivs_text_replaces_anybodys(kind: str) -> None:
    copied = said(Finding(key="arxiv:2605.00001", title="2times", abstract="Short."), Source.Kind.HF_DAILY)
    after = join_fields(copied, said(Finding(key="arxiv:2605.00001", title="2×", version=1), kind))
    assert (after["title"], after["abstract"]) == ("2×", "Short.")


def test_of_two_of_equal_weight_the_longer_counts() -> None:
    one, other = (said(Finding(key="url:https://a.org", title=title), Source.Kind.FEED) for title in ("A", "A paper"))
    assert join_fields(one, other)["title"] == join_fields(other, one)["title"] == "A paper"


@pytest.mark.parametrize(("announce", "day"), [("new", MONDAY), ("replace", None), ("replace-cross", None)])
def test_a_day_in_the_future_is_today_and_a_replacement_has_none(announce: str, day: date | None) -> None:
    finding = Finding(key="arxiv:2605.00001", title="A", announce=announce, listed_on=MONDAY + timedelta(days=1))
    assert said(finding, Source.Kind.ARXIV)["listed_on"] == day


def test_a_paper_that_others_were_merged_into_says_what_they_know_better() -> None:
    seen = {"first_seen_at": MORNING}
    own = said(Finding(key="doi:10.1000/x", title="A mention", proposed_by="Ada"), Source.Kind.FEED) | seen
    other = said(Finding(key="arxiv:2605.00001", title="Own", proposed_by="Bo", version=2), Source.Kind.ARXIV) | seen
    both = unite_fields(own, [other])
    assert (both["title"], both["proposed_by"], both["version"]) == ("Own", "Bo", 2)
    assert unite_fields(other, [own]) == other

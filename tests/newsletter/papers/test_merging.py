from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.findings import Finding
from newsletter.papers.merging import changed_fields, first_fields
from newsletter.papers.models import Source
from tests.factories import MONDAY

KINDS = [Source.Kind.ARXIV, Source.Kind.ARXIV_API, Source.Kind.HF_DAILY, Source.Kind.FEED]
days = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))
texts = st.sampled_from(["", "one", "two"])
findings = st.builds(
    Finding,
    key=st.just("arxiv:2605.00001"),
    title=st.sampled_from(["One", "Two"]),
    abstract=texts,
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


def merged(known: dict[str, Any], finding: Finding, kind: str) -> dict[str, Any]:
    return known | changed_fields(known, finding, kind, MONDAY)


@given(findings, findings, st.sampled_from(KINDS))
def test_what_was_taken_in_changes_nothing_again(first: Finding, second: Finding, kind: str) -> None:
    known = merged(first_fields(first, MONDAY), second, kind)
    assert changed_fields(known, second, kind, MONDAY) == {}


@given(findings, findings, st.sampled_from(KINDS))
def test_no_source_empties_a_field_or_sets_a_later_day(first: Finding, second: Finding, kind: str) -> None:
    known = first_fields(first, MONDAY)
    after = merged(known, second, kind)
    assert all(after[name] for name, value in known.items() if value)
    assert after["listed_on"] <= known["listed_on"]
    assert after["version"] >= known["version"]


@given(findings, findings, st.sampled_from([Source.Kind.HF_DAILY, Source.Kind.FEED]))
def test_who_is_not_arxiv_only_fills_gaps(first: Finding, second: Finding, kind: str) -> None:
    known = first_fields(first, MONDAY)
    after = merged(known, second, kind)
    changed = {name for name, value in known.items() if after[name] != value} - {"listed_on"}
    assert not any(known[name] for name in changed)


@given(findings, findings, findings)
def test_the_day_does_not_depend_on_the_order(first: Finding, second: Finding, third: Finding) -> None:
    def day(*order: Finding) -> date:
        known = first_fields(first, MONDAY)
        for finding in order:
            known = merged(known, finding, Source.Kind.FEED)
        return known["listed_on"]  # type: ignore[no-any-return]

    assert day(second, third) == day(third, second)


@pytest.mark.parametrize("kind", [Source.Kind.ARXIV, Source.Kind.ARXIV_API])
def test_arxivs_text_replaces_anybodys(kind: str) -> None:
    known = first_fields(Finding(key="arxiv:2605.00001", title="2times", abstract="Short."), MONDAY)
    offered = Finding(key="arxiv:2605.00001", title="2$\\times$", version=1)
    assert merged(known, offered, kind)["title"] == "2$\\times$"
    assert merged(known, offered, kind)["abstract"] == "Short."


def test_a_new_paper_without_a_page_of_its_own_leads_to_arxivs() -> None:
    assert (
        first_fields(Finding(key="arxiv:2605.00001", title="A"), MONDAY)["url"] == "https://arxiv.org/abs/2605.00001"
    )


def test_a_day_in_the_future_is_today() -> None:
    finding = Finding(key="arxiv:2605.00001", title="A", listed_on=MONDAY + timedelta(days=1))
    assert first_fields(finding, MONDAY)["listed_on"] == MONDAY

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing
from newsletter.papers.sources.hf_daily import addresses, parse
from tests.newsletter.papers.sources.conftest import payload

BASE = "https://huggingface.co/api/daily_papers"
MAY_4 = f"{BASE}?date=2026-05-04&limit=100"


def parse_items(*items: Any) -> Listing:
    return parse(json.dumps(items).encode(), MAY_4)


def paper(**fields: Any) -> dict[str, Any]:
    return {"paper": {"id": "2605.90001", "title": "Trees", **fields}}


def test_each_day_is_asked_for() -> None:
    assert addresses(BASE, [date(2026, 5, 4), date(2026, 5, 5)]) == [
        f"{BASE}?date=2026-05-04&limit=100",
        f"{BASE}?date=2026-05-05&limit=100",
    ]


def test_what_else_the_address_asks_is_kept() -> None:
    assert addresses(f"{BASE}?sort=trending&limit=5", [date(2026, 5, 4)]) == [
        f"{BASE}?sort=trending&date=2026-05-04&limit=100"
    ]


def test_a_full_item_becomes_a_finding() -> None:
    finding = parse(payload("hf_daily.json"), MAY_4).findings[0]

    assert finding.key == "arxiv:2605.90001"
    assert finding.title == "Inner Title"
    assert finding.abstract == "Inner summary."
    assert finding.authors == ("Ada Example",)
    assert finding.published_at == datetime(2026, 5, 2, tzinfo=UTC)
    assert (finding.votes, finding.comments, finding.stars, finding.rank) == (42, 3, 7, 1)
    assert finding.code_url == "https://github.com/example/trees"
    assert finding.project_url == "https://trees-of-example.github.io"
    assert finding.url == "https://arxiv.org/abs/2605.90001"
    assert finding.proposed_by == "Dana Curator"
    assert finding.listed_on == date(2026, 5, 4)


def test_the_machines_summary_is_cleaned_like_an_abstract() -> None:
    said = parse_items(
        paper(ai_summary="<script>x()</script>It needs $O(n)$\u202e memory &amp; <b>no</b>\0 sun.")
    ).findings
    assert said[0].machine_summary == "It needs O(n) memory & no sun."


@pytest.mark.parametrize("odd", [None, 7, ["A summary"], {"text": "A summary"}, " \n", "\ud800"])
def test_an_odd_summary_is_none(odd: Any) -> None:
    assert parse_items(paper(ai_summary=odd)).findings[0].machine_summary == ""


def test_a_summary_without_end_is_cut() -> None:
    said = parse_items(paper(ai_summary="word " * 100_000)).findings[0].machine_summary
    assert (len(said) <= 2_000, said[-1]) == (True, "…")


def test_without_its_own_day_a_paper_has_the_lists() -> None:
    finding = parse(payload("hf_daily.json"), MAY_4.replace("05-04", "05-06")).findings[1]

    assert finding.listed_on == date(2026, 5, 6)


def test_odd_values_are_unknown() -> None:
    finding = parse(payload("hf_daily.json"), MAY_4).findings[1]

    assert finding.title == "<1 GB"
    assert (finding.votes, finding.comments, finding.stars, finding.published_at) == (None, None, None, None)
    assert (finding.rank, finding.proposed_by) == (2, "")


def test_a_bad_item_fails_alone() -> None:
    listing = parse(payload("hf_daily.json"), MAY_4)

    assert len(listing.findings) == 2
    assert listing.refused == (
        "not/an-id: its id 'not/an-id' is not arXiv's",
        "2605.90003: it has no title",
        "Item 5: it is not a JSON object",
        "No inner paper: its id '' is not arXiv's",
    )


def test_a_day_without_a_list_is_an_empty_listing() -> None:
    assert parse(b"[]", MAY_4) == Listing((), date(2026, 5, 4))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"<html>", "not JSON"),
        (b'[{"paper":', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'[{"paper": ' + b"9" * 5_000 + b"}]", "not JSON"),
        (b"7", "not a list"),
        (b"{}", "not a list"),
        (b"[1, 2]", "not a list"),
        (b'{"error": "Invalid date"}', "Invalid date"),
    ],
)
def test_what_is_no_list_of_papers_is_a_source_error(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(body, MAY_4)


def test_half_a_character_hurts_nothing() -> None:
    [finding] = parse_items(paper(title="Trees \ud83d", summary="\udc00 x\x00y")).findings

    assert (finding.title, finding.abstract) == ("Trees", "xy")


def test_long_texts_and_lists_are_cut() -> None:
    authors = [{"name": f"Author Number{number}"} for number in range(900)]
    [finding] = parse_items(paper(title="word " * 400, summary="word " * 9_000, authors=authors)).findings

    assert len(finding.title) == 500
    assert finding.title.endswith("…")
    assert len(finding.abstract) <= 10_000
    assert len(finding.authors) == 700


def test_more_items_than_the_cap_are_left_out_and_counted() -> None:
    listing = parse_items(*(paper(id=f"2605.{number:05}") for number in range(3_010)))

    assert len(listing.findings) == 3_000
    assert listing.refused == ("10 more items: only 3000 are read",)


def test_of_a_paper_listed_twice_the_one_with_more_votes_stays() -> None:
    [finding] = parse_items(paper(upvotes=3), paper(upvotes=5), paper(upvotes=4)).findings

    assert (finding.votes, finding.rank) == (5, 2)


@pytest.mark.parametrize(
    ("served", "text"),
    [
        ("is 20times faster", "is 20× faster"),
        ("8timesA800, 1.2times--8times (7.5times)", "8×A800, 1.2×–8× (7.5×)"),
        ("256 times 256 and 64times64", "256 × 256 and 64×64"),
        ("sim60% of 1.04sim2.2times, leq6.9B", "∼60% of 1.04∼2.2×, ≤6.9B"),
        ("360^circ, tau^2-Bench and pi_0.5", "360°, τ²-Bench and π_0.5"),
        ("sim2real, 3 times a day, timeshare, approx, times", "sim2real, 3 times a day, timeshare, approx, times"),
        (r"20$\times$ and $\tau^2$", "20× and τ²"),
    ],
)
def test_commands_that_lost_their_backslash_are_read(served: str, text: str) -> None:
    [finding] = parse_items(paper(title=served, summary=served)).findings

    assert (finding.title, finding.abstract) == (text, text)


def test_hidden_authors_and_names_of_nobody_are_left_out() -> None:
    names = ["Kimi Team:", "Ada Example", "Bo Hidden", "Chidi Sample", "et al."]
    authors = [{"name": name, "hidden": name == "Bo Hidden"} for name in names]
    [finding] = parse_items(paper(authors=authors)).findings

    assert finding.authors == ("Ada Example", "Chidi Sample")

"""Recorded answers, and a server that replays them, where they lie beside the project."""

import ast
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpcore
import pytest

from newsletter.papers.sources import READERS, SourceError, arxiv_api, sandbox
from newsletter.papers.sources.finding import Listing
from newsletter.papers.sources.guarded_fetch import Policy, get
from tests.newsletter.papers.sources.conftest import RECORDINGS

REPLAY = RECORDINGS.parent / "tools" / "replay_feeds.py"
DAILY = sorted(RECORDINGS.glob("hf_daily/*.json"))
SNAPSHOTS = sorted(RECORDINGS.glob("hf_daily/snapshots/*.json"))
FEEDS = sorted(RECORDINGS.glob("arxiv_rss/*.xml"))
CALLS = sorted(RECORDINGS.glob("arxiv_api/*.json"))
ENTRY_COUNTS = {"atom_cs.AI": 7, "rss_empty_sunday": 0}
MAY_4 = [date(2026, 5, 4)]


@pytest.mark.parametrize("file", DAILY, ids=lambda file: file.stem)
def test_every_recorded_daily_list_is_read_whole(file: Path) -> None:
    [address] = READERS["hf_daily"].addresses("https://hf.example/papers", [date.fromisoformat(file.stem)])

    listing = READERS["hf_daily"].parse(file.read_bytes(), address)

    assert listing.refused == ()
    assert len(listing.findings) == len(json.loads(file.read_bytes()))
    assert {listing.listed_on, *(finding.listed_on for finding in listing.findings)} == {date.fromisoformat(file.stem)}
    assert all(finding.title and finding.abstract and finding.authors for finding in listing.findings)
    assert all(finding.votes is not None and finding.comments is not None for finding in listing.findings)


@pytest.mark.skipif(not SNAPSHOTS, reason="no recordings here")
def test_votes_are_seen_to_grow_within_a_day() -> None:
    seen: dict[str, list[int]] = {}
    for file in sorted(SNAPSHOTS, key=lambda file: file.stem.split("__")[1]):
        # These were kept as Python wrote them, not as they were served.
        items = [ast.literal_eval(item) for item in json.loads(file.read_text())]
        for finding in READERS["hf_daily"].parse(json.dumps(items).encode(), "?date=2025-01-08").findings:
            seen.setdefault(finding.key, []).append(finding.votes or 0)

    assert any(votes[-1] > votes[0] for votes in seen.values())


@pytest.mark.parametrize("file", FEEDS, ids=lambda file: file.stem)
def test_every_recorded_feed_is_read_whole(file: Path) -> None:
    kind, name, day = file.stem.rsplit("_", 2)

    listing = READERS["arxiv"].parse(file.read_bytes(), f"https://rss.arxiv.org/rss/{name}")

    assert listing.refused == ()
    assert listing.listed_on == date.fromisoformat(day)
    assert len(listing.findings) == ENTRY_COUNTS.get(f"{kind}_{name}", 3)
    for finding in listing.findings:
        assert finding.announce
        assert finding.version
        assert finding.authors
        assert finding.listed_on == listing.listed_on
        assert not finding.abstract.startswith("arXiv:")


@pytest.mark.parametrize("file", CALLS, ids=lambda file: file.stem)
def test_every_recorded_call_is_read_whole(file: Path) -> None:
    call = json.loads(file.read_text())
    if call["status_code"] != 200:
        with pytest.raises(SourceError, match="incorrect id format"):
            READERS["arxiv_api"].parse(call["body"].encode(), call["url"])
        return

    listing = READERS["arxiv_api"].parse(call["body"].encode(), call["url"])

    assert listing.refused == ()
    assert len(listing.findings) == call["body"].count("<entry>")
    assert all(finding.published_at and finding.authors and finding.version for finding in listing.findings)
    assert all(finding.primary_category == finding.categories[0] for finding in listing.findings)


@pytest.fixture(scope="module")
def replayed() -> Iterator[str]:
    if not REPLAY.is_file():
        pytest.skip("no replaying server here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(REPLAY), "--port", str(port), "--today", "2026-05-04"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def fetched(kind: str, url: str, policy: Policy) -> Listing:
    [address] = READERS[kind].addresses(url, MAY_4)
    return sandbox.parse(kind, get(address, policy).body, address)


def test_a_day_is_fetched_from_every_kind_of_source(replayed: str, policy: Policy) -> None:
    daily = fetched("hf_daily", f"{replayed}/api/daily_papers", policy)
    rss = fetched("arxiv", f"{replayed}/rss/cs.CV", policy)
    atom = fetched("arxiv", f"{replayed}/atom/cs.CV", policy)
    mentions = fetched("feed", f"{replayed}/mentions", policy)

    assert daily.listed_on == rss.listed_on == atom.listed_on == MAY_4[0]
    assert rss.findings == atom.findings
    assert len(rss.findings) > 50
    assert {finding.key for finding in mentions.findings} == {finding.key for finding in daily.findings}
    votes = {finding.key: finding.votes for finding in daily.findings}
    assert all(finding.votes == 2 * (votes[finding.key] or 0) for finding in mentions.findings)


def test_papers_are_fetched_by_id(replayed: str, policy: Policy) -> None:
    listed = fetched("arxiv", f"{replayed}/rss/cs.CV", policy).findings[:150]
    ids = [finding.key.removeprefix("arxiv:") for finding in listed]

    found = [
        finding
        for address in arxiv_api.addresses_for_ids(f"{replayed}/api/query", ids)
        for finding in sandbox.parse("arxiv_api", get(address, policy).body, address).findings
    ]

    assert {finding.key for finding in found} == {finding.key for finding in listed}


def test_an_unchanged_feed_is_not_sent_again(replayed: str, policy: Policy) -> None:
    first = get(f"{replayed}/rss/cs.LG", policy)

    again = get(f"{replayed}/rss/cs.LG", policy, etag=first.etag, last_modified=first.last_modified)

    assert again.unchanged


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("429", "It asks for a pause of 2 s"),
        ("500", "answered 500"),
        ("slow", "longer than 1 s"),
        ("truncated", "connection failed"),
        ("garbage", "web page"),
        ("empty", "empty"),
        ("redirect", "connection failed"),
        ("huge", "longer than 5,120 KB"),
    ],
)
def test_every_fault_is_a_source_error(fault: str, message: str, replayed: str, policy: Policy) -> None:
    hurried = Policy(user_agent="test", allow_loopback=True, deadline_seconds=1)
    httpcore.request("POST", f"{replayed}/fault?path=/rss/cs.RO&kind={fault}")

    with pytest.raises(SourceError, match=message):
        fetched("arxiv", f"{replayed}/rss/cs.RO", hurried if fault == "slow" else policy)


def test_an_unknown_category_is_refused_for_good(replayed: str, policy: Policy) -> None:
    with pytest.raises(SourceError, match="400") as caught:
        fetched("arxiv", f"{replayed}/rss/cs.XX", policy)

    assert caught.value.permanent

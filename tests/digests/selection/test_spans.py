"""Which issues a reader is served from, and what a snapshot says of its topics; no database."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.selection.entry_index import build_index
from digests.selection.rules import OlderIssue
from digests.selection.spans import OlderIssues, final_heir, is_past, issues_after, snapshot_topics
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from tests.factories import MORNING

DAY = timedelta(days=1)
WEEK = [Issue(pk=7 - ago, published_at=MORNING - ago * DAY) for ago in range(7)]  # newest first


@pytest.mark.parametrize("ago", range(8))
def test_a_reader_is_served_from_the_issues_published_after_the_last_one_covered(ago: int) -> None:
    assert issues_after(WEEK, MORNING - ago * DAY) == WEEK[:ago]


def test_a_reader_who_was_never_served_gets_the_newest_issue_only() -> None:
    assert issues_after(WEEK, None) == WEEK[:1]
    assert issues_after([], None) == []


@given(st.lists(st.integers(0, 4), max_size=5))
def test_an_older_issue_is_read_once_and_only_when_asked_for(steps: list[int]) -> None:
    read, issues = list[int](), [OlderIssue(build_index(()), closed) for closed in range(4)]
    older = OlderIssues(read.append(issue.closed) or issue for issue in issues)  # type: ignore[func-returns-value]
    for count in steps:
        found = [issue for _, issue in zip(range(count), older, strict=False)]
        assert found == issues[:count]
    assert read == list(range(max(steps, default=0)))


def row(slug: str, **more: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug.capitalize(), **more}


def test_a_snapshots_topics_have_their_names_fits_and_strongest_words() -> None:
    rows = [row("vision", fit=0.7, evidence=["phrase: optical flow"]), row("audio", fit=0.0)]
    expected = ({"vision": "Vision", "audio": "Audio"}, {"vision": "optical flow", "audio": ""})
    assert snapshot_topics(rows, {}) == (*expected, {"vision": 0.7, "audio": 0.0})


def test_a_snapshot_from_before_fits_were_known_has_none() -> None:
    assert snapshot_topics([row("vision")], {}) == ({"vision": "Vision"}, {"vision": ""}, {})


def test_a_wrong_topic_is_left_out_and_so_is_its_heir() -> None:
    rows, heirs = [row("sound", fit=0.9), row("vision", fit=0.5)], {"sound": ("audio", "Audio")}
    assert snapshot_topics(rows, heirs, ["sound"]).names == {"vision": "Vision"}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(("fit", "best", "words"), [(0.4, 0.6, "speech"), (0.8, 0.8, "hearing")])
def test_an_heir_has_the_better_fit_and_its_words(fit: float, best: float, words: str, is_reversed: bool) -> None:
    rows = [row("audio", fit=0.6, evidence=["phrase: speech"]), row("sound", fit=fit, evidence=["phrase: hearing"])]
    found = snapshot_topics(rows[::-1] if is_reversed else rows, {"sound": ("audio", "Audio")})
    assert found.names == {"audio": "Audio", "sound": "Sound"}
    assert (found.fits, found.evidence) == ({"audio": best, "sound": fit}, {"audio": words, "sound": "hearing"})


@pytest.mark.parametrize(("fit", "other"), [(0.6, 0.6), (0.6, None), (None, None)])
def test_the_words_of_the_first_of_two_topics_stay_unless_the_second_fits_better(
    fit: float | None, other: float | None
) -> None:
    rows = [row("audio", fit=fit, evidence=["phrase: speech"]), row("sound", fit=other, evidence=["phrase: hearing"])]
    assert snapshot_topics(rows, {"sound": ("audio", "Audio")}).evidence["audio"] == "speech"


def test_any_known_fit_is_better_than_an_unknown_one() -> None:
    rows = [row("audio", evidence=["phrase: speech"]), row("sound", fit=0.1, evidence=["phrase: hearing"])]
    assert snapshot_topics(rows, {"sound": ("audio", "Audio")}).evidence["audio"] == "hearing"


def topics(*heirs: int | None) -> dict[int, Topic]:
    """Return topics from 1 on, each retired into the one named."""
    return {pk: Topic(pk=pk, slug=f"t{pk}", retired_into_id=heir) for pk, heir in enumerate(heirs, 1)}


def test_a_topic_retired_into_a_retired_one_has_the_last_as_its_heir() -> None:
    known = topics(2, 3, None)
    assert [final_heir(known, {1, 2}, known[pk]).pk for pk in (1, 2, 3)] == [3, 3, 3]


def test_before_the_heir_itself_was_retired_it_was_the_heir() -> None:
    known = topics(3, 3, None)
    known[1].first_heir_id = 2  # shortened to the last one when that was retired
    assert final_heir(known, {1}, known[1]).pk == 2
    assert final_heir(known, {1, 2}, known[1]).pk == 3


def test_a_topic_counts_as_retired_from_its_moment_on_and_always_if_that_is_unknown() -> None:
    assert is_past(MORNING, MORNING)
    assert is_past(None, MORNING)
    assert not is_past(MORNING + DAY, MORNING)

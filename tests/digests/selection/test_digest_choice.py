"""What the readers of one group get from a span: which items, under what kind and reason, or why nothing."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

import pytest

from digests.models import Delivery, Digest
from digests.selection import digest_choice
from digests.selection.digest_choice import DigestChoice, DigestContent
from digests.selection.entry_index import Choice, Entry, build_index
from digests.selection.rules import OlderIssue
from digests.selection.spans import Span
from newsletter.issues.models import Issue
from tests.digests.selection.test_rules import VISION, entry, shelved
from tests.factories import MONDAY, MORNING

Kind, Why, Reason = Digest.Kind, Digest.FallbackReason, Delivery.Reason
DAY = timedelta(days=1)
AUDIO = entry(9, "audio", day=MONDAY)


def span_of(*entries: Entry, choice: Choice = VISION, days: int = 1, older: Iterable[OlderIssue] = ()) -> Span:
    """Return a span of the issues of so many days, the newest of Monday."""
    issues = [Issue(date=MONDAY - ago * DAY, published_at=MORNING - ago * DAY) for ago in range(days)]
    return Span(issues, build_index(entries, [choice]), older)


def choose(
    span: Span, choice: Choice = VISION, had: Collection[int] = (), *, is_first: bool = False, **rhythm: bool
) -> DigestChoice:
    return digest_choice.choose_digest(span, choice, had, is_first=is_first, **rhythm)


def content(*args: Any, **options: Any) -> DigestContent:
    chosen = choose(*args, **options)
    assert (chosen.covered_to, chosen.reason, chosen.note) == (MORNING, "", "")
    assert chosen.content is not None
    return chosen.content


def papers_of(found: DigestContent) -> list[tuple[int, str]]:
    return [(item.entry.paper_id, item.reason) for item in found.items]


@pytest.mark.parametrize("is_first", [False, True])
def test_without_an_issue_there_is_no_digest_and_nothing_is_covered(is_first: bool) -> None:
    assert choose(span_of(days=0), is_first=is_first) == (None, None, Reason.NO_ISSUE, "")


def test_what_fits_comes_with_the_reason_and_covers_through_the_newest_issue() -> None:
    found = content(span_of(entry(1, "vision"), AUDIO, entry(2, "vision"), days=3))
    assert papers_of(found) == [(1, "Vision"), (2, "Vision")]
    assert (found.is_fallback, found.fallback_reason) == (False, "")


def test_where_every_matching_paper_was_sent_before_the_reason_says_so() -> None:
    assert choose(span_of(entry(1, "vision"), AUDIO), had={1}) == (None, MORNING, Reason.ALL_HAD, "")


@pytest.mark.parametrize("had", [(), {9}], ids=["nothing was sent before", "other papers were"])
def test_where_nothing_fits_the_note_says_how_many_papers_were_looked_at(had: Collection[int]) -> None:
    nothing = (None, MORNING, Reason.NOTHING_MATCHED, "2 papers considered")
    assert choose(span_of(entry(8, "robotics"), AUDIO), had=had) == nothing


def test_a_first_digest_in_which_nothing_fits_brings_the_best_of_the_front() -> None:
    found = content(span_of(AUDIO, shelved(3, "robotics")), is_first=True)
    assert papers_of(found) == [(9, "From the issue of 4 May")]
    assert (found.is_fallback, found.fallback_reason, found.kind) == (True, Why.NO_PAPER, Kind.WELCOME)


def test_a_first_digest_in_which_papers_fit_is_no_fallback() -> None:
    found = content(span_of(entry(1, "vision"), AUDIO), is_first=True)
    assert (papers_of(found), found.is_fallback, found.fallback_reason) == ([(1, "Vision")], False, "")


def test_who_comes_back_and_had_one_of_the_fronts_best_gets_no_fallback() -> None:
    span = span_of(AUDIO, entry(8, "robotics"))
    assert choose(span, had={8}, is_first=True) == (None, MORNING, Reason.ALL_HAD, "")
    assert content(span, had={7}, is_first=True).is_fallback


def test_a_front_of_which_all_is_muted_gives_no_fallback() -> None:
    choice = Choice(frozenset({"vision"}), muted_phrases=("paper",))
    nothing = (None, MORNING, Reason.NOTHING_MATCHED, "1 paper considered")
    assert choose(span_of(AUDIO, choice=choice), choice, is_first=True) == nothing


@pytest.mark.parametrize(
    ("days", "options", "kind", "first_day"),
    [
        (1, {}, Kind.DAY, None),
        (1, {"is_weekly": True}, Kind.DAY, None),
        (2, {}, Kind.DAYS, MONDAY - DAY),
        (5, {"is_weekly": True}, Kind.WEEK, MONDAY - 4 * DAY),
        (1, {"is_first": True}, Kind.WELCOME, None),
        (5, {"is_first": True, "is_weekly": True}, Kind.WELCOME, None),
    ],
)
def test_a_digest_of_several_issues_names_the_day_of_the_oldest(
    days: int, options: dict[str, bool], kind: Digest.Kind, first_day: object
) -> None:
    found = content(span_of(entry(1, "vision"), days=days), **options)
    assert (found.kind, found.first_day) == (kind, first_day)


MUTED = {"muted_phrases": ("survey",)}
SURVEY, WEAK = entry(1, "vision", title="A survey", score=3.0), shelved(2, "vision", fit=0.1)


@pytest.mark.parametrize(
    ("entries", "topics", "more", "why"),
    [
        ([], set(), {}, Why.NO_CHOICE),
        ([], {"vision"}, {}, Why.NO_PAPER),
        ([], set(), {"followed_phrases": ("tokenizer",)}, Why.NO_PAPER),
        ([], set(), {"followed_authors": ("Ada",)}, Why.NO_PAPER),
        ([SURVEY], {"vision"}, MUTED, Why.MUTED),
        ([entry(1, "vision", authors=("Ada",))], {"vision"}, {"muted_authors": ("Ada",)}, Why.MUTED),
        ([shelved(3, "vision", score=3.0)], {"vision"}, {"minimum_score": 5.0}, Why.LOW_SCORE),
        ([shelved(3, "vision", score=0.5)], {"vision"}, {"minimum_score": 0.8}, Why.LOW_SCORE),
        ([SURVEY, shelved(3, "vision", score=3.0)], {"vision"}, MUTED | {"minimum_score": 3.5}, Why.LOW_SCORE),
        ([SURVEY, WEAK], {"vision"}, MUTED, Why.MUTED),
        ([WEAK], {"vision", "robotics"}, {}, Why.WEAK),
        ([WEAK], {"robotics"}, {}, Why.NO_PAPER),
    ],
)
def test_a_fallback_says_why_nothing_fits(
    entries: list[Entry], topics: set[str], more: dict[str, Any], why: Digest.FallbackReason
) -> None:
    choice = Choice(frozenset(topics), **more)
    assert content(span_of(AUDIO, *entries, choice=choice), choice, is_first=True).fallback_reason == why


@pytest.mark.parametrize(
    ("more", "why"), [(MUTED, Why.MUTED), ({"minimum_score": 5.0}, Why.LOW_SCORE), ({}, "")], ids=str
)
def test_a_paper_of_an_older_issue_may_be_why_nothing_fits(more: dict[str, Any], why: str) -> None:
    choice = Choice(frozenset({"vision"}), **more)
    older = OlderIssue(build_index([SURVEY], [choice]), 0)
    assert content(span_of(AUDIO, choice=choice, older=[older]), choice, is_first=True).fallback_reason == why


def test_papers_of_an_older_issue_name_its_day_behind_those_of_the_span() -> None:
    older = OlderIssue(build_index([entry(1, "vision", day=MONDAY - DAY)]), 0)
    found = content(span_of(entry(2, "vision"), older=[older]))
    assert papers_of(found) == [(2, "Vision"), (1, "Vision · from 3 May")]

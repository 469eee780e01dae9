"""A digest knows whether it is a reader's first, covers one issue or several, and why nothing matched."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from digests.assembly import assemble
from digests.models import Delivery, Digest
from newsletter.papers.models import Topic
from subscribers.models import Preferences
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)
Kind, FallbackReason = Digest.Kind, Digest.FallbackReason


@pytest.fixture
def topic() -> Topic:
    return TopicFactory()


@pytest.fixture
def three_issues(topic: Topic, set_clock: SetClock) -> datetime:
    """Publish an issue on three days; return when a reader was covered through the day before."""
    for days in range(3):
        set_clock(MORNING + days * DAY)
        published_issue(MONDAY + days * DAY, PaperFactory(topics=[topic]))
    return MORNING - DAY


def covered(since: datetime, topic: Topic, **fields: Any) -> Digest:
    SubscriberFactory(topics=[topic], covered_through=since, next_digest_at=MORNING + 2 * DAY, **fields)
    assemble.assemble_due_digests()
    return Digest.objects.get()


def test_a_weekly_readers_digest_of_several_issues_covers_a_week(three_issues: datetime, topic: Topic) -> None:
    digest = covered(three_issues, topic, frequency="weekly", weekday=2)
    assert (digest.kind, digest.first_day) == (Kind.WEEK, MONDAY)
    assert digest.issue.date == MONDAY + 2 * DAY


def test_another_readers_digest_of_several_issues_covers_days(three_issues: datetime, topic: Topic) -> None:
    digest = covered(three_issues, topic, frequency="daily")
    assert (digest.kind, digest.first_day) == (Kind.DAYS, MONDAY)


@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly"])
def test_a_digest_of_one_issue_covers_a_day_whatever_the_rhythm(
    three_issues: datetime, topic: Topic, frequency: str
) -> None:
    digest = covered(three_issues + 2 * DAY, topic, frequency=frequency, weekday=2)
    assert (digest.kind, digest.first_day) == (Kind.DAY, None)


@pytest.mark.usefixtures("three_issues")
def test_readers_with_one_history_and_two_rhythms_get_two_digests_of_the_same_cards(
    three_issues: datetime, topic: Topic
) -> None:
    for fields in ({"frequency": "daily"}, {"frequency": "weekly", "weekday": 2}):
        SubscriberFactory(topics=[topic], covered_through=three_issues, next_digest_at=MORNING + 2 * DAY, **fields)
    assemble.assemble_due_digests()
    one, other = Digest.objects.all()
    assert one.card_ids == other.card_ids
    assert {one.kind, other.kind} == {Kind.DAYS, Kind.WEEK}


def test_a_first_digest_is_a_welcome_and_not_that_of_a_reader_who_had_one(
    three_issues: datetime, topic: Topic
) -> None:
    newcomer = SubscriberFactory(topics=[topic])
    reader = SubscriberFactory(
        topics=[topic], covered_through=three_issues + 2 * DAY, next_digest_at=MORNING + 2 * DAY
    )
    assemble.assemble_due_digests()
    kinds = dict(Delivery.objects.values_list("subscriber_id", "digest__kind"))
    assert kinds == {newcomer.pk: Kind.WELCOME, reader.pk: Kind.DAY}


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({}, FallbackReason.NO_CHOICE),
        ({"followed_phrases": ["tokenizer"]}, FallbackReason.NO_PAPER),
    ],
)
def test_a_fallback_knows_whether_anything_was_chosen(choice: dict[str, Any], reason: str) -> None:
    published_issue(MONDAY, PaperFactory())
    SubscriberFactory(preferences=Preferences.objects.for_choice([], **choice))
    assemble.assemble_due_digests()
    assert Digest.objects.get().fallback_reason == reason


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"muted_phrases": ["attention"]}, FallbackReason.MUTED),
        ({"minimum_score": 1e9}, FallbackReason.LOW_SCORE),
    ],
)
def test_a_fallback_knows_why_nothing_matched(topic: Topic, choice: dict[str, Any], reason: str) -> None:
    published_issue(MONDAY, PaperFactory(topics=[topic], title="Attention"), PaperFactory(title="Something else"))
    SubscriberFactory(preferences=Preferences.objects.for_choice([topic], **choice))
    assemble.assemble_due_digests()
    digest = Digest.objects.get()
    assert (digest.is_fallback, digest.fallback_reason) == (True, reason)


def test_a_fallback_says_where_papers_fit_the_topics_only_weakly(topic: Topic) -> None:
    paper = PaperFactory(topics=[topic])
    paper.paper_topics.update(fit=0.01)
    published_issue(MONDAY, paper, PaperFactory())
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    assert Digest.objects.get().fallback_reason == FallbackReason.WEAK


def test_a_digest_that_found_something_has_no_reason_to_fall_back(topic: Topic) -> None:
    published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    digest = Digest.objects.get()
    assert (digest.is_fallback, digest.fallback_reason) == (False, "")

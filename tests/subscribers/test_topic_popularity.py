"""How many readers follow each topic."""

import pytest

from subscribers import topic_popularity
from tests.factories import SubscriberFactory, TopicFactory

pytestmark = pytest.mark.django_db


def test_few_readers_are_counted_by_the_topics_they_follow_and_only_active_ones() -> None:
    one, other = TopicFactory.create_batch(2)
    SubscriberFactory.create_batch(2, topics=[one])
    SubscriberFactory(topics=[one, other])
    SubscriberFactory(topics=[one], status="unsubscribed", next_digest_at=None)
    assert topic_popularity.readers_of_topics([one.pk, other.pk]) == {one.pk: "3", other.pk: "1"}


def test_readers_of_a_retired_topic_are_its_heirs_and_count_once() -> None:
    old, heir = TopicFactory.create_batch(2)
    SubscriberFactory(topics=[old])
    SubscriberFactory(topics=[old, heir])
    old.retire(into=heir)
    assert topic_popularity.readers_of_topics([old.pk, heir.pk]) == {old.pk: "0", heir.pk: "2"}


@pytest.mark.parametrize(
    ("count", "percent", "said"),
    [(1_234, 100.0, "1,234"), (340, 2.0, "about 17,000"), (99, 2.0, "under 5,000"), (0, 2.0, "under 5,000")],
)
def test_a_sample_gives_an_estimate(count: int, percent: float, said: str) -> None:
    assert topic_popularity.count_text(count, percent) == said

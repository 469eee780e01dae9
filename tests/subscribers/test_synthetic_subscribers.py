"""Readers for a trial."""

import pytest

from subscribers.models import Preferences, Subscriber
from subscribers.synthetic_subscribers import make_subscribers
from tests.factories import TopicFactory

pytestmark = pytest.mark.django_db


def test_readers_are_added_to_those_made_before_with_the_same_choices() -> None:
    TopicFactory.create_batch(5)
    assert list(make_subscribers(30)) == [30]
    chosen = set(Preferences.objects.values_list("key", flat=True))
    assert list(make_subscribers(30)) == [30]
    assert Subscriber.objects.count() == 60
    assert set(Preferences.objects.values_list("key", flat=True)) == chosen


def test_there_are_none_without_topics() -> None:
    with pytest.raises(ValueError, match="There are no topics"):
        list(make_subscribers(1))

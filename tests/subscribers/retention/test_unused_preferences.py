from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from subscribers.models import Preferences, PreferencesTopic
from subscribers.retention.unused_preferences import delete_unused_preferences
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.rivals import in_another_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


def test_preferences_nobody_has_had_for_long_go(set_clock: SetClock) -> None:
    topic = TopicFactory()
    unused, used = Preferences.objects.for_choice([topic]), SubscriberFactory().preferences
    assert delete_unused_preferences(MORNING) == 0, "nobody knows yet for how long it has been unused"
    set_clock(MORNING + DAY)
    assert delete_unused_preferences(MORNING) == 0
    assert delete_unused_preferences(MORNING + DAY) == 1
    assert Preferences.objects.get() == used
    assert not PreferencesTopic.objects.filter(preferences=unused.pk).exists()


def test_preferences_that_somebody_chose_again_count_from_the_day_they_are_left(set_clock: SetClock) -> None:
    left = Preferences.objects.for_choice([])
    delete_unused_preferences(MORNING)
    set_clock(MORNING + DAY)
    reader = SubscriberFactory(preferences=left)
    delete_unused_preferences(MORNING)
    reader.delete()
    set_clock(MORNING + 2 * DAY)
    assert delete_unused_preferences(MORNING + DAY) == 0
    assert delete_unused_preferences(MORNING + 3 * DAY) == 1


@pytest.mark.django_db(transaction=True)
def test_what_somebody_is_choosing_just_now_stays(set_clock: SetClock) -> None:
    chosen = Preferences.objects.for_choice([])
    delete_unused_preferences(MORNING)
    set_clock(MORNING + DAY)
    with transaction.atomic():
        Preferences.objects.for_choice([])
        assert in_another_connection(lambda: delete_unused_preferences(MORNING + DAY)) is None
    delete_unused_preferences(MORNING + DAY)
    assert SubscriberFactory(preferences=chosen).preferences == Preferences.objects.get()

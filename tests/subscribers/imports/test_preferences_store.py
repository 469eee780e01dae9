import pytest

from subscribers.imports import preferences_store
from subscribers.imports.preferences_store import PapersChoice, PreferencesStore
from subscribers.models import Preferences
from tests.factories import TopicFactory

pytestmark = pytest.mark.django_db


def test_a_choice_is_stored_once_with_all_its_parts() -> None:
    topic = TopicFactory()
    choice = PapersChoice((topic.pk,), ("world model",), ("Ada",), ("survey",), ("Bo",), 5, 1.5, "title")
    for _ in range(2):
        PreferencesStore().store([choice])
    row = Preferences.objects.get()
    assert row.key == choice.key
    assert (row.followed_phrases, row.muted_authors, row.max_papers, row.detail) == (
        ["world model"],
        ["Bo"],
        5,
        "title",
    )
    assert list(row.topics.all()) == [topic]


def test_what_somebody_chose_on_the_page_is_the_same_row() -> None:
    topic = TopicFactory()
    chosen = Preferences.objects.for_choice([topic], followed_phrases=["b", "a"])
    choice = PapersChoice((topic.pk,), ("a", "b"))
    store = PreferencesStore()
    store.store([choice])
    assert store.ids == {choice: chosen.pk}


def test_no_more_ids_are_kept_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences_store, "MOST_KEPT", 2)
    store = PreferencesStore()
    for number in range(1, 6):
        store.store([PapersChoice((), max_papers=number)])
        assert len(store.ids) <= 3
    assert Preferences.objects.count() == 5

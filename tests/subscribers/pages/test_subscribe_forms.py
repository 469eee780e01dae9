from datetime import date, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.http import QueryDict

from subscribers.models import Preferences, Subscriber
from subscribers.pages.subscribe_forms import PreferencesForm, SubscribeForm
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def typed(**changes: str) -> QueryDict:
    """Return what a browser sends for a choice of one topic."""
    topic = TopicFactory()
    fields = {"email": "ada@example.org", "topics": topic.slug, "frequency": "weekly", "weekday": "0",
              "send_time": "07:00", "timezone": "Europe/Berlin", "max_papers": "10"}  # fmt: skip
    data = QueryDict(mutable=True)
    data.update(fields | changes)
    return data


def without_topics(**changes: str) -> QueryDict:
    data = typed(**changes)
    del data["topics"]
    return data


@pytest.mark.parametrize("weekday", range(7))
def test_every_weekday_can_be_chosen_and_is_a_number(weekday: int) -> None:
    form = SubscribeForm(typed(weekday=str(weekday)))
    assert form.is_valid()
    assert form.schedule()["weekday"] == weekday


def test_without_a_weekday_and_a_size_it_is_monday_and_ten() -> None:
    data = typed()
    del data["weekday"], data["max_papers"]
    form = SubscribeForm(data)
    assert form.is_valid()
    assert form.schedule()["weekday"] == Subscriber.Weekday.MONDAY
    assert form.preferences().max_papers == 10


@pytest.mark.parametrize(
    ("changes", "detail"), [({}, "lines"), ({"detail": ""}, "lines"), ({"detail": "abstract"}, "abstract")]
)
def test_a_form_that_does_not_ask_for_the_detail_brings_two_lines(changes: dict[str, str], detail: str) -> None:
    form = SubscribeForm(typed(**changes))
    assert form.is_valid()
    assert form.preferences().detail == detail


def test_an_unknown_detail_is_refused_beside_its_field() -> None:
    form = SubscribeForm(typed(detail="novel"))
    assert not form.is_valid()
    assert form.has_collapsed_errors
    assert "Select a valid choice." in form.errors["detail"][0]


@pytest.mark.parametrize(("changes", "detail"), [({}, "abstract"), ({"detail": "title"}, "title")])
def test_a_preferences_page_of_before_keeps_the_stored_detail(changes: dict[str, str], detail: str) -> None:
    reader = SubscriberFactory(detail=Preferences.Detail.ABSTRACT)
    assert PreferencesForm.initial_of(reader)["detail"] == "abstract"
    form = PreferencesForm(typed(**changes), initial={}, stored=reader.preferences)
    assert form.is_valid()
    form.save(reader)
    reader.refresh_from_db()
    assert reader.preferences.detail == detail


@pytest.mark.parametrize("size", [5, 10, 15, 30])
def test_readers_with_the_same_choice_share_its_row(size: int) -> None:
    data = typed(max_papers=str(size))
    form = SubscribeForm(data)
    assert form.is_valid()
    stored = form.preferences()
    assert stored == Preferences.objects.for_choice(form.cleaned_data["topics"], max_papers=size)
    assert Preferences.objects.count() == 1


def test_who_chooses_mondays_is_due_on_monday() -> None:
    reader = SubscriberFactory()
    form = PreferencesForm(typed(weekday="0"), initial={})
    assert form.is_valid()
    form.save(reader)
    reader.refresh_from_db()
    local = reader.next_digest_local
    assert local is not None
    assert (local.date(), local.time()) == (MONDAY, time(7))


def test_the_form_of_a_reader_shows_the_choice_with_the_heir_of_a_retired_topic() -> None:
    old, heir, other = TopicFactory.create_batch(3)
    reader = SubscriberFactory(topics=[old, other], max_papers=15)
    old.retire(into=heir)
    initial = PreferencesForm.initial_of(reader)
    assert set(initial["topics"]) == {heir, other}
    assert initial["max_papers"] == 15


def test_a_retired_topic_cannot_be_chosen() -> None:
    data = typed()
    old = TopicFactory(slug="old")
    old.retire(into=TopicFactory())
    data["topics"] = "old"
    form = PreferencesForm(data)
    assert form.errors["topics"] == ["There is no such topic. Choose one from the list."]


@pytest.mark.parametrize("field", ["followed_phrases", "followed_authors"])
def test_to_follow_words_or_authors_is_choice_enough(field: str) -> None:
    form = SubscribeForm(without_topics(**{field: "Tokenizer"}))
    assert form.is_valid(), form.errors
    stored = form.preferences()
    assert list(stored.topics.all()) == []
    assert getattr(stored, field) == ["Tokenizer"]


@pytest.mark.parametrize("field", ["muted_phrases", "muted_authors"])
def test_to_mute_alone_is_no_choice(field: str) -> None:
    form = SubscribeForm(without_topics(**{field: "Tokenizer"}))
    assert form.errors == {"topics": ["Choose a topic, or follow words or authors."]}


def test_who_follows_words_already_may_give_up_the_last_topic() -> None:
    stored = Preferences.objects.for_choice([TopicFactory()], followed_phrases=["tokenizer"])
    form = PreferencesForm(without_topics(), stored=stored)
    assert form.is_valid(), form.errors
    assert form.preferences().followed_phrases == ["tokenizer"]


def test_topics_stand_in_groups_and_those_with_most_papers_come_first() -> None:
    quiet, busy = TopicFactory(name="Audio", group="Senses"), TopicFactory(name="Vision", group="Senses")
    TopicFactory(name="Ethics", group="People")
    alone, loose = TopicFactory(name="Law", group="Texts"), TopicFactory(name="Unsorted", group="")
    for topic in [busy] * 2 + [alone] * 4 + [loose] * 5 + [quiet]:
        PaperFactory(topics=[topic])

    groups = [
        (group.name, [(chip.topic.name, chip.paper_count) for chip in group.chips])
        for group in SubscribeForm().chip_groups()
    ]

    assert groups == [
        ("Texts", [("Law", 4)]),
        ("Senses", [("Vision", 2), ("Audio", 1)]),
        ("People", [("Ethics", 0)]),
        ("", [("Unsorted", 5)]),
    ]


@pytest.mark.parametrize("day", [date.max, MONDAY + timedelta(days=400), date(2027, 12, 31)])
def test_a_pause_ends_within_a_year(day: date) -> None:
    form = PreferencesForm(typed(paused_until=day.isoformat()))
    assert "paused_until" in form.errors


def test_a_pause_moves_the_next_digest_to_its_end_and_its_end_moves_it_back() -> None:
    reader = SubscriberFactory()
    until = MONDAY + timedelta(days=30)
    for typed_day, expected in ((until.isoformat(), until), ("", MONDAY)):
        form = PreferencesForm(typed(paused_until=typed_day, frequency="daily"))
        assert form.is_valid(), form.errors
        form.save(reader)
        local = Subscriber.objects.get().next_digest_local
        assert local is not None
        assert local.date() >= expected
        assert local.date() - expected <= timedelta(days=1)


def test_a_choice_is_saved_whole_or_not_at_all() -> None:
    reader = SubscriberFactory(send_time=time(9))
    form = PreferencesForm(typed())
    assert form.is_valid()
    form.cleaned_data["max_papers"] = -1  # which the table refuses
    with pytest.raises(IntegrityError), transaction.atomic():
        form.save(reader)
    assert Subscriber.objects.get().send_time == time(9)


@pytest.mark.parametrize("email", ["a" * 300 + "@example.org", "ada", "", " ", "ada@example.org\nbo@example.org"])
def test_what_is_no_address_is_refused_at_its_field(email: str) -> None:
    form = SubscribeForm(typed(email=email))
    assert list(form.errors) == ["email"]

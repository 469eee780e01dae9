"""Whatever is typed: a clean error, or a clean row."""

import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from django.http import QueryDict
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from subscribers.addresses.canonical import canonical_address
from subscribers.models import Preferences, SignupRequest, Subscriber
from subscribers.pages.subscribe_forms import PreferencesForm, SubscribeForm
from subscribers.subscription import requests
from tests.factories import TopicFactory
from tests.subscribers.signups import answer_all, answers, mark

FIELDS = ("email", "topics", "timezone", "frequency", "weekday", "send_time", "max_papers", *Preferences.WORDS)
# What a browser can send: Django reads no lone surrogate out of a post.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MAYBE = (
    TEXTS | st.emails() | st.sampled_from(["vision", "UTC", "../etc/passwd", "a\0b", "07:00", "9" * 40, "\u202e", ""])
)


def typed(changes: dict[str, str]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in (answers() | {"topics": "vision"} | changes).items():
        data[name] = value
    return data


def is_clean(text: str) -> bool:
    is_seen = not any(unicodedata.category(letter).startswith("C") for letter in text)
    return is_seen and text == unicodedata.normalize("NFC", text.strip())


@pytest.mark.usefixtures("set_clock")
class TestAnyText(TestCase):
    @given(st.dictionaries(st.sampled_from(FIELDS), MAYBE, min_size=1, max_size=4))
    @example({"topics": "a\0b"})
    @example({"timezone": "\0"})
    @example({"followed_phrases": "\0,\u200b, x \n"})
    @example({"email": "\0@example.org"})
    @example({"send_time": "٠٧:٠٠"})
    def test_a_sign_up_is_refused_at_a_field_or_becomes_a_clean_row(self, changes: dict[str, str]) -> None:
        TopicFactory(slug="vision")
        form = SubscribeForm(typed(changes))
        if not form.is_valid():
            assert set(form.errors) <= set(changes)
            assert all(form.errors.values())
            return
        row = requests.store_request(
            SignupRequest.Kind.SUBSCRIBE, form.cleaned_data["email"], form.whole_choice(), network=""
        )
        assert row is not None
        requests.answer(row.pk)
        self.look_at(changes, Subscriber.objects.select_related("preferences").first())

    def look_at(self, changes: dict[str, str], reader: Subscriber | None) -> None:
        if reader is None:  # a throw-away domain
            return
        assert reader.canonical == canonical_address(reader.email)
        assert all(is_clean(entry) for entry in words_of(reader.preferences))

    @given(st.dictionaries(st.sampled_from(FIELDS[1:]), MAYBE, min_size=1, max_size=4))
    def test_changed_choices_are_refused_at_a_field_or_become_a_clean_row(self, changes: dict[str, str]) -> None:
        TopicFactory(slug="vision")
        form = PreferencesForm(typed(changes))
        if form.is_valid():
            stored = form.preferences()
            assert all(is_clean(entry) for entry in words_of(stored))
        else:
            assert set(form.errors) <= set(changes)

    @settings(max_examples=20)  # each is a whole page
    @given(TEXTS)
    @example("vision,\0")
    def test_any_text_may_stand_behind_topics_in_a_link(self, text: str) -> None:
        TopicFactory(slug="vision")
        page: Any = self.client.get("/subscribe/", {"topics": text})
        assert page.status_code == (404 if "\0" in text else 200)

    @settings(max_examples=20)
    @given(MAYBE)
    @example("\0@example.org")
    def test_any_text_may_be_typed_where_a_link_is_asked_for(self, text: str) -> None:
        page: Any = self.client.post("/preferences/link/", {"email": text, "shown": mark()})
        assert page.status_code in {302, 422, 429}
        answer_all()

    @settings(max_examples=20)
    @given(TEXTS)
    @example("1.0~x")
    @example("\0")
    def test_any_text_may_be_sent_for_a_token(self, text: str) -> None:
        for page in ("unsubscribe", "preferences", "pause", "confirm", "erase"):
            opened: Any = self.client.get(f"/{page}/{quote(text, safe='')}/?sent")
            assert opened.status_code in ({200, 301, 404} if not text.strip("./") else {404})
            pressed: Any = self.client.post(f"/{page}/", {"link": text, "mark": text})
            assert pressed.status_code == 403


def words_of(preferences: Preferences) -> list[str]:
    return [entry for name in Preferences.WORDS for entry in getattr(preferences, name)]

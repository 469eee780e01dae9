from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, cast

from django import forms
from django.db import transaction
from django.http import QueryDict

from newsletter import clock
from newsletter.papers.models import Topic
from newsletter.papers.topics import weekly_counts
from subscribers.addresses.canonical import LONGEST_ADDRESS, AddressError, canonical_address, readable_address
from subscribers.addresses.mistyped_domain import suggest_address
from subscribers.choice_bounds import LONGEST_PAUSE, MOST_PAPERS, USUAL_DETAIL, USUAL_MAX_PAPERS
from subscribers.models import Preferences, Subscriber
from subscribers.pages.phrase_field import PhraseListField
from subscribers.pages.zone_field import ZoneField
from subscribers.subscription import abuse_check
from subscribers.subscription.disposable_domains import is_disposable

SCHEDULE = ("frequency", "weekday", "send_time", "timezone")
AMOUNT = ("max_papers", "detail")
CHOOSING = ("topics", "followed_phrases", "followed_authors")  # any one of them is enough to get papers
THROW_AWAY = "We send no digests to throw-away addresses. Enter an address that you keep."
SIZES = [(5, "5 papers"), (10, "10 papers"), (15, "15 papers"), (MOST_PAPERS, f"{MOST_PAPERS} papers")]


@dataclass(frozen=True, slots=True)
class Chip:
    """A topic's checkbox, with the number of its papers this week."""

    topic: Topic
    is_chosen: bool
    paper_count: int


@dataclass(frozen=True, slots=True)
class ChipGroup:
    """The checkboxes of the topics under one heading; the heading is empty for topics without one."""

    name: str
    chips: list[Chip]

    @property
    def paper_count(self) -> int:
        return sum(chip.paper_count for chip in self.chips)


class TopicsField(forms.ModelMultipleChoiceField[Topic]):
    """Topics by slug; replaces NUL, which PostgreSQL cannot store."""

    def clean(self, value: Any) -> Any:
        slugs = [str(slug).replace("\0", "?") for slug in value or ()]
        return super().clean(slugs)


class ChoiceForm(forms.Form):
    """A reader's choice: topics, schedule, number of papers and how much of each, phrases and authors."""

    topics = TopicsField(
        Topic.objects.none(),
        required=False,
        to_field_name="slug",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "There is no such topic. Choose one from the list.",
        },
    )
    frequency = forms.ChoiceField(
        label="How often", choices=Subscriber.Frequency, initial=Subscriber.Frequency.WEEKDAYS
    )
    weekday = forms.TypedChoiceField(
        label="On which day",
        choices=Subscriber.Weekday,
        coerce=int,
        initial=Subscriber.Weekday.MONDAY,
        required=False,
        # A number, because TypedChoiceField does not coerce the empty value.
        empty_value=Subscriber.Weekday.MONDAY.value,  # type: ignore[arg-type]
    )
    send_time = forms.TimeField(
        label="At",
        initial="07:00",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Enter the time as 07:00."},
    )
    timezone = ZoneField(
        label="Time zone",
        initial="UTC",
        error_messages={"invalid_choice": "We do not know this time zone. Choose one from the list."},
    )
    max_papers = forms.TypedChoiceField(
        label="At most",
        choices=SIZES,
        coerce=int,
        initial=USUAL_MAX_PAPERS,
        required=False,
        empty_value=USUAL_MAX_PAPERS,  # type: ignore[arg-type]
    )
    detail = forms.TypedChoiceField(
        label="Under each paper",
        choices=Preferences.Detail,
        initial=USUAL_DETAIL,
        required=False,
        empty_value=USUAL_DETAIL,
    )

    followed_phrases = PhraseListField(
        label="Follow words",
        help_text="Matched in every title, and in the abstracts of papers on your topics. If you choose no topics, in "
        "every abstract. Well-known abbreviations of the words count too.",
    )
    followed_authors = PhraseListField(label="Follow authors", help_text="You get their papers on any topic.")
    muted_phrases = PhraseListField(
        label="Mute words",
        help_text="You get no papers with these words, or well-known abbreviations of them, in the title or abstract.",
    )
    muted_authors = PhraseListField(label="Mute authors", help_text="You get none of their papers.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("TopicsField", self.fields["topics"])
        field.queryset = Topic.objects.current()

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {"topics": self.cleaned_data.get("topics"), **self.choice()}
        if not any(chosen.get(name) or name in self.errors for name in CHOOSING):
            self.add_error("topics", "Choose a topic, or follow words or authors.")
        return self.cleaned_data

    def chip_groups(self) -> list[ChipGroup]:
        """Return the topics by group, both in order of their papers this week; topics without a group stand last."""
        chips = sorted(self.chips(), key=lambda chip: (chip.topic.group, -chip.paper_count, chip.topic.name))
        groups = [ChipGroup(name, list(some)) for name, some in groupby(chips, key=lambda chip: chip.topic.group)]
        return sorted(groups, key=lambda group: (not group.name, -group.paper_count, group.name))

    def chips(self) -> list[Chip]:
        counts = weekly_counts.topic_counts()
        boxes = [(box.data["value"].instance, bool(box.data["selected"])) for box in self["topics"]]
        return [Chip(topic, is_chosen, counts.get(topic.pk, 0)) for topic, is_chosen in boxes]

    @property
    def has_collapsed_errors(self) -> bool:
        """Return True if a field in the collapsed part of the form has an error."""
        return any(name in self.errors for name in (*SCHEDULE, *AMOUNT, *Preferences.WORDS))

    def schedule(self) -> dict[str, Any]:
        """Return the schedule columns of a Subscriber."""
        return {name: self.cleaned_data[name] for name in SCHEDULE}

    def choice(self) -> dict[str, Any]:
        """Return the columns of Preferences, except topics; invalid fields are left out."""
        names = (*AMOUNT, *Preferences.WORDS)
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def preferences(self) -> Preferences:
        """Return the stored preferences of this choice."""
        return Preferences.objects.for_choice(self.cleaned_data["topics"], **self.choice())


class SubscribeForm(abuse_check.PublicForm, ChoiceForm):
    """The sign-up form: an address and a choice."""

    email = forms.CharField(
        label="Email address",
        max_length=LONGEST_ADDRESS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "placeholder": "you@university.edu"}),
        error_messages={"required": "Enter the address the digest should go to."},
    )

    def __init__(self, data: QueryDict | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        if data is not None:
            self.data = self.with_defaults(data)

    def with_defaults(self, data: QueryDict) -> QueryDict:
        """Return what was posted; questions that a form on another site does not ask have the page's defaults."""
        whole = data.copy()
        for name in (*SCHEDULE, *AMOUNT):
            if name not in whole:
                whole[name] = str(self.fields[name].initial)
        return whole

    # Which address was meant, once the page has asked: the typed or the suggested one.
    intended_email = forms.CharField(required=False, max_length=LONGEST_ADDRESS, widget=forms.HiddenInput)
    suggestion = ""

    def clean(self) -> dict[str, Any]:
        answers = super().clean()
        if not self.errors:
            self.check_domain(answers["email"], answers["intended_email"])
        return answers

    def check_domain(self, email: str, intended: str) -> None:
        """Ask which address is meant if the domain looks mistyped; take the one that the reader picks."""
        suggestion = suggest_address(email)
        if suggestion and intended == suggestion:
            self.cleaned_data["email"] = suggestion
        elif suggestion and intended != email:
            self.suggestion = suggestion
            self.add_error("email", f"Did you mean {suggestion}?")
        elif is_disposable(canonical_address(email)):
            self.add_error("email", THROW_AWAY)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip()
        try:
            readable_address(email)
        except AddressError as exc:
            raise forms.ValidationError(f"We cannot send mail to this address. {exc}") from exc
        return email

    def whole_choice(self) -> dict[str, Any]:
        """Return the schedule, preferences and topic ids as JSON values."""
        when = {name: str(value) for name, value in self.schedule().items()}
        when["weekday"] = self.cleaned_data["weekday"]
        return when | self.choice() | {"topics": sorted(topic.pk for topic in self.cleaned_data["topics"])}


class PreferencesForm(ChoiceForm):
    """The preferences of an existing reader, and a pause; fields that are not posted keep their stored values."""

    paused_until = forms.DateField(
        label="Pause until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter the date as 2026-05-31."},
    )

    def __init__(self, *args: Any, stored: Preferences | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = stored

    def choice(self) -> dict[str, Any]:
        kept = [name for name in ("detail", *Preferences.WORDS) if name not in self.data] + ["minimum_score"]
        return super().choice() | ({name: getattr(self.stored, name) for name in kept} if self.stored else {})

    def clean_paused_until(self) -> date | None:
        until: date | None = self.cleaned_data["paused_until"]
        if until and until > clock.today() + LONGEST_PAUSE:
            raise forms.ValidationError("A pause can last a year at most. To stop for longer, unsubscribe.")
        return until

    @classmethod
    def initial_of(cls, subscriber: Subscriber) -> dict[str, Any]:
        choice = {name: getattr(subscriber, name) for name in (*SCHEDULE, "paused_until")}
        topics = [topic.retired_into or topic for topic in subscriber.preferences.topics.all()]
        stored = {name: getattr(subscriber.preferences, name) for name in (*AMOUNT, *Preferences.WORDS)}
        return choice | stored | {"topics": topics}

    @transaction.atomic
    def save(self, subscriber: Subscriber) -> None:
        """Store the preferences and reschedule the next digest."""
        for name, value in self.schedule().items():
            setattr(subscriber, name, value)
        subscriber.paused_until = self.cleaned_data["paused_until"]
        # First, since it may wait for an assembly; afterwards it would hold the lock on the shared preferences row.
        subscriber.reschedule()
        subscriber.preferences = self.preferences()
        subscriber.save(update_fields=["preferences"])

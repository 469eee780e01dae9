from typing import Any, cast

from django import forms
from django.conf import settings
from timezone_field import TimeZoneFormField
from unfold import widgets

from newsletter import clock
from newsletter.papers.models import Topic
from subscribers.digest_schedule import Rhythm
from subscribers.imports import import_run
from subscribers.imports.formats import FORMATS
from subscribers.models import ImportRun, Subscriber


class ImportForm(forms.ModelForm[ImportRun]):
    """A file of readers, where and when they agreed, and the defaults for empty cells."""

    file = forms.FileField(label="File", widget=widgets.UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}))
    format = forms.ChoiceField(
        label="From",
        choices=[(name, form.label) for name, form in FORMATS.items()],
        widget=widgets.UnfoldAdminSelectWidget,
    )
    topics = forms.ModelMultipleChoiceField(
        Topic.objects.none(), required=False, widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget
    )
    frequency = forms.ChoiceField(
        choices=Subscriber.Frequency, initial="weekdays", widget=widgets.UnfoldAdminSelectWidget
    )
    weekday = forms.TypedChoiceField(
        choices=Subscriber.Weekday, coerce=int, initial=0, widget=widgets.UnfoldAdminSelectWidget
    )
    send_time = forms.TimeField(label="Hour", initial="07:00", widget=widgets.UnfoldAdminTextInputWidget)
    timezone = TimeZoneFormField(label="Time zone", initial="UTC", widget=widgets.UnfoldAdminSelectWidget)

    class Meta:
        model = ImportRun
        fields = ("format", "consent_source", "consent_on")
        labels = {"consent_source": "Where these readers agreed", "consent_on": "Latest date they agreed"}
        widgets = {
            "consent_source": widgets.UnfoldAdminTextInputWidget,
            "consent_on": widgets.UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-05-04"}),
        }

    # The file comes last: an upload that is too large is cut off, with all fields after it.
    field_order = (
        "format", "consent_source", "consent_on", "topics", "frequency", "weekday", "send_time", "timezone", "file",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelMultipleChoiceField[Topic]", self.fields["topics"]).queryset = Topic.objects.current()
        self.fields[
            "format"
        ].help_text = "If you are not sure, choose CSV: the exports of these services are recognized by their columns."
        largest = f"{settings.IMPORT_MAX_BYTES // 1_000_000:,} MB"
        self.fields["file"].help_text = (
            f"A CSV file of at most {largest}; its first line names the columns. They may be separated by comma, "
            "semicolon, tab or |; letters beyond A to Z need UTF-8 or UTF-16."
        )
        self.fields["file"].error_messages["required"] = (
            f"Choose a file of at most {largest}. For a larger one, use “manage.py import_subscribers”."
        )

    def clean_consent_on(self) -> Any:
        day = self.cleaned_data["consent_on"]
        if day > clock.today():
            raise forms.ValidationError("This date is in the future. Readers must have agreed already.")
        return day

    def new_run(self, by: str) -> ImportRun:
        """Return the unsaved run that the form describes."""
        chosen = self.cleaned_data
        rhythm = Rhythm(chosen["frequency"], chosen["weekday"], chosen["send_time"], str(chosen["timezone"]))
        run = self.save(commit=False)
        run.name, run.by = chosen["file"].name[:200], by
        run.defaults = import_run.stored_defaults([topic.pk for topic in chosen["topics"]], rhythm)
        return run

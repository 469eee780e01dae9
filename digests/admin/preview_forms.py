"""The forms of the pages that preview an issue and send a test of it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import User

from newsletter.papers.models import Topic
from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.choice_bounds import USUAL_DETAIL
from subscribers.models import Preferences, Subscriber

UNKNOWN = "No reader has this address. Type it as the reader wrote it at the sign-up."


class PreviewForm(forms.Form):
    """How a preview is displayed, for which topics and in which detail; without topics it is the public issue."""

    width = forms.ChoiceField(choices=[("desktop", "Desktop"), ("phone", "Phone")], required=False)
    scheme = forms.ChoiceField(choices=[("light", "Light"), ("dark", "Dark")], required=False)
    images = forms.ChoiceField(choices=[("on", "Shown"), ("off", "Off")], required=False)
    topics = forms.MultipleChoiceField(required=False)
    detail = forms.TypedChoiceField(choices=Preferences.Detail, required=False, empty_value=USUAL_DETAIL)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.named = dict(Topic.objects.current().order_by("name").values_list("slug", "name"))
        self.fields["topics"].choices = list(self.named.items())  # type: ignore[attr-defined]

    @property
    def topics_named(self) -> list[str]:
        return [self.named[slug] for slug in self.cleaned_data["topics"]]

    @property
    def is_dark(self) -> bool:
        return bool(self.cleaned_data["scheme"] == "dark")

    @property
    def is_phone(self) -> bool:
        return bool(self.cleaned_data["width"] == "phone")

    @property
    def has_images(self) -> bool:
        return bool(self.cleaned_data["images"] != "off")


class ReaderField(forms.CharField):
    """An address field that cleans to the reader; None when it is empty."""

    def clean(self, value: Any) -> Subscriber | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            reader = Subscriber.objects.filter(canonical=canonical_address(text)).first()
        except AddressError as exc:
            raise forms.ValidationError(str(exc)) from exc
        if reader is None:
            raise forms.ValidationError(UNKNOWN)
        return reader


class ReaderPreviewForm(PreviewForm):
    reader = ReaderField(max_length=320)


class IssueTestForm(PreviewForm):
    """The staff who get a test, ticked or typed, and the topics or reader it is rendered for."""

    editors = forms.ModelMultipleChoiceField(queryset=User.objects.none(), required=False)
    typed = forms.CharField(max_length=2000, required=False)
    reader = ReaderField(max_length=320, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["editors"].queryset = staff_with_address()  # type: ignore[attr-defined]

    def clean_typed(self) -> list[User]:
        known = {user.email.lower(): user for user in staff_with_address()}
        words = self.cleaned_data["typed"].replace(",", " ").replace(";", " ").split()
        if unknown := [word for word in words if word.lower() not in known]:
            raise forms.ValidationError(
                f"A test goes to accounts of this desk only, and {len(unknown)} of these addresses belong to none. "
                "Give the account its address under “Accounts” first."
            )
        return [known[word.lower()] for word in words]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors and not self.recipients(values):
            raise forms.ValidationError("Nobody is chosen. Tick somebody, or type an address of this desk.")
        return values

    @staticmethod
    def recipients(values: dict[str, Any]) -> list[User]:
        """Return everybody who gets the test, each once."""
        return list(unique([*values.get("editors", ()), *values.get("typed", ())]))


def unique(users: Iterable[User]) -> Iterable[User]:
    return {user.pk: user for user in users}.values()


def staff_with_address() -> Any:
    return User.objects.filter(is_staff=True, is_active=True).exclude(email="").order_by("username")

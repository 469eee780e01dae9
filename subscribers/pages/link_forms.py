"""What can be typed on a reader's pages beside the choices."""

from typing import Any

from django import forms

from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.models import Farewell, Letter
from subscribers.subscription import abuse_check

MOST_WORDS = 2_000  # characters of what a reader says on leaving


class LinkForm(abuse_check.StrangersForm):
    """An address, to which a link goes."""

    email = forms.CharField(
        label="Email address",
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "placeholder": "you@university.edu"}),
        error_messages={"required": "Write the address your digests go to."},
    )

    def clean_email(self) -> str:
        typed = str(self.cleaned_data["email"]).strip()
        try:
            canonical_address(typed)
        except AddressError as exc:
            raise forms.ValidationError(f"We cannot send mail to this address. {exc}") from exc
        return typed


class AddressForm(LinkForm):
    """The address that digests shall go to from now on."""

    def __init__(self, *args: Any, own: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = own
        self.fields["email"].label = "New address"
        self.fields["email"].error_messages["required"] = "Write the address your digests should go to."

    def clean_email(self) -> str:
        typed = super().clean_email()
        if canonical_address(typed) == self.own:
            raise forms.ValidationError("Your digests already go to this address.")
        return typed


class DataForm(forms.Form):
    what = forms.ChoiceField(choices=[(kind, kind.label) for kind in (Letter.Kind.EXPORT, Letter.Kind.ERASE)])


class StayForm(forms.Form):
    how_long = forms.ChoiceField(choices=[("week", "A week"), ("month", "A month")])


class FarewellForm(forms.Form):
    reason = forms.ChoiceField(choices=[("", ""), *Farewell.Reason.choices], required=False)
    words = forms.CharField(max_length=MOST_WORDS, required=False, widget=forms.Textarea)

"""Forms on a reader's pages other than the preferences."""

from typing import Any

from django import forms

from subscribers.addresses.canonical import LONGEST_ADDRESS, AddressError, canonical_address, readable_address
from subscribers.models import Farewell, Letter
from subscribers.subscription import abuse_check

MAX_FAREWELL_LENGTH = 2_000  # characters


class LinkForm(abuse_check.PublicForm):
    """The address to mail a link to."""

    email = forms.CharField(
        label="Email address",
        max_length=LONGEST_ADDRESS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "placeholder": "you@university.edu"}),
        error_messages={"required": "Enter the address your digests go to."},
    )

    check_address = staticmethod(canonical_address)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip()
        try:
            self.check_address(email)
        except AddressError as exc:
            raise forms.ValidationError(f"We cannot send mail to this address. {exc}") from exc
        return email


class AddressForm(LinkForm):
    """The new address for a reader's digests, which must be one that may sign up."""

    check_address = staticmethod(readable_address)

    def __init__(self, *args: Any, own: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = own
        self.fields["email"].label = "New address"
        self.fields["email"].error_messages["required"] = "Enter the address your digests should go to."

    def clean_email(self) -> str:
        email = super().clean_email()
        if canonical_address(email) == self.own:
            raise forms.ValidationError("Your digests already go to this address.")
        return email


class DataForm(forms.Form):
    what = forms.ChoiceField(choices=[(kind, kind.label) for kind in (Letter.Kind.EXPORT, Letter.Kind.ERASE)])


class PauseInsteadForm(forms.Form):
    how_long = forms.ChoiceField(choices=[("week", "A week"), ("month", "A month")])


class FarewellForm(forms.Form):
    reason = forms.ChoiceField(choices=[("", ""), *Farewell.Reason.choices], required=False)
    words = forms.CharField(max_length=MAX_FAREWELL_LENGTH, required=False, widget=forms.Textarea)

"""A form field for phrases or authors, separated by commas or lines."""

from typing import Any

from django import forms

from subscribers.phrases import MAX_ENTRIES, MAX_ENTRY_LENGTH, clean_entries, split_entries


class PhraseListField(forms.CharField):
    """A list of phrases or names in one text area; cleans to a list without duplicates."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)
        self.validators = []  # CharField's validators expect one string; clean_entries removes NUL

    def to_python(self, value: Any) -> Any:
        return clean_entries(map(str, value)) if isinstance(value, list) else split_entries(value or "")

    def validate(self, value: list[str]) -> None:
        if len(value) > MAX_ENTRIES:
            raise forms.ValidationError(f"You entered {len(value)}. Keep the {MAX_ENTRIES} that matter most.")
        if too_long := [entry for entry in value if len(entry) > MAX_ENTRY_LENGTH]:
            raise forms.ValidationError(
                f"“{too_long[0][:30]}…” is longer than {MAX_ENTRY_LENGTH} characters. Put commas between entries."
            )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial or []) != self.to_python(data))

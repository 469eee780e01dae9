"""A form field for phrases or authors, separated by commas or lines."""

import re
import unicodedata
from typing import Any

from django import forms

MAX_ENTRIES, MAX_ENTRY_LENGTH = 20, 100


class PhraseListField(forms.CharField):
    """A list of phrases or names in one text area; cleans to a list without duplicates."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)
        self.validators = []  # CharField's validators expect one string; clean_entry removes NUL

    def to_python(self, value: Any) -> Any:
        parts = value if isinstance(value, list) else re.split(r"[,;\n\r\v\f\x85\u2028\u2029]", value or "")
        entries: dict[str, str] = {}
        for entry in filter(None, (clean_entry(str(part)) for part in parts)):
            entries.setdefault(entry.casefold(), entry)
        return list(entries.values())

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


def clean_entry(text: str) -> str:
    """Return one line in NFC without invisible characters. Idempotent."""
    visible = "".join(" " if letter.isspace() else letter for letter in text)
    visible = "".join(letter for letter in visible if not unicodedata.category(letter).startswith("C"))
    return unicodedata.normalize("NFC", " ".join(visible.split()))

"""Phrases and authors as readers type them: separated by commas or lines, stored clean."""

import re
import unicodedata
from typing import Any

from django import forms

MOST, LONGEST = 20, 100


class WordsField(forms.CharField):
    """A list of phrases or names in one box."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)
        self.validators = []  # they are for one text, and NUL is cleaned away

    def to_python(self, value: Any) -> Any:
        parts = value if isinstance(value, list) else re.split(r"[,;\n\r\v\f\x85\u2028\u2029]", value or "")
        entries: dict[str, str] = {}
        for entry in filter(None, (clean(str(part)) for part in parts)):
            entries.setdefault(entry.casefold(), entry)
        return list(entries.values())

    def validate(self, value: list[str]) -> None:
        if len(value) > MOST:
            raise forms.ValidationError(f"These are {len(value)}. Keep the {MOST} that matter most.")
        if too_long := [entry for entry in value if len(entry) > LONGEST]:
            raise forms.ValidationError(
                f"“{too_long[0][:30]}…” is longer than {LONGEST} characters. Put commas between entries."
            )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial or []) != self.to_python(data))


def clean(text: str) -> str:
    """Return one line in NFC without invisible characters; cleaning it again changes nothing."""
    seen = "".join(" " if letter.isspace() else letter for letter in text)
    seen = "".join(letter for letter in seen if not unicodedata.category(letter).startswith("C"))
    return unicodedata.normalize("NFC", " ".join(seen.split()))

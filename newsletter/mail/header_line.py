"""Text that becomes a mail header: one line, without control characters."""

import re
from typing import Any

from django import forms
from django.db import models

# All controls (line breaks among them), the two Unicode separators of lines and paragraphs, and lone surrogates.
UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def clean_line(text: str) -> str:
    """Return `text` as one line: controls and runs of whitespace become one space. Cleaning again changes nothing.

    >>> clean_line("Ed\\r\\nBcc: x@example.org")
    'Ed Bcc: x@example.org'
    """
    return " ".join(UNSENDABLE.sub(" ", text).split())


class HeaderLineField(models.CharField[str, str]):
    """A column whose text becomes a header: cleaned by `full_clean`, `save`, `update` and `bulk_create` alike."""

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return clean_line(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):  # an expression is left to the database
            value = clean_line(value)
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def deconstruct(self) -> Any:
        """Return the field as the plain column that it is in the database."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class HeaderLine(forms.CharField):
    """A form field for such text: a line break that a script posts becomes a space."""

    def to_python(self, value: Any) -> str:
        return clean_line(super().to_python(value) or "")

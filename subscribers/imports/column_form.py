from typing import Any

from django import forms
from unfold import widgets

from subscribers.imports.columns import MEANINGS
from subscribers.models import ImportRun

MEANINGS_ON_OFFER = [(meaning.value, label) for meaning, label in MEANINGS.items()]


class ColumnForm(forms.Form):
    """What each column means that may say who must not be mailed; no answer is chosen beforehand."""

    def __init__(self, run: ImportRun, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, sample in run.unexplained.items():
            self.fields[name] = forms.ChoiceField(
                label=sample["title"],
                choices=MEANINGS_ON_OFFER,
                widget=widgets.UnfoldAdminRadioSelectWidget,
                help_text=f"Values in the file: {', '.join(sample['values'])}",
                error_messages={"required": "Say what this column means."},
            )

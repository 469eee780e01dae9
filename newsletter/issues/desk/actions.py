"""The forms that an issue's admin page posts; each validates and performs one edit."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.timezone import make_aware

from newsletter.issues.desk import ordering, wording
from newsletter.issues.desk.edit_lock import Edit, EditRefused
from newsletter.issues.models import IssueEntry
from newsletter.mail.header_line import HeaderLine, clean_line
from newsletter.papers import search
from newsletter.papers.ingest.fetch import validate_address
from newsletter.papers.models import Paper

FRONT_SIZES = (1, 200)


class Words(forms.CharField):
    """A text with “\\n” line ends, limited to the length of its column."""

    def __init__(self, column: str, **options: Any) -> None:
        longest = getattr(IssueEntry._meta.get_field(column), "max_length", None)
        super().__init__(max_length=longest, **{"required": False} | options)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n")


class Title(Words):
    """The title of a free item, which may become the subject of a digest."""

    def to_python(self, value: Any) -> str:
        return clean_line(super().to_python(value))


class Act(forms.Form):
    """One edit of an issue; `shows` names the part of the page to render again."""

    shows: ClassVar[str] = "front"
    right: ClassVar[str] = "issues.change_issue"  # the required permission
    seen = forms.IntegerField()

    def do(self, edit: Edit) -> str:
        """Perform the edit and return a message for the editor. Raise EditRefused."""
        if not self.is_valid():
            raise EditRefused(" ".join(self.complaints()))
        return self.act(edit._replace(seen=self.cleaned_data["seen"]), self.cleaned_data)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        raise NotImplementedError

    def complaints(self) -> list[str]:
        errors = {name: " ".join(map(str, words)) for name, words in self.errors.items()}
        return [f"{self.fields[name].label or name.capitalize()}: {words}" for name, words in errors.items()]


class EntryAct(Act):
    entry = forms.IntegerField()


class Move(EntryAct):
    place = forms.IntegerField(min_value=1)
    to = forms.IntegerField(min_value=1, required=False)  # sent by a button

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return ordering.move(edit, asked["entry"], asked["to"] or asked["place"])


class Drop(EntryAct):
    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return ordering.drop(edit, asked["entry"])


class Restore(EntryAct):
    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return ordering.restore(edit, asked["entry"])


class Pick(EntryAct):
    shows = "card"
    is_pick = forms.BooleanField(required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.set_pick(edit, asked["entry"], asked["is_pick"])


class Note(EntryAct):
    shows = "card"
    note = Words("note")
    note_is_draft = forms.BooleanField(required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.note(edit, asked["entry"], asked["note"], asked["note_is_draft"])


class Summarize(EntryAct):
    shows = "card"
    summary = Words("summary")

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.summarize(edit, asked["entry"], asked["summary"])


class ItemWords(Act):
    title = Title("free_title", required=True)
    url = forms.CharField(label="Link", max_length=500, required=False)
    text = Words("free_text")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url:
            URLValidator(schemes=["http", "https"], message="Enter a link that begins with http:// or https://.")(url)
            validate_address(url, any_port=True)
        return url


class AddItem(ItemWords):
    place = forms.IntegerField(min_value=1, required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        place = asked["place"] or ordering.END
        return ordering.add_item(edit, asked["title"], asked["url"], asked["text"], place)


class EditItem(ItemWords, EntryAct):
    shows = "card"

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.edit_item(edit, asked["entry"], asked["title"], asked["url"], asked["text"])


class RemoveItem(EntryAct):
    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return ordering.remove_item(edit, asked["entry"])


class PullIn(Act):
    """Adds a paper by its id, or by a link, which may be fetched."""

    paper = forms.ModelChoiceField(Paper.objects.all(), required=False)
    link = forms.CharField(max_length=2000, required=False)
    place = forms.IntegerField(min_value=1, required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        try:
            paper = asked["paper"] or search.paper_for_link(asked["link"])
        except search.NotFound as exc:
            raise EditRefused(str(exc)) from exc
        return ordering.pull_in(edit, paper, asked["place"] or ordering.END)


class Subject(Act):
    shows = "heading"
    subject = HeaderLine(max_length=150, required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.set_subject(edit, asked["subject"])


class Intro(Act):
    shows = "heading"
    intro = forms.CharField(max_length=2000, required=False)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.set_intro(edit, asked["intro"].replace("\r\n", "\n"))


class FrontSize(Act):
    shows = "heading"
    front_size = forms.IntegerField(label="Front size", min_value=FRONT_SIZES[0], max_value=FRONT_SIZES[1])

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.set_front_size(edit, asked["front_size"])


class Cutoff(Act):
    """The cutoff in UTC, as an `<input type="datetime-local">` sends it, without a time zone.

    An early cutoff publishes the issue, so it requires the same permission.
    """

    shows = "heading"
    right = "issues.publish_issue"
    cutoff_at = forms.CharField(label="Cutoff")

    def clean_cutoff_at(self) -> datetime:
        try:
            typed = datetime.fromisoformat(self.cleaned_data["cutoff_at"])
        except ValueError as exc:
            raise ValidationError("Enter it as 2026-05-04T05:00, in UTC.") from exc
        return typed if typed.tzinfo else make_aware(typed, UTC)

    def act(self, edit: Edit, asked: dict[str, Any]) -> str:
        return wording.set_cutoff(edit, asked["cutoff_at"])


ACTS: dict[str, type[Act]] = {
    "move": Move,
    "drop": Drop,
    "restore": Restore,
    "pick": Pick,
    "note": Note,
    "summary": Summarize,
    "add-item": AddItem,
    "edit-item": EditItem,
    "remove-item": RemoveItem,
    "pull-in": PullIn,
    "subject": Subject,
    "intro": Intro,
    "front-size": FrontSize,
    "cutoff": Cutoff,
}

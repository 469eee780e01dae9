"""Edits of the texts and settings of an issue; they raise the same errors as those in ordering."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from newsletter import clock
from newsletter.issues.desk.edit_lock import Edit, EditRefused, entry_of, lock_for_edit, quoted_title, record_edit
from newsletter.issues.models import Issue, IssueEntry
from newsletter.mail.header_line import clean_line

LATEST_CUTOFF = timedelta(days=30)  # from now


def set_pick(edit: Edit, entry_id: int, is_pick: bool) -> str:
    """Make an entry a pick, which goes to every reader, or a normal entry again."""
    entry = set_entry_fields(edit, entry_id, "picked" if is_pick else "unpicked", is_pick=is_pick)
    return f"{quoted_title(entry)} is {'a pick' if is_pick else 'no longer a pick'}."


def note(edit: Edit, entry_id: int, text: str, is_draft: bool) -> str:
    entry = set_entry_fields(edit, entry_id, "noted on", note=text, note_is_draft=is_draft and bool(text))
    return f"The note on {quoted_title(entry)} is saved{' as a draft' if entry.note_is_draft else ''}."


def summarize(edit: Edit, entry_id: int, text: str) -> str:
    """Replace the paper's abstract in this issue; an empty `text` restores it."""
    entry = set_entry_fields(edit, entry_id, "summarized", summary=text)
    return f"The summary of {quoted_title(entry)} is {'saved' if text else 'the paper’s own again'}."


def edit_item(edit: Edit, entry_id: int, title: str, url: str, text: str) -> str:
    entry = set_entry_fields(edit, entry_id, "edited", free_title=clean_line(title), free_url=url, free_text=text)
    return f"{quoted_title(entry)} is saved."


def set_entry_fields(edit: Edit, entry_id: int, act: str, **values: Any) -> IssueEntry:
    """Set fields of an entry and return it."""
    with lock_for_edit(edit) as issue:
        entry = entry_of(issue, entry_id)
        if entry.paper and "free_title" in values:
            raise EditRefused(f"{quoted_title(entry)} is a paper. Its title and link cannot be edited.")
        if not entry.paper and "summary" in values:
            raise EditRefused(f"{quoted_title(entry)} is not a paper. Edit its text instead.")
        before = {name: getattr(entry, name) for name in values}
        for name, value in values.items():
            setattr(entry, name, value)
        entry.save(update_fields=list(values))
        record_edit(edit, f"{act} {quoted_title(entry)}", before, values, orders=False)
        return entry


def set_subject(edit: Edit, subject: str) -> str:
    return set_issue_field(edit, "Subject", subject=clean_line(subject))


def set_intro(edit: Edit, intro: str) -> str:
    return set_issue_field(edit, "Intro", intro=intro)


def set_front_size(edit: Edit, size: int) -> str:
    """Set the number of papers that the next refresh fills the front up to."""
    return set_issue_field(edit, "Front size", front_size=size)


def set_cutoff(edit: Edit, cutoff_at: datetime) -> str:
    """Set the cutoff; an earlier one must leave time to mail the draft to the other editors.

    A cutoff in the far future would stop all automatic issues, and beyond the year 9999 no page could read the row.
    """
    ahead = settings.DRAFT_MAILED_MINUTES_BEFORE
    if cutoff_at > clock.now() + LATEST_CUTOFF:
        raise EditRefused(
            f"A cutoff is at most {LATEST_CUTOFF.days} days from now. To keep the draft back for longer, hold it."
        )
    if cutoff_at <= clock.now():
        raise EditRefused(
            "That time has passed, so the draft would be published at once. If you want that, use “Publish…”."
        )
    with lock_for_edit(edit) as issue:
        is_earlier = cutoff_at < issue.cutoff_at
        if is_earlier and cutoff_at < clock.now() + timedelta(minutes=ahead):
            raise EditRefused(
                f"An earlier cutoff must be at least {ahead} minutes from now, so that the other editors receive the "
                "draft first. To publish sooner, use “Publish…”."
            )
        mail_again = {"draft_mailed_at": None} if is_earlier else {}
        return set_issue_field(edit, "Cutoff", cutoff_at=cutoff_at, **mail_again)


def set_issue_field(edit: Edit, name: str, **values: Any) -> str:
    with lock_for_edit(edit) as issue:
        before = {field: getattr(issue, field) for field in values}
        Issue.objects.filter(pk=issue.pk).update(**values)
        record_edit(edit, f"set the {name.lower()}", before, values, orders=False)
    return f"{name} saved."

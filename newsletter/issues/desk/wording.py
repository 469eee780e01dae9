"""The step in which editors set an issue's words and figures; see arranging for what each act raises."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from newsletter import clock
from newsletter.issues.desk.edit_lock import Edit, EditRefused, done, editing, entry_of, named
from newsletter.issues.models import Issue, IssueEntry


def pick(edit: Edit, entry_id: int, is_pick: bool) -> str:
    """Make an entry a pick, which goes to every reader, or take that back."""
    entry = write(edit, entry_id, "picked" if is_pick else "unpicked", is_pick=is_pick)
    return f"{named(entry)} is {'a pick' if is_pick else 'no pick any more'}."


def note(edit: Edit, entry_id: int, text: str, is_draft: bool) -> str:
    entry = write(edit, entry_id, "noted on", note=text, note_is_draft=is_draft and bool(text))
    return f"The note on {named(entry)} is saved{' as a draft' if entry.note_is_draft else ''}."


def summarize(edit: Edit, entry_id: int, text: str) -> str:
    """Show `text` in this issue instead of the paper's abstract, or the abstract again where it is empty."""
    entry = write(edit, entry_id, "summarized", summary=text)
    return f"The summary of {named(entry)} is {'saved' if text else 'the paper’s own again'}."


def edit_item(edit: Edit, entry_id: int, title: str, url: str, text: str) -> str:
    entry = write(edit, entry_id, "edited", free_title=title, free_url=url, free_text=text)
    return f"{named(entry)} is saved."


def write(edit: Edit, entry_id: int, act: str, **values: Any) -> IssueEntry:
    """Set fields of an entry and return it."""
    with editing(edit) as issue:
        entry = entry_of(issue, entry_id)
        if entry.paper and "free_title" in values:
            raise EditRefused(f"{named(entry)} is a paper: its title and link are the paper’s own.")
        if not entry.paper and "summary" in values:
            raise EditRefused(f"{named(entry)} is no paper: edit its text.")
        before = {name: getattr(entry, name) for name in values}
        for name, value in values.items():
            setattr(entry, name, value)
        entry.save(update_fields=list(values))
        done(edit, f"{act} {named(entry)}", before, values, orders=False)
        return entry


def set_subject(edit: Edit, subject: str) -> str:
    return set_of_issue(edit, "Subject", subject=subject)


def set_intro(edit: Edit, intro: str) -> str:
    return set_of_issue(edit, "Intro", intro=intro)


def set_front_size(edit: Edit, size: int) -> str:
    """Say how many papers the next refresh fills the front up to."""
    return set_of_issue(edit, "Front size", front_size=size)


def set_cutoff(edit: Edit, cutoff_at: datetime) -> str:
    """Set when the draft is published by itself; sooner than before only where the editors hear of it in time."""
    ahead = settings.DRAFT_MAILED_MINUTES_BEFORE
    if cutoff_at <= clock.now():
        raise EditRefused("That moment has passed, and the draft would go out at once. If you want that, publish it.")
    with editing(edit) as issue:
        is_earlier = cutoff_at < issue.cutoff_at
        if is_earlier and cutoff_at < clock.now() + timedelta(minutes=ahead):
            raise EditRefused(
                f"An earlier cutoff lies at least {ahead} minutes ahead, so that the other editors get the draft "
                "before. To publish sooner, use “Publish…”."
            )
        told_anew = {"draft_mailed_at": None} if is_earlier else {}
        return set_of_issue(edit, "Cutoff", cutoff_at=cutoff_at, **told_anew)


def set_of_issue(edit: Edit, name: str, **values: Any) -> str:
    with editing(edit) as issue:
        before = {field: getattr(issue, field) for field in values}
        Issue.objects.filter(pk=issue.pk).update(**values)
        done(edit, f"set the {name.lower()}", before, values, orders=False)
    return f"{name} saved."

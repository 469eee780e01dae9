"""Edits of the content and order of a front.

Each edit raises EditRefused, with a message for the editor, if it does not fit, and Stale if the editor's page is out
of date. Places count from 1; a dropped entry keeps its position in the order but has no place.
"""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from newsletter import clock
from newsletter.issues import draft
from newsletter.issues.desk.edit_lock import Edit, EditRefused, entry_of, lock_for_edit, quoted_title, record_edit
from newsletter.issues.models import Issue, IssueEntry
from newsletter.mail.header_line import clean_line
from newsletter.papers.models import Paper

END = 10_000  # a place behind all others


def move(edit: Edit, entry_id: int, place: int) -> str:
    """Move an entry to a place, at most the last; the others keep their order."""
    with lock_for_edit(edit) as issue:
        entry = entry_of(issue, entry_id)
        if entry.dropped_at:
            raise EditRefused(f"{quoted_title(entry)} is dropped. Restore it to give it a place.")
        before = place_of(issue, entry)
        now = place_entry(issue, entry, place)
        record_edit(edit, f"moved {quoted_title(entry)}", {"place": before}, {"place": now}, orders=True)
        return f"{quoted_title(entry)} is at place {now}."


def drop(edit: Edit, entry_id: int) -> str:
    """Drop an entry. After publication this is permanent, and affects only readers not yet served."""
    with lock_for_edit(edit, may_be_published=True) as issue:
        entry = entry_of(issue, entry_id)
        before = entry.dropped_at
        if before is None:
            entry.dropped_at = clock.now()
            entry.save(update_fields=["dropped_at"])
        record_edit(
            edit, f"dropped {quoted_title(entry)}", {"dropped": before}, {"dropped": entry.dropped_at}, orders=True
        )
        return f"{quoted_title(entry)} is dropped."


def restore(edit: Edit, entry_id: int) -> str:
    """Undo a drop; the entry returns to its former position."""
    with lock_for_edit(edit) as issue:
        entry = entry_of(issue, entry_id)
        before, entry.dropped_at = entry.dropped_at, None
        save_on_front(entry)
        record_edit(edit, f"restored {quoted_title(entry)}", {"dropped": before}, {"dropped": None}, orders=True)
        return f"{quoted_title(entry)} is back at place {place_of(issue, entry)}."


def pull_in(edit: Edit, paper: Paper, place: int = END) -> str:
    """Add a paper to the front, whether or not it is on the shelf."""
    with lock_for_edit(edit) as issue:
        if there := issue.entries.front().kept().filter(paper=paper).first():
            raise EditRefused(f"“{paper}” is on this front already, at place {place_of(issue, there)}.")
        entry, now = add_paper(issue, paper, place)
        record_edit(edit, f"pulled in {quoted_title(entry)}", after={"paper": paper.key, "place": now}, orders=True)
        return f"{quoted_title(entry)} is at place {now}."


def add_paper(issue: Issue, paper: Paper, place: int = END) -> tuple[IssueEntry, int]:
    """Add a paper to the front of a locked issue; return its entry and its place."""
    refuse_unfit(paper)
    entry = issue.entries.filter(paper=paper).first() or IssueEntry(issue=issue, paper=paper)
    entry.shelf, entry.dropped_at, entry.is_placed = IssueEntry.Shelf.FRONT, None, True
    save_on_front(entry)
    return entry, place_entry(issue, entry, place)


def add_item(edit: Edit, title: str, url: str, text: str, place: int = END) -> str:
    """Add a free item to the front."""
    with lock_for_edit(edit) as issue:
        item, now = insert_item(issue, title, url, text, place)
        after = {"title": title, "link": url, "text": text, "place": now}
        record_edit(edit, f"added {quoted_title(item)}", after=after, orders=True)
        return f"{quoted_title(item)} is at place {now}."


def insert_item(issue: Issue, title: str, url: str, text: str, place: int = END) -> tuple[IssueEntry, int]:
    """Add a free item to the front of a locked issue; return its entry and its place."""
    item = issue.entries.create(paper=None, free_title=clean_line(title), free_url=url, free_text=text)
    return item, place_entry(issue, item, place)


def remove_item(edit: Edit, entry_id: int) -> str:
    with lock_for_edit(edit) as issue:
        item = entry_of(issue, entry_id)
        if item.paper:
            raise EditRefused(f"{quoted_title(item)} is a paper. Drop it instead.")
        before = {"title": item.free_title, "link": item.free_url, "text": item.free_text}
        item.delete()
        record_edit(edit, f"removed {quoted_title(item)}", before, orders=True)
        return f"{quoted_title(item)} is removed."


def refuse_unfit(paper: Paper) -> None:
    """Raise EditRefused if a paper may not be in any issue."""
    if paper.merged_into_id:
        raise EditRefused(f"“{paper}” was merged into “{paper.line()[-1]}”. Add that one instead.")
    if paper.withdrawn_at:
        raise EditRefused(f"“{paper}” was withdrawn by its authors.")
    if paper.pk in draft.papers_shown_as_twins(paper.listed_on):
        raise EditRefused(f"“{paper}” has been in an issue already, as a paper that was merged into it.")


def save_on_front(entry: IssueEntry) -> None:
    """Save an entry of a front. Raise EditRefused if its paper is on another front."""
    others = IssueEntry.objects.front().kept().filter(paper=entry.paper_id).exclude(issue=entry.issue_id)
    if entry.paper and (other := others.select_related("issue").first()):
        raise EditRefused(
            f"“{entry.paper}” is on the front of {other.issue.date:%-d %B %Y}. A paper can be on one front only."
        )
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as exc:
        raise EditRefused(f"“{entry.paper}” was just added to the front of another issue.") from exc


def place_of(issue: Issue, entry: IssueEntry) -> int:
    return list(issue.entries.front().kept().values_list("pk", flat=True)).index(entry.pk) + 1


def place_entry(issue: Issue, entry: IssueEntry, place: int) -> int:
    """Renumber the front with `entry` at `place`; return its actual place."""
    order = move_entry(list(issue.entries.front()), entry, place)
    moved = [other for number, other in enumerate(order, start=1) if other.position != number]
    for number, other in enumerate(order, start=1):
        other.position = number
    IssueEntry.objects.bulk_update(moved, ["position"])
    return [other.pk for other in order if other.dropped_at is None].index(entry.pk) + 1


def move_entry(entries: Sequence[IssueEntry], moved: IssueEntry, place: int) -> list[IssueEntry]:
    """Return `entries` with `moved` at `place` among the kept ones, or at the end."""
    order = [entry for entry in entries if entry.pk != moved.pk]
    kept = [index for index, entry in enumerate(order) if entry.dropped_at is None]
    order.insert(kept[place - 1] if place <= len(kept) else len(order), moved)
    return order

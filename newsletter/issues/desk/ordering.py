"""The step in which editors decide what stands on a front, and where.

Each act raises Refused, in words for the editor, where it does not fit, and Stale where the issue is ahead of what the
editor saw. Places are numbered from 1; what is dropped keeps its turn in the order, but has no place.
"""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from newsletter import clock
from newsletter.issues import draft
from newsletter.issues.desk.edit_lock import Edit, EditRefused, done, editing, entry_of, named
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Paper

END = 10_000  # a place behind all others


def move(edit: Edit, entry_id: int, place: int) -> str:
    """Give an entry the place asked for, or the last one; the others keep their order."""
    with editing(edit) as issue:
        entry = entry_of(issue, entry_id)
        if entry.dropped_at:
            raise EditRefused(f"{named(entry)} is dropped. Restore it to give it a place.")
        before = place_of(issue, entry)
        now = put(issue, entry, place)
        done(edit, f"moved {named(entry)}", {"place": before}, {"place": now}, orders=True)
        return f"{named(entry)} is at place {now}."


def drop(edit: Edit, entry_id: int) -> str:
    """Leave an entry out. Once the issue is published, that is for good and for those who have not got it yet."""
    with editing(edit, may_be_published=True) as issue:
        entry = entry_of(issue, entry_id)
        before = entry.dropped_at
        if before is None:
            entry.dropped_at = clock.now()
            entry.save(update_fields=["dropped_at"])
        done(edit, f"dropped {named(entry)}", {"dropped": before}, {"dropped": entry.dropped_at}, orders=True)
        return f"{named(entry)} is dropped."


def restore(edit: Edit, entry_id: int) -> str:
    """Take back a drop; the entry comes where it was."""
    with editing(edit) as issue:
        entry = entry_of(issue, entry_id)
        before, entry.dropped_at = entry.dropped_at, None
        lead(entry)
        done(edit, f"restored {named(entry)}", {"dropped": before}, {"dropped": None}, orders=True)
        return f"{named(entry)} is back at place {place_of(issue, entry)}."


def pull_in(edit: Edit, paper: Paper, place: int = END) -> str:
    """Put a paper on the front, from the shelf or from nowhere."""
    with editing(edit) as issue:
        if there := issue.entries.front().kept().filter(paper=paper).first():
            raise EditRefused(f"“{paper}” is on this front already, at place {place_of(issue, there)}.")
        entry, now = bring(issue, paper, place)
        done(edit, f"pulled in {named(entry)}", after={"paper": paper.key, "place": now}, orders=True)
        return f"{named(entry)} is at place {now}."


def bring(issue: Issue, paper: Paper, place: int = END) -> tuple[IssueEntry, int]:
    """Put a paper on the front of an issue in whose edit this is called; return its entry and the place it got."""
    refuse_unfit(paper)
    entry = issue.entries.filter(paper=paper).first() or IssueEntry(issue=issue, paper=paper)
    entry.shelf, entry.dropped_at, entry.is_placed = IssueEntry.Shelf.FRONT, None, True
    lead(entry)
    return entry, put(issue, entry, place)


def add_item(edit: Edit, title: str, url: str, text: str, place: int = END) -> str:
    """Put on the front what is no paper."""
    with editing(edit) as issue:
        item, now = bring_item(issue, title, url, text, place)
        after = {"title": title, "link": url, "text": text, "place": now}
        done(edit, f"added {named(item)}", after=after, orders=True)
        return f"{named(item)} is at place {now}."


def bring_item(issue: Issue, title: str, url: str, text: str, place: int = END) -> tuple[IssueEntry, int]:
    """Do as `bring` with what is no paper."""
    item = issue.entries.create(paper=None, free_title=title, free_url=url, free_text=text)
    return item, put(issue, item, place)


def remove_item(edit: Edit, entry_id: int) -> str:
    with editing(edit) as issue:
        item = entry_of(issue, entry_id)
        if item.paper:
            raise EditRefused(f"{named(item)} is a paper: drop it instead.")
        before = {"title": item.free_title, "link": item.free_url, "text": item.free_text}
        item.delete()
        done(edit, f"removed {named(item)}", before, orders=True)
        return f"{named(item)} is removed."


def refuse_unfit(paper: Paper) -> None:
    """Raise Refused where a paper is for no issue."""
    if paper.merged_into_id:
        raise EditRefused(f"“{paper}” was merged into “{paper.line()[-1]}”: pull that one in.")
    if paper.withdrawn_at:
        raise EditRefused(f"“{paper}” was withdrawn by its authors, and comes to no issue.")
    if paper.pk in draft.twins_shown(paper.listed_on):
        raise EditRefused(f"“{paper}” stood in an issue before, as a paper that was merged into it.")


def lead(entry: IssueEntry) -> None:
    """Store an entry of a front. Raise Refused where its paper is on another front."""
    others = IssueEntry.objects.front().kept().filter(paper=entry.paper_id).exclude(issue=entry.issue_id)
    if entry.paper and (other := others.select_related("issue").first()):
        raise EditRefused(
            f"“{entry.paper}” is on the front of {other.issue.date:%-d %B %Y}, and no paper leads twice."
        )
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as exc:
        raise EditRefused(f"“{entry.paper}” came to the front of another issue at this moment.") from exc


def place_of(issue: Issue, entry: IssueEntry) -> int:
    return list(issue.entries.front().kept().values_list("pk", flat=True)).index(entry.pk) + 1


def put(issue: Issue, entry: IssueEntry, place: int) -> int:
    """Number the front anew with `entry` at `place`, and return the place it got."""
    order = placed(list(issue.entries.front()), entry, place)
    moved = [other for number, other in enumerate(order, start=1) if other.position != number]
    for number, other in enumerate(order, start=1):
        other.position = number
    IssueEntry.objects.bulk_update(moved, ["position"])
    return [other.pk for other in order if other.dropped_at is None].index(entry.pk) + 1


def placed(entries: Sequence[IssueEntry], moved: IssueEntry, place: int) -> list[IssueEntry]:
    """Return `entries` with the `moved` one, which is kept, at `place` of those that are kept, or behind them all."""
    order = [entry for entry in entries if entry.pk != moved.pk]
    kept = [index for index, entry in enumerate(order) if entry.dropped_at is None]
    order.insert(kept[place - 1] if place <= len(kept) else len(order), moved)
    return order

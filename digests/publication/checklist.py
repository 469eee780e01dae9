"""Checks an issue before publication: each check is a function that yields findings."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.urls import reverse

from digests.mail import compose
from digests.mail.cards import EntryToRender
from digests.mail.headers import find_header_fault
from digests.mail.subject import subject_of
from digests.previews import issue_preview, reach
from digests.publication import link_check
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.number_text import pluralize
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper

STOPS, WARNS = "stops", "warns"
LONG_SUBJECT = 70  # characters; most mail programs cut off the rest
SHORTENED_NOTICE = re.compile(r"To keep this mail short, its last")


class ChecklistItem(NamedTuple):
    """One finding: what is wrong, what it means for readers, what to do, and the entry concerned."""

    level: str
    what: str
    meaning: str
    to_do: str
    entry_id: int | None = None
    url: str = ""  # the page on which the entry or the issue is edited

    @property
    def words(self) -> str:
        return f"{self.what} {self.meaning} {self.to_do}"


class IssueFront(NamedTuple):
    """An issue and the cards of its front as readers would see them."""

    issue: Issue
    front: Sequence[tuple[IssueEntry, dict[str, Any]]]


def run_checklist(issue: Issue) -> list[ChecklistItem]:
    """Return the findings on the issue in its present state, those that stop it first. Uses no network."""
    seen = IssueFront(issue, front_cards(issue))
    page = reverse("admin:issues_issue_change", args=[issue.pk])
    found = [
        finding._replace(url=f"{page}#entry-{finding.entry_id}" if finding.entry_id else page)
        for check in CHECKS
        for finding in check(seen)
    ]
    return sorted(found, key=lambda finding: finding.level != STOPS)


def front_cards(issue: Issue) -> list[tuple[IssueEntry, dict[str, Any]]]:
    source = reach.spans_if_published(issue, clock.now())
    rows = source.coming.entries if source.coming else issue.entries.kept().select_related("paper")
    front = [row for row in rows if row.dropped_at is None and row.shelf == IssueEntry.Shelf.FRONT]
    return [(row, row.snapshot) for row in front]


def check_front(seen: IssueFront) -> Iterator[ChecklistItem]:
    if not any(entry.paper_id for entry, _ in seen.front):
        what = "There is no paper on the front." if seen.front else "The front is empty."
        yield ChecklistItem(STOPS, what, "An issue without a paper cannot be published.", "Add a paper.")


def check_subject(seen: IssueFront) -> Iterator[ChecklistItem]:
    if not seen.issue.subject:
        what = "There is no subject."
        yield ChecklistItem(
            WARNS, what, "Each digest names the best fitting of its first three papers.", "Write one, or let it be."
        )
    elif (length := len(seen.issue.subject)) > LONG_SUBJECT:
        what = f"The subject is {length} characters long."
        yield ChecklistItem(WARNS, what, f"Most mail programs show about {LONG_SUBJECT} of them.", "Shorten it.")


def check_headers(seen: IssueFront) -> Iterator[ChecklistItem]:
    """Build the headers of a digest with each subject that it may have."""
    titles = {card["title"]: entry.pk for entry, card in seen.front}
    own = {"": None} if seen.issue.subject else titles
    for title, entry_id in own.items():
        subject = subject_of(seen.issue, title, len(seen.front))
        if fault := find_header_fault(subject, seen.issue.date):
            what = f"A mail with the subject “{subject}” cannot be sent."
            yield ChecklistItem(STOPS, what, f"{fault} No provider would take it.", "Tell an operator.", entry_id)


def check_notes(seen: IssueFront) -> Iterator[ChecklistItem]:
    for entry, card in seen.front:
        if entry.note and entry.note_is_draft:
            what = f"The note on “{card['title']}” is a draft."
            yield ChecklistItem(WARNS, what, "Readers do not see it.", "Finish it, or take it away.", entry.pk)


def check_summaries(seen: IssueFront) -> Iterator[ChecklistItem]:
    for entry, card in seen.front:
        if not card["summary"].strip():
            what = f"“{card['title']}” has no summary."
            yield ChecklistItem(WARNS, what, "Readers see its title alone.", "Write one for this issue.", entry.pk)


def check_length(seen: IssueFront) -> Iterator[ChecklistItem]:
    if not seen.front:
        return
    items = [EntryToRender(entry, card, "") for entry, card in seen.front]
    html = issue_preview.preview_front("", seen.issue, items).html
    size = len(html.encode())
    if size > compose.MAX_HTML_BYTES:
        what = f"The whole front is a mail of {size // 1000} KB, over {compose.MAX_HTML_BYTES // 1000} KB."
        yield ChecklistItem(STOPS, what, "Gmail would cut it off.", "Drop papers, or shorten intro and notes.")
    elif SHORTENED_NOTICE.search(html):
        what = f"The whole front is longer than a mail of {compose.MAX_HTML_BYTES // 1000} KB may be."
        meaning = "A reader who gets all of it sees its last papers in brief."
        yield ChecklistItem(WARNS, what, meaning, "Drop papers, or let it be.")


def check_repeats(seen: IssueFront) -> Iterator[ChecklistItem]:
    """Yield papers that were in an earlier issue, under this record or a duplicate merged into it."""
    places = earlier_places(seen)
    led = [(entry, card, places[entry.pk]) for entry, card in seen.front if entry.pk in places]
    for entry, card, place in led:
        if place.shelf == IssueEntry.Shelf.FRONT:
            what = f"“{card['title']}” stood on the front of {place.issue.date:%-d %B} before."
            yield ChecklistItem(WARNS, what, "Readers who got it then do not get it again.", "Drop it.", entry.pk)
    if shelved := sum(place.shelf == IssueEntry.Shelf.SHELF for *_, place in led):
        what = f"{pluralize(shelved, 'paper')} stood on an earlier shelf."
        meaning = "Readers who got them from there do not get them again."
        yield ChecklistItem(WARNS, what, meaning, "Nothing to do: this is usual.")


def earlier_places(seen: IssueFront) -> dict[int, IssueEntry]:
    """Return the earlier entry of each entry's paper by entry id; a front takes precedence over a shelf."""
    entries = {entry.paper_id: entry.pk for entry, _ in seen.front if entry.paper_id}
    merged = duplicates.merge_targets(Paper.objects.exclude(merged_into=None).values_list("pk", flat=True))
    entries |= {duplicate: entries[survivor] for duplicate, survivor in merged.items() if survivor in entries}
    out = IssueEntry.objects.kept().filter(paper__in=list(entries)).exclude(issue__published_at=None)
    rows = out.exclude(issue=seen.issue).filter(issue__date__lt=seen.issue.date).select_related("issue")
    return {entries[row.paper_id or 0]: row for row in sorted(rows, key=lambda row: row.shelf, reverse=True)}


def check_links(seen: IssueFront) -> Iterator[ChecklistItem]:
    """Yield the links that were broken when a worker last checked them."""
    for entry, card, url, check in link_check.broken_links(seen.issue, seen.front):
        where = f"“{card['title']}”" if entry else "the intro"
        is_own = check.is_dead and (entry is None or not entry.paper_id)
        how = "leads nowhere" if check.is_dead else "could not be opened"
        what, level = f"A link of {where} {how} ({url}).", STOPS if is_own else WARNS
        meaning = f"{check.trouble} Readers would see that."
        yield ChecklistItem(level, what, meaning, "Fix or remove it.", entry.pk if entry else None)


Check = Callable[[IssueFront], Iterator[ChecklistItem]]
CHECKS: tuple[Check, ...] = (
    check_front,
    check_subject,
    check_headers,
    check_notes,
    check_summaries,
    check_length,
    check_repeats,
    check_links,
)

"""Publish issues. Publication stores a snapshot of each entry, which is what readers receive from then on."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q

from newsletter import clock
from newsletter.excerpt import brief
from newsletter.issues import draft as drafting
from newsletter.issues import markdown
from newsletter.issues.models import Issue, IssueEntry, comes_by_itself, cutoff_of
from newsletter.papers.community import proposals
from newsletter.papers.ingest.field_priority import is_shared_on_hugging_face
from newsletter.papers.models import Paper, Sighting, Source
from newsletter.papers.source_health import listings_line
from newsletter.papers.summary.summarize import first_lines, summarize
from newsletter.papers.trending import ranking
from newsletter.papers.trending.ranking import RankedPaper


class NothingToPublish(Exception):
    """The issue's front is empty. Nothing was changed."""


def publish_past_cutoff() -> list[Issue]:
    """Publish each draft past its cutoff; a draft without new papers moves to the next day."""
    published = []
    for issue in Issue.objects.past_cutoff().order_by("date"):
        drafting.draft_issue(issue.date)
        if not has_news():
            carry_over(issue)
        elif issue.entries.front().kept().papers().exists() and publish_due(issue):
            published.append(issue)
    return published


@transaction.atomic
def publish_due(issue: Issue) -> bool:
    """Publish a draft unless an editor has held it or moved its cutoff meanwhile."""
    due = Issue.objects.past_cutoff().select_for_update().filter(pk=issue.pk).first()
    return due is not None and publish(due)


def has_news() -> bool:
    """Return True if any paper is new since the last issue."""
    last = Issue.objects.exclude(published_at=None).order_by("-published_at").first()
    return last is None or Paper.objects.present().filter(first_seen_at__gt=last.published_at).exists()


@transaction.atomic
def carry_over(issue: Issue) -> None:
    """Move a draft with its edits to the next free day; does nothing if the issue is no longer a draft.

    If an editor has prepared an issue for a day in between, the draft is merged into that one.
    """
    draft = Issue.objects.select_for_update().filter(pk=issue.pk, status=Issue.Status.DRAFT).first()
    if draft is None:
        return
    later = {other.date: other for other in Issue.objects.filter(date__gt=draft.date)}
    day = max(draft.date, clock.today())
    while (day in later and not is_prepared(later[day])) or (day not in later and not is_free(day)):
        day += timedelta(days=1)
    if day in later:
        merge_draft(draft, later[day])
        return
    # Editors have not been mailed the draft of the new day.
    moved = {"date": day, "cutoff_at": cutoff_of(day), "draft_mailed_at": None}
    Issue.objects.filter(pk=draft.pk).update(**moved, revision=F("revision") + 1)


def is_prepared(issue: Issue) -> bool:
    return issue.is_open and issue.prepared_at is not None


def is_free(day: date) -> bool:
    """Return True if `day` publishes automatically and its cutoff is in the future."""
    return cutoff_of(day) > clock.now() and comes_by_itself(day)


def merge_draft(draft: Issue, into: Issue) -> None:
    """Move a draft's edited entries to the end of a prepared issue, and delete the draft."""
    there = {entry.paper_id: entry for entry in into.entries.exclude(paper=None)}
    place = max((entry.position for entry in into.entries.front()), default=0)
    for entry in filter(drafting.is_touched, draft.entries.front()):
        if other := there.get(entry.paper_id):
            drafting.copy_edits(entry, other)
            continue
        place += 1
        draft.entries.filter(pk=entry.pk).update(issue=into, position=place)
    into.intro, into.subject = into.intro or draft.intro, into.subject or draft.subject
    into.save(update_fields=["intro", "subject"])
    Issue.objects.filter(pk=into.pk).update(revision=F("revision") + 1)
    draft.delete()


@transaction.atomic
def publish(issue: Issue, by: AbstractBaseUser | None = None, revision: int | None = None) -> bool:
    """Publish an open issue and store its snapshots; return False if it is no longer open.

    With a `revision`, also return False if editors have changed it since. Raise NothingToPublish for an empty front.
    """
    issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
    if issue.is_open:
        drafting.follow_papers(issue)
    if not issue.entries.front().kept().papers().exists():
        raise NothingToPublish(f"The issue of {issue.date} has no paper on its front.")
    now = clock.now()
    facts: dict[str, Any] = {"listings": listings_of(issue)[:2000], "is_sample": has_sample_papers(issue)}
    as_seen = None if revision is None else Q(revision=revision)
    if not issue.move_to(Issue.Status.PUBLISHED, as_seen, published_at=now, curated_by=by, **facts):
        return False
    # An open page of the draft is now stale, so that a drop there cannot become permanent by accident.
    Issue.objects.filter(pk=issue.pk).update(revision=F("revision") + 1)
    record_picks(issue, now)
    ranking.record_day(issue.date, now)
    freeze(issue)
    return True


def record_picks(issue: Issue, now: datetime) -> None:
    """Record editors' picks as sightings of the source “Editors”, which the ranking reads."""
    picked = issue.entries.front().kept().papers().filter(is_pick=True).values_list("paper_id", flat=True)
    if not picked:
        return
    defaults = {"name": "Editors", "kind": Source.Kind.EDITORS}
    source, _ = Source.objects.get_or_create(url="editors:", defaults=defaults)
    Sighting.objects.bulk_create(
        [Sighting(paper_id=paper_id, source=source, seen_at=now, votes=1) for paper_id in picked],
        ignore_conflicts=True,
    )


def has_sample_papers(issue: Issue) -> bool:
    return issue.entries.front().kept().filter(paper__sightings__source__kind=Source.Kind.SAMPLE).exists()


def listings_of(issue: Issue) -> str:
    """Return one line naming the listings an issue contains right now, and those it lacks."""
    sources = Source.objects.listing().order_by("kind", "pk")
    return listings_line([source.health for source in sources], issue.date, clock.now()) if sources else ""


def freeze(issue: Issue) -> None:
    """Store the snapshot and final position of each entry."""
    entries = snapshot_entries(issue, (), ranking.words_of_day(issue.date))
    IssueEntry.objects.bulk_update(entries, ["snapshot", "position"], batch_size=500)


def snapshot_entries(issue: Issue, order: Iterable[RankedPaper], why: Mapping[int, str]) -> list[IssueEntry]:
    """Return the entries in order with unsaved snapshots; `order` supplies current scores, `why` ranking reasons."""
    figures = {row.paper_id: row for row in order}
    entries = front_first(issue.entries.select_related("paper").prefetch_related("paper__paper_topics__topic"))
    for place, entry in enumerate(entries, start=1):
        if entry.paper and (row := figures.get(entry.paper.pk)):
            entry.paper.votes, entry.paper.comments, entry.paper.score = (
                row.inputs.votes,
                row.inputs.comments,
                row.score,
            )
        entry.position = place
        entry.snapshot = snapshot_of(entry, why.get(entry.paper_id or 0, ""))
    return entries


def front_first(entries: Iterable[IssueEntry]) -> list[IssueEntry]:
    return sorted(entries, key=lambda entry: (entry.dropped_at is not None, entry.shelf, entry.position, entry.pk))


def snapshot_of(entry: IssueEntry, why: str = "") -> dict[str, Any]:
    """Return what readers see of an entry, as JSON values; `why` explains the paper's rank.

    An editor's summary is also stored as `markdown`, and the paper's own as `abstract`. A machine's is stored where
    readers are to see it, so that a change of the setting changes no published issue.
    """
    if entry.paper is None:
        return item_snapshot(entry)
    card = paper_snapshot(entry.paper) | {"why": why}
    return card | editor_text(entry.summary) | {"abstract": card["summary"]} if entry.summary.strip() else card


def editor_text(text: str) -> dict[str, str]:
    plain = markdown.to_text(text)
    return {"summary": plain, "brief": brief(plain), "markdown": text, "machine_summary": ""}


def item_snapshot(item: IssueEntry) -> dict[str, Any]:
    words = {"title": item.free_title, **editor_text(item.free_text), "url": item.free_url}
    none = dict.fromkeys(("pdf_url", "code_url", "project_url", "why"), "")
    none["proposed_by"] = proposals.proposer_of(item.free_url)
    figures = {"votes": 0, "comments": 0, "score": 0.0}
    return {**words, **none, **figures, "authors": [], "topics": [], "listed_on": item.issue.date.isoformat()}


def paper_snapshot(paper: Paper) -> dict[str, Any]:
    """Return what readers see of a paper, independent of its entry."""
    return {
        "title": paper.title,
        "summary": paper.abstract,
        "brief": summarize(paper.abstract, paper.title),
        "machine_summary": first_lines(paper.machine_summary) if settings.SHOW_MACHINE_SUMMARIES else "",
        "authors": paper.authors,
        "url": paper.url,
        "pdf_url": paper.pdf_url,
        "code_url": paper.code_url,
        "project_url": paper.project_url,
        "topics": [
            {"slug": row.topic.slug, "name": row.topic.name, "fit": row.fit, "evidence": row.evidence}
            for row in sorted(paper.paper_topics.all(), key=lambda row: row.topic.name)
        ],
        "votes": paper.votes,
        "comments": paper.comments,
        "score": paper.score,
        "proposed_by": paper.proposed_by,
        "shared_on": "Hugging Face" if is_shared_on_hugging_face(paper) else "",
        "listed_on": paper.listed_on.isoformat(),
    }

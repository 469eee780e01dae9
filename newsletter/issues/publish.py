"""The step that freezes an issue: from here on it is what readers get."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q

from newsletter import clock
from newsletter.excerpt import brief
from newsletter.issues import draft as drafting
from newsletter.issues import markdown
from newsletter.issues.models import Issue, IssueEntry, comes_by_itself, cutoff_of
from newsletter.papers.community import proposals
from newsletter.papers.models import Paper, Sighting, Source
from newsletter.papers.source_health import listings_line
from newsletter.papers.summary.summarize import summarize
from newsletter.papers.trending import ranking
from newsletter.papers.trending.ranking import Ranked


class NothingToPublish(Exception):
    """The issue's front is empty. It is as it was."""


def publish_past_cutoff() -> list[Issue]:
    """Publish each draft whose cutoff has passed; one with nothing new since the last issue moves a day on."""
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
    """Publish a draft, unless an editor held it or set another cutoff meanwhile."""
    due = Issue.objects.past_cutoff().select_for_update().filter(pk=issue.pk).first()
    return due is not None and publish(due)


def has_news() -> bool:
    """Say whether a paper was seen for the first time since the last issue."""
    last = Issue.objects.exclude(published_at=None).order_by("-published_at").first()
    return last is None or Paper.objects.present().filter(first_seen_at__gt=last.published_at).exists()


@transaction.atomic
def carry_over(issue: Issue) -> None:
    """Move a draft, with what editors did to it, to the next free day; an issue that is no draft by now stays.

    Where an editor prepared an issue for a day on the way, it goes into that one.
    """
    draft = Issue.objects.select_for_update().filter(pk=issue.pk, status=Issue.Status.DRAFT).first()
    if draft is None:
        return
    later = {other.date: other for other in Issue.objects.filter(date__gt=draft.date)}
    day = max(draft.date, clock.today())
    while (day in later and not is_prepared(later[day])) or (day not in later and not is_free(day)):
        day += timedelta(days=1)
    if day in later:
        join(draft, later[day])
        return
    # Of another day's draft editors have not heard yet.
    moved = {"date": day, "cutoff_at": cutoff_of(day), "draft_mailed_at": None}
    Issue.objects.filter(pk=draft.pk).update(**moved, revision=F("revision") + 1)


def is_prepared(issue: Issue) -> bool:
    return issue.is_open and issue.prepared_at is not None


def is_free(day: date) -> bool:
    """Say whether a draft may move to a day that has no issue: its cutoff is to come, and it may come by itself."""
    return cutoff_of(day) > clock.now() and comes_by_itself(day)


def join(draft: Issue, into: Issue) -> None:
    """Put what editors did to a draft into a prepared issue, below what stands there; the draft is no more."""
    there = {entry.paper_id: entry for entry in into.entries.exclude(paper=None)}
    place = max((entry.position for entry in into.entries.front()), default=0)
    for entry in filter(drafting.is_touched, draft.entries.front()):
        if other := there.get(entry.paper_id):
            drafting.take_over(entry, other)
            continue
        place += 1
        draft.entries.filter(pk=entry.pk).update(issue=into, position=place)
    into.intro, into.subject = into.intro or draft.intro, into.subject or draft.subject
    into.save(update_fields=["intro", "subject"])
    Issue.objects.filter(pk=into.pk).update(revision=F("revision") + 1)
    draft.delete()


@transaction.atomic
def publish(issue: Issue, by: AbstractBaseUser | None = None, revision: int | None = None) -> bool:
    """Publish an open issue and freeze its entries; return False where it is not open any more.

    With a `revision`, return False too where editors have changed it since. Raise NothingToPublish for an empty front.
    """
    issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
    if issue.is_open:
        drafting.follow_papers(issue)
    if not issue.entries.front().kept().papers().exists():
        raise NothingToPublish(f"The issue of {issue.date} has no paper on its front.")
    now = clock.now()
    facts: dict[str, Any] = {"listings": listings_of(issue)[:2000], "is_sample": holds_sample(issue)}
    as_seen = None if revision is None else Q(revision=revision)
    if not issue.move_to(Issue.Status.PUBLISHED, as_seen, published_at=now, curated_by=by, **facts):
        return False
    # Whoever has the draft's page before them is told, before a drop that cannot be taken back.
    Issue.objects.filter(pk=issue.pk).update(revision=F("revision") + 1)
    note_picks(issue, now)
    ranking.record_day(issue.date, now)
    freeze(issue)
    return True


def note_picks(issue: Issue, now: datetime) -> None:
    """Let the ranking see what editors picked, as a sighting of a source of their own."""
    picked = issue.entries.front().kept().papers().filter(is_pick=True).values_list("paper_id", flat=True)
    if not picked:
        return
    defaults = {"name": "Editors", "kind": Source.Kind.EDITORS}
    source, _ = Source.objects.get_or_create(url="editors:", defaults=defaults)
    Sighting.objects.bulk_create(
        [Sighting(paper_id=paper_id, source=source, seen_at=now, votes=1) for paper_id in picked],
        ignore_conflicts=True,
    )


def holds_sample(issue: Issue) -> bool:
    return issue.entries.front().kept().filter(paper__sightings__source__kind=Source.Kind.SAMPLE).exists()


def listings_of(issue: Issue) -> str:
    """Say in one line which listings an issue holds as things stand, and which it lacks."""
    sources = Source.objects.listing().order_by("kind", "pk")
    return listings_line([source.health for source in sources], issue.date, clock.now()) if sources else ""


def freeze(issue: Issue) -> None:
    """Write into each entry what its paper says and counts now."""
    entries = frozen(issue, (), ranking.words_of(issue.date))
    IssueEntry.objects.bulk_update(entries, ["snapshot", "position"], batch_size=500)


def frozen(issue: Issue, order: Iterable[Ranked], why: Mapping[int, str]) -> list[IssueEntry]:
    """Return the entries in their order, each with its snapshot, unsaved; `order` brings their papers up to date."""
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
    """Return what readers see of an entry, as plain JSON values; `why` says what ranks its paper.

    Where an editor wrote the summary, it is kept as Markdown too, and the paper's own is the `abstract`.
    """
    if entry.paper is None:
        return free_card(entry)
    card = card_of(entry.paper) | {"why": why}
    return card | written(entry.summary) | {"abstract": card["summary"]} if entry.summary.strip() else card


def written(text: str) -> dict[str, str]:
    plain = markdown.to_text(text)
    return {"summary": plain, "brief": brief(plain), "markdown": text}


def free_card(item: IssueEntry) -> dict[str, Any]:
    words = {"title": item.free_title, **written(item.free_text), "url": item.free_url}
    none = dict.fromkeys(("pdf_url", "code_url", "project_url", "why"), "")
    none["proposed_by"] = proposals.proposer_of(item.free_url)
    figures = {"votes": 0, "comments": 0, "score": 0.0}
    return {**words, **none, **figures, "authors": [], "topics": [], "listed_on": item.issue.date.isoformat()}


def card_of(paper: Paper) -> dict[str, Any]:
    """Return what readers see of a paper wherever it stands."""
    return {
        "title": paper.title,
        "summary": paper.abstract,
        "brief": summarize(paper.abstract, paper.title),
        "authors": paper.authors,
        "url": paper.url,
        "pdf_url": paper.pdf_url,
        "code_url": paper.code_url,
        "project_url": paper.project_url,
        "topics": [
            {"slug": row.topic.slug, "name": row.topic.name, "evidence": row.evidence}
            for row in sorted(paper.paper_topics.all(), key=lambda row: row.topic.name)
        ],
        "votes": paper.votes,
        "comments": paper.comments,
        "score": paper.score,
        "proposed_by": paper.proposed_by,
        "listed_on": paper.listed_on.isoformat(),
    }

"""Create and refresh open issues: the front by score, the shelf by topic."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BigIntegerField, Case, Count, Exists, F, Max, OuterRef, Q, Value, When

from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, comes_by_itself, cutoff_of
from newsletter.papers.forecast import forecasts
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, PaperQuerySet, Proposal, Sighting, Source
from newsletter.papers.trending import ranking

# The size of a front without any evidence: enough papers for a page, too few to look like a list of what trends.
FRONT_WITHOUT_EVIDENCE = 5
ARXIV = (Source.Kind.ARXIV, Source.Kind.ARXIV_API)
OUR_OWN = (Source.Kind.EDITORS, Source.Kind.READERS, Source.Kind.FORECAST)


def draft_next_issue(front_size: int | None = None) -> Issue:
    """Create or refresh the next open issue."""
    return draft_issue(next_date(), front_size)


def next_date() -> date:
    """Return the date of the next open issue; an issue prepared for a later day waits for its day."""
    ahead = Issue.objects.open().filter(date__gte=clock.today()).order_by("date")
    drafted = ahead.filter(prepared_at=None).first()
    prepared = ahead.exclude(prepared_at=None).first()
    if prepared is None:
        return drafted.date if drafted else next_day()
    # Today's draft may have been merged into the prepared issue; do not create it again after its cutoff.
    return min(drafted.date if drafted else next_day(clock.now()), prepared.date)


def next_day(after: datetime | None = None) -> date:
    """Return the first day from today without an issue that publishes automatically, with a cutoff after `after`."""
    day = clock.today()
    taken = set(Issue.objects.filter(date__gte=day).values_list("date", flat=True))
    while day in taken or not comes_by_itself(day) or (after and cutoff_of(day) <= after):
        day += timedelta(days=1)
    return day


def draft_issue(day: date, front_size: int | None = None) -> Issue:
    """Create or refresh the draft of `day`; leave a published issue alone. Safe to repeat.

    The front of a new draft has up to `front_size` papers, by default ISSUE_FRONT_SIZE.
    """
    size = front_size or settings.ISSUE_FRONT_SIZE
    issue, _ = Issue.objects.get_or_create(date=day, defaults={"cutoff_at": cutoff_of(day), "front_size": size})
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=issue.pk)
        if issue.is_open:
            before = papers_on_front(issue)
            follow_papers(issue)
            if issue.prepared_at:
                keep_prepared_entries(issue)
            refresh_front(issue)
            refresh_shelf(issue)
            if papers_on_front(issue) != before:  # makes open pages of editors stale
                Issue.objects.filter(pk=issue.pk).update(revision=F("revision") + 1)
    return issue


def keep_prepared_entries(issue: Issue) -> None:
    """Pin the entries of a prepared issue; from now on it is filled like any other issue."""
    issue.entries.front().update(is_placed=True)
    issue.prepared_at = None
    issue.save(update_fields=["prepared_at"])


def papers_on_front(issue: Issue) -> list[tuple[int, int | None]]:
    """Return (entry id, paper id) of the front in order."""
    return list(issue.entries.front().values_list("pk", "paper_id"))


def follow_papers(issue: Issue) -> None:
    """Update the entries of an open issue after their papers were merged, unmerged or withdrawn."""
    entries = {entry: entry.came_as_id or entry.paper_id for entry in issue.entries.exclude(paper=None)}
    heirs = duplicates.merge_targets(pk for pk in entries.values() if pk)
    for entry, stood_for in entries.items():
        heir = heirs.get(stood_for, stood_for) if stood_for else None
        if heir and heir != entry.paper_id:
            assign_paper(entry, heir, came_as=None if heir == stood_for else stood_for)
    held = Paper.objects.filter(entries__issue=issue)
    withdrawn = list(held.exclude(withdrawn_at=None).values_list("pk", flat=True))
    issue.entries.filter(paper__in=withdrawn).delete()


def assign_paper(entry: IssueEntry, paper_id: int, came_as: int | None) -> None:
    """Assign an entry to another paper; if that paper has an entry, move the edits there and delete this one."""
    taken = Q(issue=entry.issue_id) | Q(shelf=IssueEntry.Shelf.FRONT, dropped_at=None)
    if entry.shelf == IssueEntry.Shelf.SHELF:
        taken |= Q(shelf=IssueEntry.Shelf.SHELF)
    others = IssueEntry.objects.filter(taken, paper=paper_id)
    if not others.exists():
        entry.paper_id, entry.came_as_id = paper_id, came_as
        entry.save(update_fields=["paper", "came_as"])
        return
    for other in others.filter(issue=entry.issue_id):
        copy_edits(entry, other)
    entry.delete()


def copy_edits(entry: IssueEntry, other: IssueEntry) -> None:
    """Copy an editor's changes from `entry` to `other`, without overwriting its own."""
    other.is_pick, other.is_placed = other.is_pick or entry.is_pick, other.is_placed or entry.is_placed
    other.summary = other.summary or entry.summary
    if not other.note:
        other.note, other.note_is_draft = entry.note, entry.note_is_draft
    other.save(update_fields=["is_pick", "is_placed", "summary", "note", "note_is_draft"])


def refresh_front(issue: Issue) -> None:
    """Fill the front by score. Entries that an editor arranged keep their order; new papers go below.

    Papers that stay keep their entry rows, whose ids are in editors' open pages.
    """
    entries = list(issue.entries.front())
    kept = [entry for entry in entries if issue.arranged_at or is_touched(entry)]
    # Free the papers on this issue's shelf for its front.
    issue.entries.filter(shelf=IssueEntry.Shelf.SHELF).delete()
    fill_front(issue, kept, {entry.paper_id: entry for entry in entries if entry not in kept})


def fill_front(issue: Issue, kept: list[IssueEntry], loose: dict[int | None, IssueEntry]) -> None:
    """Add the best papers to a front next to the `kept` entries; reuse or delete the `loose` ones."""
    free = issue.front_size - sum(entry.dropped_at is None for entry in kept)
    taken = [entry.paper_id for entry in kept if entry.paper_id]
    has_paper = any(entry.dropped_at is None and entry.paper_id for entry in kept)
    papers = papers_for_front(issue.date, taken, max(free, 0), may_be_bare=not has_paper)
    rows = [loose.pop(paper.pk) if paper.pk in loose else IssueEntry(issue=issue, paper=paper) for paper in papers]
    start = max((entry.position for entry in kept), default=0) if issue.arranged_at else 0
    for number, row in enumerate(rows, start=start + 1):
        row.position = number
    IssueEntry.objects.filter(pk__in=[entry.pk for entry in loose.values()]).delete()
    IssueEntry.objects.bulk_update([row for row in rows if row.pk], ["position"])
    IssueEntry.objects.bulk_create([row for row in rows if not row.pk])


def is_touched(entry: IssueEntry) -> bool:
    """Return True if an editor has changed this entry."""
    words = entry.note or entry.summary or entry.free_title
    return bool(entry.dropped_at or entry.is_pick or entry.is_placed or words)


def papers_for_front(day: date, taken: Sequence[int], most: int, *, may_be_bare: bool) -> list[Paper]:
    """Return up to `most` papers with evidence for a front, best first.

    If no paper has evidence and `may_be_bare` is set, return a few without: of those that are new and fit a topic
    well, the ones with the best forecast. An issue cannot be published without a paper on its front. On a Saturday,
    when nothing is new, the front stays empty: Friday's leftovers make no issue.
    """
    papers = candidates(day).exclude(pk__in=taken)
    found = list(with_evidence(papers)[:most])
    if found or not may_be_bare:
        return found
    return list(seen_since_last_issue(papers).fitting_first()[: min(most, FRONT_WITHOUT_EVIDENCE)])


def seen_since_last_issue(papers: PaperQuerySet) -> PaperQuerySet:
    """Keep the papers that no editor and no reader can have met before: all where no issue was published yet."""
    last = Issue.objects.exclude(published_at=None).aggregate(last=Max("published_at"))["last"]
    return papers.filter(first_seen_at__gt=last) if last else papers


def candidates(day: date) -> PaperQuerySet:
    """Return the papers of the last listing days that have not been on another front, best first."""
    days = Paper.objects.present().filter(listed_on__lte=day).order_by("-listed_on")
    recent = list(days.values_list("listed_on", flat=True).distinct()[: ranking.FRONT_DAYS])
    led = IssueEntry.objects.front().kept().exclude(issue__date=day).filter(paper__listed_on__in=recent)
    # A list of a few hundred ids, because the planner chooses badly for a subquery.
    had = [*led.values_list("paper_id", flat=True), *papers_shown_as_twins(min(recent, default=day))]
    return Paper.objects.present().filter(listed_on__in=recent).exclude(pk__in=had).rising()


def with_evidence(papers: PaperQuerySet) -> PaperQuerySet:
    """Keep the papers with evidence: a vote, mentions by two sources, a proposal or one of the day’s best forecasts.

    An editor's pick needs none: entries that an editor touched stay on the front whatever their score.
    """
    proposed = Exists(Proposal.objects.filter(paper=OuterRef("pk")).exclude(status=Proposal.Status.DECLINED))
    best_tenth = forecasts.best_tenth_of_days(set(papers.order_by().values_list("listed_on", flat=True).distinct()))
    mentioned = Q(pk__in=papers_mentioned_twice(papers)) | Q(proposed)
    return papers.filter(Q(votes__gt=0) | mentioned | Q(pk__in=best_tenth))


def papers_mentioned_twice(papers: PaperQuerySet) -> list[int]:
    """Return the ids of papers that two sources mention. arXiv's listings count as one; readers and editors do not."""
    seen = Sighting.objects.filter(paper__in=papers.order_by().values("pk")).exclude(source__kind__in=OUR_OWN)
    listings_as_one = When(source__kind__in=ARXIV, then=Value(0))
    one_source = Case(listings_as_one, default=F("source_id"), output_field=BigIntegerField())
    counted = seen.values("paper").annotate(sources=Count(one_source, distinct=True))
    return list(counted.filter(sources__gt=1).values_list("paper", flat=True))


def papers_shown_as_twins(since: date) -> list[int]:
    """Return the ids of papers that readers saw as a merged duplicate: one listed since `since` was in an issue."""
    merged = list(Paper.objects.exclude(merged_into=None).filter(listed_on__gte=since).values_list("pk", flat=True))
    shown = IssueEntry.objects.kept().filter(paper__in=merged).values_list("paper_id", flat=True)
    return list(duplicates.merge_targets(shown).values()) if merged else []


# Arrays are always hashed; in a new database the planner has no statistics to choose a hash join.
FILL_SHELF = """
INSERT INTO issues_issueentry (issue_id, paper_id, shelf, position, is_pick, note, snapshot)
SELECT %(issue)s, paper.id, 'shelf', row_number() OVER (
           ORDER BY paper.score DESC,
                    (SELECT max(topic.fit) FROM papers_papertopic topic WHERE topic.paper_id = paper.id) DESC,
                    md5(paper.key)), false, '', '{}'
FROM papers_paper paper
WHERE paper.listed_on <= %(day)s AND paper.listed_on > %(since)s
  AND paper.withdrawn_at IS NULL AND paper.merged_into_id IS NULL
  AND paper.id = ANY (ARRAY(SELECT topic.paper_id FROM papers_papertopic topic
                            WHERE topic.paper_id >= (SELECT min(id) FROM papers_paper WHERE listed_on > %(since)s)))
  AND paper.id <> ALL (ARRAY(SELECT entry.paper_id FROM issues_issueentry entry
                             WHERE entry.paper_id >= (SELECT min(id) FROM papers_paper WHERE listed_on > %(since)s)))
  AND paper.id <> ALL (%(shown)s)
ON CONFLICT DO NOTHING
"""


def refresh_shelf(issue: Issue) -> None:
    """Fill the shelf with recently listed papers that have a topic and are in no issue."""
    issue.entries.filter(shelf=IssueEntry.Shelf.SHELF).delete()
    since = issue.date - timedelta(days=ranking.FRONT_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            FILL_SHELF, {"issue": issue.pk, "day": issue.date, "since": since, "shown": papers_shown_as_twins(since)}
        )

"""The step from a source's answer to rows: papers, their topics and what was seen of them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from newsletter import clock
from newsletter.papers import bulk, merging, topics
from newsletter.papers.findings import Finding
from newsletter.papers.models import Alias, Paper, Sighting, Source

ONE_AT_A_TIME = 7_301_001  # advisory lock: two answers that hold the same paper wait for each other
MAX_KEY = 500
COLUMNS = (
    "title", "abstract", "authors", "categories", "primary_category", "version", "url", "code_url", "project_url",
    "proposed_by", "listed_on", "withdrawn_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ingested:
    """How many papers of an answer were new, and how many changed."""

    new: int
    changed: int


@transaction.atomic
def ingest(source: Source, findings: tuple[Finding, ...]) -> Ingested:
    """Store `findings`: new papers, changed fields, changed figures. The same answer twice changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
    known = papers_by_key({finding.key for finding in findings})
    new = add_new(findings, known)
    changed = update_known(source, findings, known)
    topics.tag([*new, *changed])
    record_sightings(source, findings, known | {paper.key: paper for paper in new})
    return Ingested(len(new), len(changed))


def papers_by_key(keys: set[str]) -> dict[str, Paper]:
    """Return the known papers of `keys`, also where a key is an alias or its paper was merged into another."""
    papers = {paper.key: paper for paper in Paper.objects.filter(key__in=keys).select_related("merged_into")}
    for alias in Alias.objects.filter(key__in=keys - papers.keys()).select_related("paper__merged_into"):
        papers[alias.key] = alias.paper
    return {key: paper.merged_into or paper for key, paper in papers.items()}


def add_new(findings: tuple[Finding, ...], known: dict[str, Paper]) -> list[Paper]:
    today, papers = clock.today(), {}
    for finding in findings:
        # A replacement of a paper that was never listed here is old news.
        if finding.key not in known and finding.key not in papers and can_begin(finding):
            fields = merging.first_fields(finding, today)
            papers[finding.key] = Paper(key=finding.key, first_seen_at=clock.now(), **fields)
    bulk.insert(papers.values())
    return list(papers.values())


def can_begin(finding: Finding) -> bool:
    """Say whether a paper may be first known by this: a replacement is old news, a bare link has no title."""
    is_named = bool(finding.title) and len(finding.key) <= MAX_KEY
    return is_named and not finding.withdrawn and not finding.announce.startswith("replace")


def update_known(source: Source, findings: tuple[Finding, ...], known: dict[str, Paper]) -> list[Paper]:
    today, changed = clock.today(), {}
    for finding in findings:
        if (paper := known.get(finding.key)) is None:
            continue
        fields = merging.changed_fields(vars(paper), finding, source.kind, today)
        if finding.withdrawn and paper.withdrawn_at is None:
            fields["withdrawn_at"] = clock.now()
        for name, value in fields.items():
            setattr(paper, name, value)
        if fields:
            changed[paper.pk] = paper
    bulk.update(changed.values(), COLUMNS)
    return list(changed.values())


def record_sightings(source: Source, findings: tuple[Finding, ...], papers: dict[str, Paper]) -> None:
    """Write what this source shows where it differs from what it showed last; describing a paper is no sighting."""
    if source.kind == Source.Kind.ARXIV_API:
        return
    shown = {papers[f.key].pk: (f.votes, f.comments, f.stars, f.rank) for f in findings if f.key in papers}
    before = last_shown(source, set(shown))
    now: datetime = clock.now()
    changed = [
        Sighting(paper_id=pk, source=source, seen_at=now, votes=votes, comments=comments, stars=stars, rank=rank)
        for pk, (votes, comments, stars, rank) in shown.items()
        if before.get(pk) != (votes, comments, stars)
    ]
    bulk.insert(changed, ignore_conflicts=True)


def last_shown(source: Source, paper_ids: set[int]) -> dict[int, tuple[int | None, int | None, int | None]]:
    rows = (
        Sighting.objects.filter(source=source, paper_id__in=paper_ids)
        .order_by("paper_id", F("seen_at").desc())
        .distinct("paper_id")
        .values_list("paper_id", "votes", "comments", "stars")
    )
    return {paper_id: (votes, comments, stars) for paper_id, votes, comments, stars in rows}

"""Store the findings of a source: papers, their topics and sightings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from newsletter import clock
from newsletter.papers import bulk_rows, paper_key
from newsletter.papers.ingest import duplicates, field_priority
from newsletter.papers.models import Alias, Paper, Sighting, Source
from newsletter.papers.papers_lock import wait_for_papers_lock
from newsletter.papers.sources.finding import Finding
from newsletter.papers.topics import tagging

MAX_KEY = MAX_URL = 500  # characters their columns hold

Figures = tuple[int | None, int | None, int | None]  # votes, comments, stars


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How many papers were new, and how many changed."""

    new: int
    changed: int


@transaction.atomic
def store_findings(source: Source, findings: tuple[Finding, ...]) -> StoreCounts:
    """Store `findings`: new papers, changed fields, changed figures. Safe to repeat."""
    wait_for_papers_lock()
    known = papers_by_key(keys_of(findings))
    new = new_papers(findings, known)
    known |= new
    changed = apply_findings(source, findings, known)
    bulk_rows.insert(new.values())
    bulk_rows.update([paper for paper in changed if paper.own is None], field_priority.SOURCED_FIELDS)
    merged_count = link_dois(findings, known)
    tagging.tag(paper for paper in [*new.values(), *changed] if paper.merged_into_id is None)
    record_sightings(source, findings, known)
    return StoreCounts(len(new) - merged_count, len(changed))


def keys_of(findings: Iterable[Finding]) -> set[str]:
    return {finding.key for finding in findings} | {key for finding in findings if (key := doi_key(finding))}


def doi_key(finding: Finding) -> str:
    """Return the key of a finding's DOI, "" where it has none or that is its key already."""
    key = paper_key.key_of(finding.doi) if finding.doi else None
    return key if key and key.startswith("doi:") and key != finding.key and len(key) <= MAX_KEY else ""


def papers_by_key(keys: set[str]) -> dict[str, Paper]:
    """Return {key: paper} for `keys`, also by alias. Each row is one object, also as `merged_into` of others."""
    papers = {paper.key: paper for paper in Paper.objects.filter(key__in=keys)}
    by_id = {paper.pk: paper for paper in papers.values()}
    for alias in Alias.objects.filter(key__in=keys - papers.keys()).select_related("paper"):
        papers[alias.key] = by_id.setdefault(alias.paper_id, alias.paper)
    while missing := {p.merged_into_id for p in by_id.values() if p.merged_into_id} - by_id.keys():
        by_id |= Paper.objects.in_bulk(missing)
    for paper in by_id.values():
        if paper.merged_into_id:
            paper.merged_into = by_id[paper.merged_into_id]
    return papers


def new_papers(findings: Iterable[Finding], known: dict[str, Paper]) -> dict[str, Paper]:
    """Return {key: paper} of blank, unsaved papers for the findings whose key is not known."""
    now = clock.now()
    keys = dict.fromkeys(f.key for f in findings if f.key not in known and can_start_paper(f))
    return {key: Paper(key=key, url=paper_key.abs_url(key), first_seen_at=now, listed_on=now.date()) for key in keys}


def can_start_paper(finding: Finding) -> bool:
    """Return whether a finding may create a paper: not a replacement or withdrawal, and not a link without a title."""
    is_news = not finding.withdrawn and not finding.announce.startswith("replace")
    is_storable = len(finding.key) <= MAX_KEY and 0 < len(paper_key.abs_url(finding.key)) <= MAX_URL
    return is_news and is_storable and bool(finding.title)


def apply_findings(source: Source, findings: Iterable[Finding], known: dict[str, Paper]) -> list[Paper]:
    """Apply `findings` to papers in memory; return the stored ones that change. Merged papers are saved here."""
    now, changed = clock.now(), dict[int, Paper]()
    for finding in findings:
        if (paper := known.get(finding.key)) is None:
            continue
        said = field_priority.fields_of_finding(finding, source.kind, now)
        if paper.merged_into_id or paper.own:
            own = duplicates.own_fields(paper)
            found = duplicates.store_own_fields(paper, own | field_priority.join_fields(own, said))
        else:
            found = [paper] if apply_fields(paper, said) else []
        changed |= {place.pk: place for place in found if place.pk}
    return list(changed.values())


def apply_fields(paper: Paper, said: field_priority.Fields) -> bool:
    """Join `said` to the columns of `paper`; return whether one changes."""
    known = vars(paper)
    changed = {name: value for name, value in field_priority.join_fields(known, said).items() if value != known[name]}
    for name, value in changed.items():
        setattr(paper, name, value)
    return bool(changed)


def link_dois(findings: Iterable[Finding], known: dict[str, Paper]) -> int:
    """Make the DOIs in `findings` aliases of their papers; return how many papers were merged for that."""
    count = 0
    for finding in findings:
        key, paper = doi_key(finding), known.get(finding.key)
        if not key or paper is None:
            continue
        other = known.get(key)
        if other is None:
            Alias.objects.create(key=key, paper=paper)
            known[key] = paper
        elif other.key == key and is_free(other) and (left := paper.line()[-1]) != other:
            duplicates.merge(other, left)
            count += 1
    return count


def is_free(paper: Paper) -> bool:
    """Return whether a paper may be merged by its DOI: it is not merged, and no editor split it."""
    return paper.merged_into_id is None and not paper.stands_alone


def record_sightings(source: Source, findings: Iterable[Finding], known: dict[str, Paper]) -> None:
    """Write a sighting where the source shows other figures than last time. A description by arXiv's API is none."""
    if source.kind == Source.Kind.ARXIV_API:
        return
    shown = best_findings(findings, known)
    before, now = last_figures(source, set(shown)), clock.now()
    rows = [
        sighting_of(finding, paper_id=paper_id, came_as_id=came_as_id, source=source, seen_at=now)
        for paper_id, (came_as_id, finding) in shown.items()
        if before.get((paper_id, came_as_id)) != figures_of(finding)
    ]
    bulk_rows.insert(rows, ignore_conflicts=True)


def sighting_of(finding: Finding, **place: Any) -> Sighting:
    votes, comments, stars = figures_of(finding)
    return Sighting(**place, votes=votes, comments=comments, stars=stars, rank=finding.rank)


def best_findings(findings: Iterable[Finding], known: dict[str, Paper]) -> dict[int, tuple[int | None, Finding]]:
    """Return {surviving paper's id: (merged paper's id or None, finding)}; the most voted of several counts."""
    shown: dict[int, tuple[int | None, Finding]] = {}
    for finding in findings:
        if (paper := known.get(finding.key)) is None:
            continue
        left = paper.line()[-1].pk
        if left not in shown or votes_and_key(finding) > votes_and_key(shown[left][1]):
            shown[left] = (paper.pk if paper.merged_into_id else None, finding)
    return shown


def votes_and_key(finding: Finding) -> tuple[int, str]:
    return finding.votes or 0, finding.key


def figures_of(finding: Finding) -> Figures:
    return finding.votes, finding.comments, finding.stars


def last_figures(source: Source, paper_ids: set[int]) -> dict[tuple[int, int | None], Figures]:
    """Return {(paper id, came_as id): figures} of the newest sightings of `source`."""
    rows = (
        Sighting.objects.filter(source=source, paper_id__in=paper_ids)
        .order_by("paper_id", "came_as_id", F("seen_at").desc())
        .distinct("paper_id", "came_as_id")
        .values_list("paper_id", "came_as_id", "votes", "comments", "stars")
    )
    return {(paper_id, came_as_id): (votes, comments, stars) for paper_id, came_as_id, votes, comments, stars in rows}

"""The step from a source's answer to rows: papers, their topics and what was seen of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from newsletter import clock
from newsletter.papers import bulk_rows, paper_key
from newsletter.papers.ingest import duplicates, field_priority
from newsletter.papers.models import Alias, Paper, Sighting, Source
from newsletter.papers.papers_lock import take_turn
from newsletter.papers.sources.finding import Finding
from newsletter.papers.topics import tagging

MAX_KEY = MAX_URL = 500  # characters their columns hold

Figures = tuple[int | None, int | None, int | None]  # votes, comments, stars


@dataclass(frozen=True, slots=True)
class Ingested:
    """How many papers of an answer were new, and how many changed."""

    new: int
    changed: int


@transaction.atomic
def ingest(source: Source, findings: tuple[Finding, ...]) -> Ingested:
    """Store `findings`: new papers, changed fields, changed figures. The same answer twice changes nothing."""
    take_turn()
    known = papers_by_key(keys_of(findings))
    new = begun_by(findings, known)
    known |= new
    changed = learn(source, findings, known)
    bulk_rows.insert(new.values())
    bulk_rows.update([paper for paper in changed if paper.own is None], field_priority.MERGED)
    merged_count = link_dois(findings, known)
    tagging.tag(paper for paper in [*new.values(), *changed] if paper.merged_into_id is None)
    record_sightings(source, findings, known)
    return Ingested(len(new) - merged_count, len(changed))


def keys_of(findings: Iterable[Finding]) -> set[str]:
    return {finding.key for finding in findings} | {key for finding in findings if (key := doi_key(finding))}


def doi_key(finding: Finding) -> str:
    """Return the key of a finding's DOI, "" where it has none beside its key."""
    key = paper_key.key_of(finding.doi) if finding.doi else None
    return key if key and key.startswith("doi:") and key != finding.key and len(key) <= MAX_KEY else ""


def papers_by_key(keys: set[str]) -> dict[str, Paper]:
    """Return the papers known by `keys` and aliases. Each paper, and what it was merged into, is one object."""
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


def begun_by(findings: Iterable[Finding], known: dict[str, Paper]) -> dict[str, Paper]:
    """Return the papers that `findings` begin, by their keys: blank, and not stored yet."""
    now = clock.now()
    keys = dict.fromkeys(f.key for f in findings if f.key not in known and can_begin(f))
    return {key: Paper(key=key, url=paper_key.abs_url(key), first_seen_at=now, listed_on=now.date()) for key in keys}


def can_begin(finding: Finding) -> bool:
    """Say whether a paper may be first known by this: a replacement is old news, a bare link has no title."""
    is_news = not finding.withdrawn and not finding.announce.startswith("replace")
    is_storable = len(finding.key) <= MAX_KEY and 0 < len(paper_key.abs_url(finding.key)) <= MAX_URL
    return is_news and is_storable and bool(finding.title)


def learn(source: Source, findings: Iterable[Finding], known: dict[str, Paper]) -> list[Paper]:
    """Take in what `findings` say; return the stored papers they change. What hangs together by merging is stored."""
    now, changed = clock.now(), dict[int, Paper]()
    for finding in findings:
        if (paper := known.get(finding.key)) is None:
            continue
        said = field_priority.offered(finding, source.kind, now)
        if paper.merged_into_id or paper.own:
            own = duplicates.own_of(paper)
            found = duplicates.settle(paper, own | field_priority.joined(own, said))
        else:
            found = [paper] if take_in(paper, said) else []
        changed |= {place.pk: place for place in found if place.pk}
    return list(changed.values())


def take_in(paper: Paper, said: field_priority.Fields) -> bool:
    """Join what is said of a paper to its columns; return whether one changes."""
    known = vars(paper)
    changed = {name: value for name, value in field_priority.joined(known, said).items() if value != known[name]}
    for name, value in changed.items():
        setattr(paper, name, value)
    return bool(changed)


def link_dois(findings: Iterable[Finding], known: dict[str, Paper]) -> int:
    """Let the DOIs that `findings` bear lead to their papers; return how many papers were merged for that."""
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
    """Say whether a paper may be merged by its DOI: nobody has merged or split it."""
    return paper.merged_into_id is None and not paper.stands_alone


def record_sightings(source: Source, findings: Iterable[Finding], known: dict[str, Paper]) -> None:
    """Write what this source shows where it differs from what it showed last; describing a paper is no sighting."""
    if source.kind == Source.Kind.ARXIV_API:
        return
    shown = shown_in(findings, known)
    before, now = last_shown(source, set(shown)), clock.now()
    rows = [
        sighting_of(finding, paper_id=paper_id, came_as_id=came_as_id, source=source, seen_at=now)
        for paper_id, (came_as_id, finding) in shown.items()
        if before.get((paper_id, came_as_id)) != figures_of(finding)
    ]
    bulk_rows.insert(rows, ignore_conflicts=True)


def sighting_of(finding: Finding, **place: Any) -> Sighting:
    votes, comments, stars = figures_of(finding)
    return Sighting(**place, votes=votes, comments=comments, stars=stars, rank=finding.rank)


def shown_in(findings: Iterable[Finding], known: dict[str, Paper]) -> dict[int, tuple[int | None, Finding]]:
    """Return what is shown of each paper, by its id, and the id of the merged one it came as; the most votes count."""
    shown: dict[int, tuple[int | None, Finding]] = {}
    for finding in findings:
        if (paper := known.get(finding.key)) is None:
            continue
        left = paper.line()[-1].pk
        if left not in shown or merit(finding) > merit(shown[left][1]):
            shown[left] = (paper.pk if paper.merged_into_id else None, finding)
    return shown


def merit(finding: Finding) -> tuple[int, str]:
    return finding.votes or 0, finding.key


def figures_of(finding: Finding) -> Figures:
    return finding.votes, finding.comments, finding.stars


def last_shown(source: Source, paper_ids: set[int]) -> dict[tuple[int, int | None], Figures]:
    """Return the figures that `source` showed last of each paper, by its id and the id of what it came as."""
    rows = (
        Sighting.objects.filter(source=source, paper_id__in=paper_ids)
        .order_by("paper_id", "came_as_id", F("seen_at").desc())
        .distinct("paper_id", "came_as_id")
        .values_list("paper_id", "came_as_id", "votes", "comments", "stars")
    )
    return {(paper_id, came_as_id): (votes, comments, stars) for paper_id, came_as_id, votes, comments, stars in rows}

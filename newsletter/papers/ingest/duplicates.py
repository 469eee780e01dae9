"""Merge two rows of the same paper into one, and split a wrong merge again.

A merged paper keeps its row, its aliases and the fields that came under its own key. Its key leads to the paper it
was merged into, which shows the fields of both: field_priority.unite_fields decides which win. Sightings are moved,
and editors' corrections of topics are copied. Each keeps the paper it came as (`came_as`), so that a split returns it,
even if it came after the merge.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection, transaction

from newsletter.papers.ingest import field_priority
from newsletter.papers.ingest.field_priority import Fields
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Sighting
from newsletter.papers.papers_lock import wait_for_papers_lock
from newsletter.papers.topics import tagging

MOVE_SIGHTINGS = """
UPDATE papers_sighting seen SET paper_id = %(into)s, came_as_id = coalesce(came_as_id, %(paper)s)
WHERE paper_id = %(paper)s AND NOT EXISTS (
    SELECT FROM papers_sighting other
    WHERE other.paper_id = %(into)s AND other.source_id = seen.source_id AND other.seen_at = seen.seen_at)
"""


class CannotMerge(Exception):
    """The two papers are the same row, or one of them is already merged into another. Nothing was changed."""


class NotMerged(Exception):
    """The paper is not merged into another (any more). Nothing was changed."""


@transaction.atomic
def merge(paper: Paper, into: Paper) -> None:
    """Merge `paper` into `into`. Published issues keep both; drafts follow at their next refresh.

    Raise CannotMerge where either is merged already.
    """
    wait_for_papers_lock()
    paper.refresh_from_db()
    into.refresh_from_db()
    if paper.pk == into.pk or paper.merged_into_id or into.merged_into_id:
        raise CannotMerge("One of the two is already merged into another paper. Reload the list of papers.")
    own = own_fields(into)
    paper.merged_into, paper.stands_alone = into, False
    paper.save(update_fields=["merged_into", "stands_alone"])
    store_own_fields(into, own)
    with connection.cursor() as cursor:
        cursor.execute(MOVE_SIGHTINGS, {"paper": paper.pk, "into": into.pk})
    copy_corrections(paper, into)
    PaperTopic.objects.filter(paper=paper, origin=PaperTopic.Origin.RULE).delete()
    tagging.tag([into])


@transaction.atomic
def split(paper: Paper) -> None:
    """Undo a merge: everything that came under the key of `paper`, before or after it, belongs to `paper` again.

    Raise NotMerged.
    """
    wait_for_papers_lock()
    paper.refresh_from_db()
    above = paper.line()[1:]
    if not above:
        raise NotMerged(f"“{paper}” is not merged into another paper: somebody else has split it already.")
    own, family = own_fields(above[0]), family_ids(paper)
    paper.merged_into, paper.stands_alone = None, True
    paper.save(update_fields=["merged_into", "stands_alone"])
    store_own_fields(above[0], own)
    came_back = Sighting.objects.filter(came_as__in=family)
    came_back.update(paper=paper)
    came_back.filter(came_as=paper).update(came_as=None)
    for model in (PaperTopic, RefusedTopic):
        model.objects.filter(paper__in=above, came_as__in=family).delete()
    tagging.tag([paper, above[-1]])


def choose_direction(one: Paper, other: Paper) -> tuple[Paper, Paper]:
    """Return (paper, into): the arXiv key survives a merge, then a DOI, then the paper that was seen first."""
    schemes = ("arxiv", "doi", "url")

    def merit(paper: Paper) -> tuple[object, ...]:
        return schemes.index(paper.key.partition(":")[0]), paper.first_seen_at, paper.key

    into, paper = sorted((one, other), key=merit)
    return paper, into


class FieldComparison(NamedTuple):
    """The values of one field of two papers that may be merged, and which of them would be kept."""

    label: str
    paper: str
    into: str
    is_from_paper: bool
    is_from_into: bool


def compare(paper: Paper, into: Paper) -> list[FieldComparison]:
    """Return the fields of two papers side by side, with the value that a merge would keep."""
    one, other = merge_fields(paper), merge_fields(into)
    kept = field_priority.unite_fields(own_fields(into), [*map(merge_fields, into.twins.order_by("key")), one])
    return [
        FieldComparison(
            label=name.replace("_", " ").capitalize(),
            paper=display_value(one[name]),
            into=display_value(other[name]),
            is_from_paper=kept[name] == one[name] and bool(one[name]),
            is_from_into=kept[name] == other[name] and bool(other[name]),
        )
        for name in (*field_priority.CLAIMED_FIELDS, "listed_on", "first_seen_at")
    ]


def display_value(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "–")


def own_fields(paper: Paper) -> Fields:
    """Return the columns that came under the paper's own key, without those of merged papers."""
    return field_priority.from_json(paper.own) if paper.own else merge_fields(paper)


def store_own_fields(paper: Paper, own: Fields) -> list[Paper]:
    """Store the columns that came under the key of `paper`, and update it and the papers it is merged into.

    Return the papers that changed.
    """
    changed = []
    for place in paper.line():
        before = merge_fields(place)
        store_united_fields(place, own if place is paper else own_fields(place))
        if merge_fields(place) != before:
            changed.append(place)
    return changed


def store_united_fields(paper: Paper, own: Fields) -> None:
    """Store the united columns of a paper and of those merged into it."""
    others = [merge_fields(other) for other in paper.twins.order_by("key")]
    paper.own = field_priority.to_json(own) if others else None
    fields = field_priority.unite_fields(own, others)
    for name, value in fields.items():
        setattr(paper, name, value)
    paper.save(update_fields=["own", *fields])


def merge_fields(paper: Paper) -> Fields:
    return {name: getattr(paper, name) for name in field_priority.MERGE_FIELDS}


def family_ids(paper: Paper) -> set[int]:
    """Return the ids of a paper and of all papers merged into it, directly or not."""
    family, found = set[int](), {paper.pk}
    while found:
        family |= found
        found = set(Paper.objects.filter(merged_into__in=found).values_list("pk", flat=True))
    return family


def survivors_of_families(paper_ids: Iterable[int]) -> dict[int, int]:
    """Return {id: id of the surviving paper} for the given papers and all that were merged with one of them."""
    ids = set(paper_ids)
    merged = merge_targets(ids)
    survivors = {pk: merged.get(pk, pk) for pk in ids} | {survivor: survivor for survivor in merged.values()}
    found = survivors
    while found:
        below = Paper.objects.filter(merged_into__in=found).values_list("pk", "merged_into_id")
        found = {pk: survivors[into] for pk, into in below if into}
        survivors = survivors | found
    return survivors


def copy_corrections(paper: Paper, into: Paper) -> None:
    """Copy editors' corrections of a merged paper's topics to `into`, except for topics with a correction there."""
    given = PaperTopic.objects.filter(origin=PaperTopic.Origin.CURATOR)
    settled = {
        *given.filter(paper=into).values_list("topic_id", flat=True),
        *RefusedTopic.objects.filter(paper=into).values_list("topic_id", flat=True),
    }
    for row in given.filter(paper=paper).exclude(topic__in=settled):
        came_as_id = row.came_as_id or paper.pk
        PaperTopic.objects.update_or_create(
            paper=into, topic_id=row.topic_id,
            defaults={"origin": row.origin, "fit": row.fit, "evidence": row.evidence, "came_as_id": came_as_id},
        )  # fmt: skip
    RefusedTopic.objects.bulk_create(
        RefusedTopic(paper=into, topic_id=row.topic_id, came_as_id=row.came_as_id or paper.pk)
        for row in RefusedTopic.objects.filter(paper=paper).exclude(topic__in=settled)
    )


def merge_targets(paper_ids: Iterable[int]) -> dict[int, int]:
    """Return {id: id of the surviving paper} for those of `paper_ids` that are merged into another."""
    heirs = {pk: pk for pk in paper_ids}
    while merged := dict(Paper.objects.filter(pk__in=set(heirs.values())).exclude(merged_into=None).values_list(
        "pk", "merged_into_id"
    )):  # fmt: skip
        heirs = {pk: merged.get(heir, heir) for pk, heir in heirs.items()}
    return {pk: heir for pk, heir in heirs.items() if pk != heir}

"""The step that makes one paper of two that are the same, and parts them again where that was wrong.

A merged paper keeps its row, its aliases and what its own key brought; its key leads to the paper it was merged into,
which shows what both say. Sightings go over, and editors' corrections of topics are copied: each bears the paper it
came as, so that a split gives back also what came later. merging.united says which fields win.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection, transaction

from newsletter.papers.ingest import field_priority
from newsletter.papers.ingest.field_priority import Fields
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Sighting
from newsletter.papers.papers_lock import take_turn
from newsletter.papers.topics import tagging

MOVE_SIGHTINGS = """
UPDATE papers_sighting seen SET paper_id = %(into)s, came_as_id = coalesce(came_as_id, %(paper)s)
WHERE paper_id = %(paper)s AND NOT EXISTS (
    SELECT FROM papers_sighting other
    WHERE other.paper_id = %(into)s AND other.source_id = seen.source_id AND other.seen_at = seen.seen_at)
"""


class CannotMerge(Exception):
    """The two are one paper already, or one of them was merged into a third. Nothing was changed."""


class NotMerged(Exception):
    """The paper is no longer, or never was, merged into another. Nothing was changed."""


@transaction.atomic
def merge(paper: Paper, into: Paper) -> None:
    """Make `paper` and `into` one, under the key of `into`. Published issues stay as they are; drafts follow.

    Raise CannotMerge where either was merged before.
    """
    take_turn()
    paper.refresh_from_db()
    into.refresh_from_db()
    if paper.pk == into.pk or paper.merged_into_id or into.merged_into_id:
        raise CannotMerge("One of the two was merged already: look at the papers again.")
    own = own_of(into)
    paper.merged_into, paper.stands_alone = into, False
    paper.save(update_fields=["merged_into", "stands_alone"])
    settle(into, own)
    with connection.cursor() as cursor:
        cursor.execute(MOVE_SIGHTINGS, {"paper": paper.pk, "into": into.pk})
    copy_corrections(paper, into)
    PaperTopic.objects.filter(paper=paper, origin=PaperTopic.Origin.RULE).delete()
    tagging.tag([into])


@transaction.atomic
def split(paper: Paper) -> None:
    """Undo a merge: what came under the key of `paper`, before it and since, is its own again. Raise NotMerged."""
    take_turn()
    paper.refresh_from_db()
    above = paper.line()[1:]
    if not above:
        raise NotMerged(f"“{paper}” is a paper of its own: somebody else has split it.")
    own, family = own_of(above[0]), family_of(paper)
    paper.merged_into, paper.stands_alone = None, True
    paper.save(update_fields=["merged_into", "stands_alone"])
    settle(above[0], own)
    came_back = Sighting.objects.filter(came_as__in=family)
    came_back.update(paper=paper)
    came_back.filter(came_as=paper).update(came_as=None)
    for model in (PaperTopic, RefusedTopic):
        model.objects.filter(paper__in=above, came_as__in=family).delete()
    tagging.tag([paper, above[-1]])


def propose(one: Paper, other: Paper) -> tuple[Paper, Paper]:
    """Return which of two papers to merge into which: arXiv's key stays, then a DOI, then what was seen first."""
    schemes = ("arxiv", "doi", "url")

    def merit(paper: Paper) -> tuple[object, ...]:
        return schemes.index(paper.key.partition(":")[0]), paper.first_seen_at, paper.key

    into, paper = sorted((one, other), key=merit)
    return paper, into


class Compared(NamedTuple):
    """One field of two papers that are to be merged, and whose value stays."""

    label: str
    paper: str
    into: str
    is_from_paper: bool
    is_from_into: bool


def comparison(paper: Paper, into: Paper) -> list[Compared]:
    """Return what two papers say, field by field, and what would be kept of it."""
    one, other = state_of(paper), state_of(into)
    kept = field_priority.united(own_of(into), [*map(state_of, into.twins.order_by("key")), one])
    return [
        Compared(
            label=name.replace("_", " ").capitalize(),
            paper=in_words(one[name]),
            into=in_words(other[name]),
            is_from_paper=kept[name] == one[name] and bool(one[name]),
            is_from_into=kept[name] == other[name] and bool(other[name]),
        )
        for name in (*field_priority.SPOKEN, "listed_on", "first_seen_at")
    ]


def in_words(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "–")


def own_of(paper: Paper) -> Fields:
    """Return the columns that came under the paper's own key."""
    return field_priority.unpacked(paper.own) if paper.own else state_of(paper)


def settle(paper: Paper, own: Fields) -> list[Paper]:
    """Store what came under the key of `paper`, and what follows for it and the papers it was merged into.

    Return those that changed.
    """
    changed = []
    for place in paper.line():
        before = state_of(place)
        show(place, own if place is paper else own_of(place))
        if state_of(place) != before:
            changed.append(place)
    return changed


def show(paper: Paper, own: Fields) -> None:
    """Store what a paper and those merged into it come to."""
    others = [state_of(other) for other in paper.twins.order_by("key")]
    paper.own = field_priority.packed(own) if others else None
    fields = field_priority.united(own, others)
    for name, value in fields.items():
        setattr(paper, name, value)
    paper.save(update_fields=["own", *fields])


def state_of(paper: Paper) -> Fields:
    return {name: getattr(paper, name) for name in field_priority.STATE}


def family_of(paper: Paper) -> set[int]:
    """Return the ids of a paper, of those merged into it, of those merged into these, and so on."""
    family, found = set[int](), {paper.pk}
    while found:
        family |= found
        found = set(Paper.objects.filter(merged_into__in=found).values_list("pk", flat=True))
    return family


def copy_corrections(paper: Paper, into: Paper) -> None:
    """Let editors' corrections of a merged paper's topics hold for `into`, where it has none of its own."""
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


def heirs_of(paper_ids: Iterable[int]) -> dict[int, int]:
    """Return, of those of `paper_ids` that were merged, the id of the paper that is left."""
    heirs = {pk: pk for pk in paper_ids}
    while merged := dict(Paper.objects.filter(pk__in=set(heirs.values())).exclude(merged_into=None).values_list(
        "pk", "merged_into_id"
    )):  # fmt: skip
        heirs = {pk: merged.get(heir, heir) for pk, heir in heirs.items()}
    return {pk: heir for pk, heir in heirs.items() if pk != heir}

"""Which papers one reader was sent before; assembly asks the same of all readers at once, in `already_sent`."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from digests.models import Card, Delivery
from digests.models.delivery_state import never_left
from digests.selection.spans import Span
from newsletter.papers.ingest import duplicates


def papers_already_sent(earlier: "QuerySet[Delivery]", at: datetime) -> set[int]:
    """Return the paper ids (minus the entry id for free items) of the recent `earlier` deliveries that may have left.

    `at` is the moment of assembly, which looks back over the same days.
    """
    recent = earlier.filter(slot__gt=at - 2 * settings.DIGEST_SPAN).exclude(digest=None)
    orders = recent.exclude(never_left()).values_list("digest__card_ids", flat=True)
    cards = {card_id for order in orders for card_id in order}
    placed = Card.objects.filter(pk__in=cards).values_list("entry__paper_id", "entry_id")
    return {paper_id or -entry_id for paper_id, entry_id in placed}


def find_repeated_papers(had: Collection[int], span: Span) -> set[int]:
    """Return the papers of `span` that the reader had: those in `had`, and those merged with one of them since."""
    offered = span.index.by_paper
    surviving_ids = duplicates.merge_targets(
        pk for pk in {*had, *offered} if pk > 0
    )  # free items have ids below 0 and are never merged
    had_ids = {surviving_ids.get(pk, pk) for pk in had}
    return {pk for pk in offered if surviving_ids.get(pk, pk) in had_ids}

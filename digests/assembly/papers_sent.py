"""Finds the papers that one reader was sent before. `already_sent` does so for all due readers at once."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from digests.models import Card, Delivery
from digests.models.delivery_state import never_arrived
from digests.selection.spans import Spans


def papers_already_sent(earlier: "QuerySet[Delivery]", at: datetime) -> frozenset[int]:
    """Return the paper ids (minus the entry id for free items) of recent `earlier` deliveries that may have arrived.

    `at` is the moment of assembly, which looks back over the same days.
    """
    recent = earlier.filter(slot__gt=at - 2 * settings.DIGEST_SPAN).exclude(digest=None)
    orders = recent.exclude(never_arrived()).values_list("digest__card_ids", flat=True)
    cards = {card_id for order in orders for card_id in order}
    placed = Card.objects.filter(pk__in=cards).values_list("entry__paper_id", "entry_id")
    return frozenset(paper_id or -entry_id for paper_id, entry_id in placed)


def add_merged_papers(had: Collection[int], source: Spans) -> frozenset[int]:
    """Return `had` with the papers of recent issues that were merged with one of them."""
    return frozenset(same for paper_id in had for same in source.standings.same_as(paper_id))

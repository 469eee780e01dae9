"""Finds the papers that one reader was sent before. `histories_of_due` does so for all due readers at once."""

from django.conf import settings
from django.db.models import QuerySet

from digests.models import Card, Delivery
from digests.models.delivery_state import is_given_back
from digests.selection.spans import Spans


def papers_sent_in(earlier: "QuerySet[Delivery]", source: Spans) -> frozenset[int]:
    """Return the ids of the papers in a reader's `earlier` deliveries, except those that were given back.

    A free item counts as a paper whose id is its entry's id, negated. A merged paper is returned under all its ids.
    Deliveries made before any paper of `source` first stood in an issue are ignored: they cannot hold one.
    """
    recent = earlier.filter(made_at__gt=source.now - 2 * settings.DIGEST_SPAN).exclude(digest=None)
    orders = recent.exclude(is_given_back()).values_list("digest__card_ids", flat=True)
    cards = {card_id for order in orders for card_id in order}
    placed = Card.objects.filter(pk__in=cards).values_list("entry__paper_id", "entry_id")
    sent = {paper_id or -entry_id for paper_id, entry_id in placed}
    return frozenset(same for paper_id in sent for same in source.standings.same_as(paper_id))

"""Which papers readers were sent before, of those they might get now.

A reader's history is the digests of the last days. SQL puts them beside each reader, and each digest is read once, not
once a reader: readers with the same choice and the same history stay one group.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from digests.models.delivery_state import NEVER_LEFT
from digests.selection.spans import Spans
from digests.selection.standings import Standings

# Since when the digests of a reader count: those of the last days, and those that may hold a paper of the reader's
# span, which can have stood in an issue before. `covered` names readers by what they are covered through; those who
# were never served are covered up to the newest issue. Where a span is empty, nothing counts.
COVERED = "coalesce(covered_through, %(before_newest)s)"
SINCE = """
SELECT one.covered, CASE WHEN count(issue.at) > 0 THEN least(%(shelf_since)s, min(issue.earliest)) END AS since
FROM (SELECT DISTINCT covered FROM {readers}) one
LEFT JOIN unnest(%(at)s::timestamptz[], %(earliest)s::timestamptz[]) AS issue(at, earliest) ON issue.at > one.covered
GROUP BY one.covered
"""
# Of one reader. A digest is made within DIGEST_LATEST of its slot; only a first one may come later, and then it is the
# last before all others.
DIGESTS = f"""
SELECT d.digest_id FROM digests_delivery d
WHERE d.subscriber_id = {{reader_id}} AND d.made_at >= {{since}} AND d.digest_id IS NOT NULL AND NOT {NEVER_LEFT}
  AND d.slot >= coalesce((SELECT max(first.slot) FROM digests_delivery first
                          WHERE first.subscriber_id = {{reader_id}} AND first.slot <= {{since}} - %(latest)s),
                         '-infinity')
ORDER BY d.digest_id
"""


def history_values(spans: Spans) -> dict[str, Any]:
    """Return the values of SINCE and DIGESTS at a moment."""
    standings = spans.earliest_standings()
    newest = max((at for at, _ in standings), default=spans.now)
    return {
        "at": [at for at, _ in standings],
        "earliest": [earliest for _, earliest in standings],
        "before_newest": newest - datetime.resolution,
        "shelf_since": spans.now - settings.DIGEST_SHELF_AGE,
        "latest": settings.DIGEST_LATEST,
    }


CARDS_OF = "SELECT id, card_ids::text FROM digests_digest WHERE id = ANY(%s::bigint[])"
PAPERS_OF = """
SELECT card.id::text, coalesce(entry.paper_id, -entry.id)
FROM digests_card card JOIN issues_issueentry entry ON entry.id = card.entry_id WHERE card.id = ANY(%s::bigint[])
"""


class PapersSent:
    """The papers of digests that were sent, each card and each digest read once."""

    def __init__(self, standings: Standings) -> None:
        self.standings = standings
        self.paper_of: dict[str, tuple[int, ...]] = {}  # by card, as text: the same paper under all its ids

    def of(self, digest_ids: Iterable[int]) -> dict[int, frozenset[int]]:
        """Return the papers of each digest, merged ones under every id they stood by."""
        with connection.cursor() as cursor:
            cursor.execute(CARDS_OF, [list(digest_ids)])
            cards = {digest_id: text[1:-1].split(",") for digest_id, text in cursor.fetchall() if text != "{}"}
        self.read_cards({card for of_digest in cards.values() for card in of_digest} - self.paper_of.keys())
        return {
            digest_id: frozenset([paper for card in of_digest for paper in self.paper_of.get(card, ())])
            for digest_id, of_digest in cards.items()
        }

    def read_cards(self, card_ids: Iterable[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(PAPERS_OF, ["{" + ",".join(card_ids) + "}"])
            self.paper_of |= {card: self.standings.same_as(paper_id) for card, paper_id in cursor.fetchall()}


def had_by(history: Sequence[int], sent: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """Return the papers that readers with a history of digests had."""
    return frozenset().union(*[sent[digest_id] for digest_id in history if digest_id in sent])

"""Finds the papers that readers were sent before, for all due readers at once.

A reader's history is the ids of the reader's recent digests. SQL puts it beside each reader, so that readers with the
same choice and history form one group; the papers of a digest are read once, however many readers got it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from digests.models.delivery_state import IS_GIVEN_BACK
from digests.selection.spans import Spans
from digests.selection.standings import Standings

# Returns for each `covered_through` the time since which digests belong to the history: those of the last days, and
# older ones that may hold a paper of the span, since a paper can stand in several issues. Readers who were never
# served count as covered up to the newest issue. An empty span needs no history: it begins after all digests, so that
# only the reader's last one is read.
COVERED = "coalesce(covered_through, %(before_newest)s)"
SINCE = """
SELECT one.covered, CASE WHEN count(issue.at) > 0 THEN least(%(shelf_since)s, min(issue.earliest))
                         ELSE 'infinity' END AS since
FROM (SELECT DISTINCT covered FROM {readers}) one
LEFT JOIN unnest(%(at)s::timestamptz[], %(earliest)s::timestamptz[]) AS issue(at, earliest) ON issue.at > one.covered
GROUP BY one.covered
"""
# The history of one reader. A digest is made within DIGEST_LATEST of its slot, which bounds the index scan. Only a
# first digest may be made later than that, and it has the earliest slot of all.
RECENT_DIGESTS = f"""
SELECT d.digest_id FROM digests_delivery d
WHERE d.subscriber_id = {{reader_id}} AND d.made_at >= {{since}} AND d.digest_id IS NOT NULL AND NOT {IS_GIVEN_BACK}
  AND d.slot >= coalesce((SELECT max(first.slot) FROM digests_delivery first
                          WHERE first.subscriber_id = {{reader_id}} AND first.slot <= {{since}} - %(latest)s),
                         '-infinity')
ORDER BY d.digest_id
"""


def history_parameters(spans: Spans) -> dict[str, Any]:
    """Return the parameters of SINCE and RECENT_DIGESTS at the moment of `spans`."""
    standings = spans.earliest_standings()
    newest = max((at for at, _ in standings), default=spans.now)
    return {
        "at": [at for at, _ in standings],
        "earliest": [earliest for _, earliest in standings],
        "before_newest": newest - datetime.resolution,
        "shelf_since": spans.now - settings.DIGEST_SHELF_AGE,
        "latest": settings.DIGEST_LATEST,
    }


CARDS_OF_DIGESTS = "SELECT id, card_ids::text FROM digests_digest WHERE id = ANY(%s::bigint[])"
PAPERS_OF_CARDS = """
SELECT card.id::text, coalesce(entry.paper_id, -entry.id)
FROM digests_card card JOIN issues_issueentry entry ON entry.id = card.entry_id WHERE card.id = ANY(%s::bigint[])
"""


class PapersSent:
    """Reads the papers of digests, each card once."""

    def __init__(self, standings: Standings) -> None:
        self.standings = standings
        self.papers_by_card: dict[str, tuple[int, ...]] = {}  # card id as text → all ids of its paper

    def of(self, digest_ids: Iterable[int]) -> dict[int, frozenset[int]]:
        """Return the papers of each digest by its id; a merged paper under each of its ids."""
        with connection.cursor() as cursor:
            cursor.execute(CARDS_OF_DIGESTS, [list(digest_ids)])
            cards = {digest_id: text[1:-1].split(",") for digest_id, text in cursor.fetchall() if text != "{}"}
        self.read_cards({card for of_digest in cards.values() for card in of_digest} - self.papers_by_card.keys())
        return {
            digest_id: frozenset([paper for card in of_digest for paper in self.papers_by_card.get(card, ())])
            for digest_id, of_digest in cards.items()
        }

    def read_cards(self, card_ids: Iterable[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(PAPERS_OF_CARDS, ["{" + ",".join(card_ids) + "}"])
            self.papers_by_card |= {card: self.standings.same_as(paper_id) for card, paper_id in cursor.fetchall()}


def papers_in_history(history: Sequence[int], sent: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """Return the papers that readers with this history were sent; `sent` holds the papers of each digest."""
    return frozenset().union(*[sent[digest_id] for digest_id in history if digest_id in sent])

"""What readers were sent before, of what they might get now: looked up for all of a part at once.

A paper comes to one front and one shelf, so only what stands on both can come to a reader twice; and all of the newest
issue, where somebody comes back who had left.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection


class Earlier(NamedTuple):
    """Papers that a reader may have had, and since when a digest may have held them."""

    papers: list[int]
    since: datetime
    is_for_all: bool  # else only for readers who come back


# Papers of recent fronts that stood in an earlier issue, with when that was; and those of the newest issue.
MAY_COME_TWICE = """
SELECT front.paper_id, other_issue.published_at, true
FROM issues_issueentry front JOIN issues_issue issue ON issue.id = front.issue_id
JOIN issues_issueentry other ON other.paper_id = front.paper_id AND other.id <> front.id
JOIN issues_issue other_issue ON other_issue.id = other.issue_id
WHERE issue.published_at > %(since)s AND front.shelf = 'front' AND front.dropped_at IS NULL
  AND other_issue.published_at > %(since)s
UNION ALL
SELECT entry.paper_id, newest.published_at, false
FROM (SELECT id, published_at FROM issues_issue WHERE status = 'published' AND published_at <= %(now)s
      ORDER BY published_at DESC LIMIT 1) newest
JOIN issues_issueentry entry ON entry.issue_id = newest.id
"""


def earlier(now: datetime) -> Earlier:
    """Return what has to be looked for at `now`."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_COME_TWICE, {"since": now - 2 * settings.DIGEST_SPAN, "now": now})
        rows = cursor.fetchall()
    papers = {paper for paper, _, _ in rows}
    return Earlier(sorted(papers), min((at for _, at, _ in rows), default=now), any(twice for _, _, twice in rows))


# The digests that readers got are looked into once each, not once a reader.
HAD = """
WITH got AS MATERIALIZED (
  SELECT seen.reader_id, delivery.digest_id
  FROM assembly_due seen JOIN digests_delivery delivery ON delivery.subscriber_id = seen.reader_id
  WHERE (%(is_for_all)s OR seen.is_back) AND delivery.slot > %(since)s AND delivery.digest_id IS NOT NULL
    AND coalesce(delivery.status, 'sent') NOT IN ('skipped', 'rejected', 'abandoned')
), wanted AS MATERIALIZED (
  SELECT card.id, entry.paper_id
  FROM issues_issueentry entry JOIN digests_card card ON card.entry_id = entry.id
  WHERE entry.paper_id = ANY(%(papers)s)
), held AS MATERIALIZED (
  SELECT digest.id AS digest_id, wanted.paper_id
  FROM (SELECT DISTINCT digest_id FROM got) one JOIN digests_digest digest ON digest.id = one.digest_id
  CROSS JOIN LATERAL unnest(digest.card_ids) AS member(card_id)
  JOIN wanted ON wanted.id = member.card_id
)
UPDATE assembly_due due SET had = reader.papers
FROM (SELECT reader_id, array_agg(DISTINCT paper_id ORDER BY paper_id) AS papers
      FROM got JOIN held USING (digest_id) GROUP BY reader_id) reader
WHERE reader.reader_id = due.reader_id
"""


def note_papers_had(known: Earlier) -> None:
    """Write into `assembly_due` which of the papers each reader was sent before."""
    # A digest is made within DIGEST_LATEST of its slot.
    since = known.since - settings.DIGEST_LATEST - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(HAD, {"papers": known.papers, "since": since, "is_for_all": known.is_for_all})

"""What readers were sent before, of what they might get now: looked up for all of a part at once.

A paper can stand in two issues: on a shelf and then on a front, or as its twin. And whoever comes back after leaving
may have had the newest issue itself. A free item stands here as a paper whose id is its entry's, less than 0.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from digests.models.delivery_state import NEVER_LEFT
from newsletter.issues.models import Issue


class Pair(NamedTuple):
    """A paper that can be chosen now, and the same paper where it could be chosen before."""

    had_id: int  # the paper as it stood then
    paper_id: int  # as it stands now: another one where the two were merged
    had_at: datetime  # when its issue was published then
    at: datetime  # and now
    is_again: bool  # in one and the same issue


# Papers and issues alone, which an index holds. Merged papers count as the one at the end of their line.
MAY_COME_TWICE = """
WITH RECURSIVE stood AS MATERIALIZED (
  SELECT entry.paper_id, issue.id AS issue_id, coalesce(issue.published_at, %(now)s) AS published_at
  FROM issues_issue issue JOIN issues_issueentry entry ON entry.issue_id = issue.id
  WHERE (issue.published_at > %(since)s OR issue.id = %(newest)s) AND entry.paper_id IS NOT NULL
  UNION ALL
  SELECT -entry.id, issue.id, coalesce(issue.published_at, %(now)s)
  FROM issues_issue issue JOIN issues_issueentry entry ON entry.issue_id = issue.id
  WHERE (issue.published_at > %(since)s OR issue.id = %(newest)s) AND entry.paper_id IS NULL
), line AS (
  SELECT id AS paper_id, merged_into_id AS heir_id FROM papers_paper
  WHERE merged_into_id IS NOT NULL AND id IN (SELECT paper_id FROM stood)
  UNION ALL
  SELECT line.paper_id, paper.merged_into_id FROM line JOIN papers_paper paper ON paper.id = line.heir_id
  WHERE paper.merged_into_id IS NOT NULL
), heir AS (
  SELECT line.* FROM line JOIN papers_paper paper ON paper.id = line.heir_id WHERE paper.merged_into_id IS NULL
), placed AS MATERIALIZED (
  SELECT stood.*, coalesce(heir_id, paper_id) AS heir_id FROM stood LEFT JOIN heir USING (paper_id)
)
SELECT before.paper_id, new.paper_id, before.published_at, new.published_at, before.issue_id = new.issue_id
FROM placed new JOIN placed before USING (heir_id)
WHERE new.issue_id = ANY(%(issues)s) AND (before.issue_id <> new.issue_id OR new.issue_id = %(newest)s)
"""


def pairs_of(issues: Sequence[Issue], now: datetime) -> list[Pair]:
    """Return what of these issues, newest first, may have been sent before; the first may be about to be published."""
    if not issues:
        return []
    ids = [issue.pk for issue in issues]
    with connection.cursor() as cursor:
        since = now - 2 * settings.DIGEST_SPAN
        values: dict[str, Any] = {"issues": ids, "newest": ids[0], "since": since, "now": now}
        cursor.execute(MAY_COME_TWICE, values)
        return [Pair(*row) for row in cursor.fetchall()]


# Only what lies in the reader's own span counts, so that readers whose digest it cannot change stay together. The
# digests that readers got are looked into once each, not once a reader.
PAIR = """
pair AS MATERIALIZED (
  SELECT * FROM unnest(%(had_id)s::bigint[], %(paper_id)s::bigint[], %(had_at)s::timestamptz[],
                       %(at)s::timestamptz[], %(is_again)s::bool[]) AS pair(had_id, paper_id, had_at, at, is_again)
)"""
AFTER = "coalesce(covered_through, (SELECT max(at) FROM pair) - interval '1 microsecond')"
SINCE = """
SELECT one.after, one.is_back, min(pair.had_at) AS since
FROM (SELECT DISTINCT after, is_back FROM start) one
JOIN pair ON pair.at > one.after AND (one.is_back OR NOT pair.is_again)
GROUP BY one.after, one.is_back
"""
WANTED = """
SELECT card.id, pair.paper_id, pair.at
FROM pair JOIN issues_issueentry entry ON entry.paper_id = pair.had_id
JOIN digests_card card ON card.entry_id = entry.id
UNION ALL
SELECT card.id, pair.paper_id, pair.at FROM pair JOIN digests_card card ON card.entry_id = -pair.had_id
"""
HAD = f"""
WITH {PAIR}, start AS MATERIALIZED (
  SELECT reader_id, is_back, {AFTER} AS after FROM assembly_due
), reach AS MATERIALIZED ({SINCE}), got AS MATERIALIZED (
  SELECT start.reader_id, start.after, d.digest_id
  FROM start JOIN reach USING (after, is_back)
  JOIN digests_delivery d ON d.subscriber_id = start.reader_id
  WHERE d.slot > reach.since - %(lateness)s AND d.digest_id IS NOT NULL AND NOT {NEVER_LEFT}
), wanted AS MATERIALIZED ({WANTED}), held AS MATERIALIZED (
  SELECT digest.id AS digest_id, wanted.paper_id, wanted.at
  FROM (SELECT DISTINCT digest_id FROM got) one JOIN digests_digest digest ON digest.id = one.digest_id
  CROSS JOIN LATERAL unnest(digest.card_ids) AS member(card_id)
  JOIN wanted ON wanted.id = member.card_id
)
UPDATE assembly_due due SET had = reader.papers
FROM (SELECT got.reader_id, array_agg(DISTINCT held.paper_id ORDER BY held.paper_id) AS papers
      FROM got JOIN held USING (digest_id) WHERE held.at > got.after GROUP BY got.reader_id) reader
WHERE reader.reader_id = due.reader_id
"""


def note_papers_had(pairs: Sequence[Pair]) -> None:
    """Write into `assembly_due` which of the papers of its span each reader was sent before."""
    if not pairs:
        return
    columns = columns_of(pairs)
    # A first digest may be made long after its slot; one of more than a span after it is not looked for.
    with connection.cursor() as cursor:
        cursor.execute(HAD, columns | {"lateness": settings.DIGEST_SPAN})


def columns_of(pairs: Sequence[Pair]) -> dict[str, Any]:
    return dict(zip(Pair._fields, map(list, zip(*pairs, strict=True)), strict=True))

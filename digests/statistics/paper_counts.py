"""Counts, for each paper of an issue, the deliveries that held it and the votes from its digests."""

from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from digests.models.delivery_state import IS_SENT
from digests.statistics import issue_counts
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import votes as voting

MOST_OF_THE_SHELF = 40


class PaperFigures(NamedTuple):
    entry: IssueEntry
    sent: int  # deliveries that held it and were accepted by the provider
    votes: int  # by the link in one of them


# A digest holds an entry at most once, and papers of up to two weeks, so two weeks of digests may hold an issue's.
# Deliveries are counted once a digest, then for all its papers.
COUNT = f"""
WITH mine AS (
  SELECT card.id, card.entry_id FROM digests_card card
  JOIN issues_issueentry entry ON entry.id = card.entry_id WHERE entry.issue_id = %(issue)s
), holding AS MATERIALIZED (
  SELECT id, card_ids FROM digests_digest
  WHERE made_at >= %(start)s AND made_at < %(end)s AND card_ids && ARRAY(SELECT id FROM mine)
), copies AS MATERIALIZED (
  SELECT d.digest_id, count(*) FILTER (WHERE {IS_SENT}) AS sent
  FROM digests_delivery d LEFT JOIN digests_batch b ON b.id = d.batch_id
  WHERE d.made_at >= %(start)s AND d.made_at < %(end)s AND d.digest_id IN (SELECT id FROM holding)
  GROUP BY d.digest_id
)
SELECT mine.entry_id, sum(copies.sent)::bigint
FROM copies JOIN holding ON holding.id = copies.digest_id
CROSS JOIN LATERAL unnest(holding.card_ids) AS held(card_id) JOIN mine ON mine.id = held.card_id
GROUP BY mine.entry_id
"""


def figures_of(issue: Issue) -> list[PaperFigures]:
    """Return the front's papers in order, then those of the shelf sent most; zeros for a draft."""
    sent = sent_of(issue) if issue.published_at else {}
    entries = list(issue.entries.kept().exclude(paper=None).select_related("paper").order_by("shelf", "position"))
    votes = voting.issue_vote_counts([entry.paper_id for entry in entries if entry.paper_id], issue.date)
    rows = [PaperFigures(entry, sent.get(entry.pk, 0), votes.get(entry.paper_id or 0, 0)) for entry in entries]
    front = [row for row in rows if row.entry.shelf == IssueEntry.Shelf.FRONT]
    shelf = [row for row in rows if row.entry.shelf != IssueEntry.Shelf.FRONT and (row.sent or row.votes)]
    return front + sorted(shelf, key=lambda row: (-row.sent, -row.votes))[:MOST_OF_THE_SHELF]


@transaction.atomic
def sent_of(issue: Issue) -> dict[int, int]:
    """Return {entry id: sent deliveries that held it}."""
    assert issue.published_at
    end = issue.published_at + settings.DIGEST_SPAN + issue_counts.SLACK
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{issue_counts.WORK_MEMORY}'")
        cursor.execute(COUNT, {"issue": issue.pk, "start": issue.published_at, "end": end})
        return dict(cursor.fetchall())

"""Readers vote for papers, and the counts become sightings of a source of our own.

A vote is one row; a task writes all counts that changed as sightings. Votes for merged papers count for the surviving
paper, each reader once.
"""

from collections import Counter
from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers import papers_lock
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, Source, Vote

DAY = timedelta(hours=24)
COUNTED_FOR = timedelta(days=30)  # after so long without a vote or a count a paper is in no ranking
# A vote here counts double: the reader has a confirmed address and saw the paper in a digest.
WEIGHT = 2.0


class VoteResult(StrEnum):
    COUNTED = "counted"
    KNOWN = "known"  # the reader voted for it before
    TOO_MANY = "too_many"  # within a day


@transaction.atomic
def vote(paper: Paper, reader_key: str, issue_day: date | None = None) -> VoteResult:
    """Record a reader's vote for a paper; safe to repeat. `issue_day` is the date of the issue it came from."""
    wait_for_turn(reader_key)
    if has_voted(paper, reader_key):
        return VoteResult.KNOWN
    now = clock.now()
    if Vote.objects.filter(reader_key=reader_key, at__gt=now - DAY).count() >= settings.VOTES_PER_DAY:
        return VoteResult.TOO_MANY
    Vote.objects.create(paper=paper.line()[-1], reader_key=reader_key, at=now, issue_day=issue_day)
    return VoteResult.COUNTED


def take_back(paper: Paper, reader_key: str) -> bool:
    """Delete a reader's vote for a paper; return False where there is none."""
    return bool(votes_for(paper, reader_key).delete()[0])


def has_voted(paper: Paper, reader_key: str) -> bool:
    return votes_for(paper, reader_key).exists()


def votes_for(paper: Paper, reader_key: str) -> QuerySet[Vote]:
    """Return a reader's votes for a paper and the papers merged with it."""
    return Vote.objects.filter(paper__in=duplicates.family_ids(paper.line()[-1]), reader_key=reader_key)


def wait_for_turn(reader_key: str) -> None:
    """Serialise the acts of one reader (or on one key) until the transaction ends."""
    advisory_locks.wait_in_transaction(Lock.COMMUNITY, reader_key)


def anonymise(reader_key: str) -> None:
    """Keep a reader's votes without the reader's key."""
    Vote.objects.filter(reader_key=reader_key).update(reader_key=None)


def votes_of(reader_key: str) -> QuerySet[Vote]:
    return Vote.objects.filter(reader_key=reader_key).select_related("paper").order_by("at")


INSERT_COUNTS = """
WITH RECURSIVE touched AS (
    SELECT paper_id FROM papers_vote WHERE at >= %(since)s
    UNION
    SELECT paper_id FROM papers_sighting WHERE seen_at >= %(since)s AND source_id = %(source)s
), up AS (
    SELECT id, merged_into_id FROM papers_paper WHERE id IN (SELECT paper_id FROM touched)
    UNION
    SELECT above.id, above.merged_into_id FROM up JOIN papers_paper above ON above.id = up.merged_into_id
), family AS (
    SELECT id AS paper_id, id AS member_id FROM up WHERE merged_into_id IS NULL
    UNION
    SELECT family.paper_id, twin.id FROM family JOIN papers_paper twin ON twin.merged_into_id = family.member_id
), counted AS (
    SELECT family.paper_id,
           (count(DISTINCT reader_key) + count(vote.id) FILTER (WHERE reader_key IS NULL))::integer AS votes
    FROM family LEFT JOIN papers_vote vote ON vote.paper_id = family.member_id
    GROUP BY family.paper_id
)
INSERT INTO papers_sighting (paper_id, source_id, seen_at, votes)
SELECT counted.paper_id, %(source)s, %(now)s, counted.votes
FROM counted
LEFT JOIN LATERAL (
    SELECT votes FROM papers_sighting seen
    WHERE seen.paper_id = counted.paper_id AND seen.source_id = %(source)s
    ORDER BY seen_at DESC LIMIT 1
) last ON true
WHERE counted.votes <> coalesce(last.votes, 0)
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def write_counts() -> int:
    """Write a sighting for each paper whose vote count changed; return how many. Safe to repeat."""
    # While a day's ranking is being recorded, no sightings from before it may be added.
    papers_lock.wait_for_papers_lock()
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(INSERT_COUNTS, {"since": now - COUNTED_FOR, "source": readers_source().pk, "now": now})
        return int(cursor.rowcount)


def readers_source() -> Source:
    """Return the source of readers' votes; operators may change its weight."""
    defaults = {"name": "Readers’ votes", "kind": Source.Kind.READERS, "weight": WEIGHT}
    return Source.objects.get_or_create(url="readers:", defaults=defaults)[0]


def issue_vote_counts(paper_ids: Collection[int], issue_day: date) -> dict[int, int]:
    """Return {paper id: votes} that came from the digests of the issue of `issue_day`, without zeros."""
    heirs = {pk: pk for pk in paper_ids} | duplicates.merge_targets(paper_ids)
    came = Vote.objects.filter(issue_day=issue_day, paper__in={*heirs, *heirs.values()})
    counts = Counter(came.values_list("paper_id", flat=True))
    return {pk: found for pk, heir in heirs.items() if (found := sum(counts[one] for one in {pk, heir}))}

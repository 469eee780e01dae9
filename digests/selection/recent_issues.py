"""Keep the indexes of the last days' issues in each process's memory, to show what a choice would bring."""

import json
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Q

from digests.selection import spans
from digests.selection.choice_effect import IssueDay
from digests.selection.entry_index import Entry, IssueIndex, build_index
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.community import objections

DAYS = 7
MAX_INDEXES = 2 * DAYS  # in one process's memory; about 2 MB each for a shelf of 700

Version = tuple[Any, ...]  # what an index depends on; the index is rebuilt when it changes
indexes_in_memory: dict[int, tuple[Version, IssueIndex]] = {}


def last_days() -> list[IssueDay]:
    """Return the last seven calendar days, oldest first; today counts once its issue is published."""
    today = clock.today()
    issues = list(issues_with_drops(today - timedelta(days=DAYS)))
    indexes = indexes_of({issue.pk: version_of(issue) for issue in issues})
    by_date = {issue.date: indexes[issue.pk] for issue in issues}
    last = today if today in by_date else today - timedelta(days=1)
    days = [last - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return [IssueDay(day, by_date.get(day)) for day in days]


def issues_with_drops(since: date) -> Iterator[Any]:
    """Yield the issues published since a day, annotated with `drop_count` and the last `dropped_at`."""
    dropped = Q(entries__dropped_at__isnull=False)
    issues = Issue.objects.out(clock.now()).filter(date__gte=since, date__lte=clock.today())
    return issues.annotate(drop_count=Count("entries", dropped), dropped_at=Max("entries__dropped_at")).iterator()


def version_of(issue: Any) -> Version:
    return issue.published_at, issue.drop_count, issue.dropped_at


def indexes_of(versions: dict[int, Version]) -> dict[int, IssueIndex]:
    """Return the index of each issue; missing and outdated ones are loaded in one query."""
    heirs = {slug: (heir.slug, heir.name) for slug, heir in spans.heirs_of_retired_topics().items()}
    also = settings.DIGEST_SHELF_PER_TOPIC, heirs, objections.last_acceptance()
    versions = {pk: (*version, *also) for pk, version in versions.items()}
    kept = {
        pk: indexes_in_memory[pk]
        for pk in versions
        if pk in indexes_in_memory and indexes_in_memory[pk][0] == versions[pk]
    }
    if missing := versions.keys() - kept.keys():
        if len(indexes_in_memory) + len(missing) > MAX_INDEXES:
            indexes_in_memory.clear()
        fresh = dict(load_indexes(missing, heirs))
        kept |= {pk: (versions[pk], fresh.get(pk) or build_index(())) for pk in missing}
        indexes_in_memory.update(kept)
    return {pk: index for pk, (_, index) in kept.items()}


ENTRIES = """
SELECT entry.issue_id, entry.shelf, entry.position, issue.date, entry.id, coalesce(entry.paper_id, -entry.id),
       entry.shelf = 'front', entry.is_pick, card.score, card.votes, card.title,
       card.summary, card.authors, card.topics
FROM issues_issueentry entry JOIN issues_issue issue ON issue.id = entry.issue_id
CROSS JOIN LATERAL jsonb_to_record(entry.snapshot)
     AS card(score float8, votes int, title text, summary text, authors text[], topics jsonb)
WHERE entry.issue_id = ANY(%s) AND entry.dropped_at IS NULL
"""


def load_indexes(issue_ids: Collection[int], heirs: dict[str, tuple[str, str]]) -> Iterator[tuple[int, IssueIndex]]:
    """Yield (issue id, index) of each issue, from those parts of the snapshots that selection reads."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [list(issue_ids)])
        # Sorted here, because PostgreSQL would sort the long texts along with the keys, in a file.
        rows = sorted(cursor.fetchall(), key=lambda row: row[:3])
    wrong = objections.accepted_topics([row[5] for row in rows], clock.now())
    for issue_id, of_issue in groupby(rows, key=lambda row: int(row[0])):
        entries = [entry_of(row, heirs, wrong.get(row[5], ())) for row in of_issue]
        yield issue_id, build_index(entries, shelf_per_topic=settings.DIGEST_SHELF_PER_TOPIC)


def entry_of(row: tuple[Any, ...], heirs: dict[str, tuple[str, str]], wrong: Collection[str]) -> Entry:
    day, pk, paper_id, is_front, is_pick, score, votes, title, summary, authors, rows = row[3:]
    topics = spans.snapshot_topics(json.loads(rows), heirs, wrong)
    return Entry(pk, paper_id, is_front, is_pick, score, votes, title, summary, tuple(authors), *topics, day)

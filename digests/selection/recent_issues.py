"""The last days' issues as selection wants them, kept by each process for whoever asks what a choice would bring."""

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
KEPT = 2 * DAYS  # indexes a process keeps in memory, about 2 MB each for a shelf of 700

Version = tuple[Any, ...]  # what an index was made from; it is made anew where that is not so any more
known: dict[int, tuple[Version, IssueIndex]] = {}


def last_days() -> list[IssueDay]:
    """Return the last seven days of the calendar, oldest first; today counts as soon as its issue is published."""
    today = clock.today()
    issues = list(with_drops(today - timedelta(days=DAYS)))
    indexes = indexes_of({issue.pk: version_of(issue) for issue in issues})
    by_date = {issue.date: indexes[issue.pk] for issue in issues}
    last = today if today in by_date else today - timedelta(days=1)
    days = [last - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return [IssueDay(day, by_date.get(day)) for day in days]


def with_drops(since: date) -> Iterator[Any]:
    """Yield the published issues from a day on, each with how many papers were dropped from it, and when last."""
    dropped = Q(entries__dropped_at__isnull=False)
    issues = Issue.objects.out(clock.now()).filter(date__gte=since, date__lte=clock.today())
    return issues.annotate(drop_count=Count("entries", dropped), dropped_at=Max("entries__dropped_at")).iterator()


def version_of(issue: Any) -> Version:
    return issue.published_at, issue.drop_count, issue.dropped_at


def indexes_of(versions: dict[int, Version]) -> dict[int, IssueIndex]:
    """Return the index of each issue; those that are not in memory as they should be are loaded in one query."""
    heirs = {slug: (heir.slug, heir.name) for slug, heir in spans.retired_topics().items()}
    also = settings.DIGEST_SHELF_PER_TOPIC, heirs, objections.last_acceptance()
    versions = {pk: (*version, *also) for pk, version in versions.items()}
    kept = {pk: known[pk] for pk in versions if pk in known and known[pk][0] == versions[pk]}
    if missing := versions.keys() - kept.keys():
        if len(known) + len(missing) > KEPT:
            known.clear()
        fresh = dict(load(missing, heirs))
        kept |= {pk: (versions[pk], fresh.get(pk) or build_index(())) for pk in missing}
        known.update(kept)
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


def load(issue_ids: Collection[int], heirs: dict[str, tuple[str, str]]) -> Iterator[tuple[int, IssueIndex]]:
    """Yield the index of each issue, from those parts of the snapshots that selection reads."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [list(issue_ids)])
        # Sorted here: PostgreSQL would take the texts along, through a file.
        rows = sorted(cursor.fetchall(), key=lambda row: row[:3])
    wrong = objections.accepted_topics([row[5] for row in rows], clock.now())
    for issue_id, of_issue in groupby(rows, key=lambda row: int(row[0])):
        entries = [entry_of(row, heirs, wrong.get(row[5], ())) for row in of_issue]
        yield issue_id, build_index(entries, shelf_per_topic=settings.DIGEST_SHELF_PER_TOPIC)


def entry_of(row: tuple[Any, ...], heirs: dict[str, tuple[str, str]], wrong: Collection[str]) -> Entry:
    day, pk, paper_id, is_front, is_pick, score, votes, title, summary, authors, rows = row[3:]
    topics = spans.topics_in(json.loads(rows), heirs, wrong)
    return Entry(pk, paper_id, is_front, is_pick, score, votes, title, summary, tuple(authors), *topics, day)

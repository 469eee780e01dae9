"""What was published between two digests of a reader, as selection wants it.

Each question takes the moment it speaks of: what was dropped, withdrawn or retired later still stood then.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection

from digests.selection.entry_index import Choice, Entry, IssueIndex, build_index, note_words
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish_dry_run import DryRun
from newsletter.papers.models import DayRank, Topic
from newsletter.papers.topics.evidence import strongest_words


def issues_since(covered_through: datetime | None, until: datetime | None = None) -> list[Issue]:
    """Return the issues published after `covered_through` up to `until` (now), newest first.

    At most DIGEST_SPAN back; for a reader who was never served (None) only the newest counts.
    """
    until = until or clock.now()
    return not_covered(issues_at(until), covered_through)


def issues_at(at: datetime) -> list[Issue]:
    """Return all issues that a digest made at a moment may draw on, newest first."""
    out = Issue.objects.out(at).filter(published_at__gt=at - settings.DIGEST_SPAN)
    return list(out.order_by("-published_at"))


def not_covered(issues: list[Issue], covered_through: datetime | None) -> list[Issue]:
    if covered_through is None:
        return issues[:1]
    return [issue for issue in issues if issue.published_at and issue.published_at > covered_through]


@dataclass(slots=True, eq=False)
class Span:
    """Issues to choose from, newest first, indexed for the readers who were met so far."""

    issues: list[Issue]
    index: IssueIndex
    card_ids: dict[int, int] = field(default_factory=dict)  # by the number of an item

    @property
    def newest_at(self) -> datetime | None:
        """Return when the newest issue was published: what a reader who is served from here is covered through."""
        return self.issues[0].published_at


class Spans:
    """The spans of one moment, each indexed once for all readers who are served from it."""

    def __init__(self, now: datetime, coming: DryRun | None = None) -> None:
        """`coming` is an open issue that is taken for published."""
        self.now = now
        self.coming = coming
        self.known: dict[datetime | None, Span] = {}

    @cached_property
    def issues(self) -> list[Issue]:
        """All that there is to choose from, read once: what is published later has no part in this moment."""
        return [*([self.coming.issue] if self.coming else ()), *issues_at(self.now)]

    def of(self, covered_through: datetime | None, choice: Choice) -> Span:
        """Return the span of a reader, ready for what the reader chose."""
        if (span := self.known.get(covered_through)) is None:
            issues = not_covered(self.issues, covered_through)
            span = self.known[covered_through] = span_of(issues, at=self.now, coming=self.coming)
        note_words(span.index, choice)
        return span


def span_of(
    issues: list[Issue], choices: Iterable[Choice] = (), at: datetime | None = None, coming: DryRun | None = None
) -> Span:
    return Span(issues, build_index(entries_of(issues, at, coming), choices, settings.DIGEST_SHELF_PER_TOPIC))


def entries_of(issues: Collection[Issue], at: datetime | None = None, coming: DryRun | None = None) -> list[Entry]:
    """Return the kept entries, best first: the front before the shelf.

    In one issue by place; in several by the published order of the newest one's day, so that a week's best lead.
    An issue that is `coming` is the newest, if it is among them.
    """
    rows = [row for row in coming.entries if row.dropped_at is None] if coming and coming.issue in issues else []
    out = IssueEntry.objects.kept(at).filter(issue__in=[issue for issue in issues if not is_coming(issue, coming)])
    rows += out.order_by("shelf", "-issue__published_at", "position")
    heirs = retired_topics(at)
    entries = [entry_of(row, heirs) for row in sorted(rows, key=lambda row: row.shelf)]
    if len(issues) > 1:
        newest = max(issues, key=lambda issue: issue.date)
        places = coming.places if coming and is_coming(newest, coming) else places_of(newest.date)
        last = len(places) + 1
        entries.sort(key=lambda entry: (not entry.is_front, places.get(entry.paper_id, last), -entry.score))
    return entries


def is_coming(issue: Issue, coming: DryRun | None) -> bool:
    return coming is not None and issue == coming.issue


def places_of(day: date) -> dict[int, int]:
    """Return the place of each paper in the published order of a day."""
    return dict(DayRank.objects.filter(day__day=day).values_list("paper_id", "place"))


def entry_of(row: IssueEntry, heirs: dict[str, Topic]) -> Entry:
    card = row.snapshot
    topics, evidence = topics_in(card["topics"], {slug: (heir.slug, heir.name) for slug, heir in heirs.items()})
    return Entry(
        id=row.pk,
        paper_id=row.paper_id or -row.pk,
        is_front=row.shelf == IssueEntry.Shelf.FRONT,
        is_pick=row.is_pick,
        score=card["score"],
        votes=card["votes"],
        title=card["title"],
        summary=card["summary"],
        authors=tuple(card["authors"]),
        topics=topics,
        evidence=evidence,
    )


def topics_in(
    rows: Iterable[Mapping[str, Any]], heirs: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the name and the strongest evidence of each topic in a snapshot, by slug; a retired topic's heir too.

    `heirs` holds the slug and name of each retired topic's heir.
    """
    names, evidence = dict[str, str](), dict[str, str]()
    for row in rows:
        words = strongest_words(row.get("evidence", ()))
        for slug, name in [(row["slug"], row["name"]), *([heirs[row["slug"]]] if row["slug"] in heirs else ())]:
            names[slug] = name
            evidence.setdefault(slug, words)
    return names, evidence


def retired_topics(at: datetime | None = None) -> dict[str, Topic]:
    """Return the heir of each topic that was retired by a moment (now), by the slug of the retired one."""
    topics, at = Topic.objects.in_bulk(), at or clock.now()
    retired = {topic.pk for topic in topics.values() if topic.retired_into_id and is_past(topic.retired_at, at)}
    return {topics[pk].slug: heir_among(topics, retired, topics[pk]) for pk in retired}


def is_past(moment: datetime | None, at: datetime) -> bool:
    return moment is None or moment <= at


def heir_among(topics: Mapping[int, Topic], retired: Collection[int], topic: Topic) -> Topic:
    while topic.pk in retired:
        topic = topics[topic.first_heir_id or topic.retired_into_id or topic.pk]
    return topic


# Words are rare, and many chose the same topics: what is not there, or was read before, is not taken apart.
CHOICES = """
SELECT preferences.id, max_papers, minimum_score,
       chosen.topics, nullif(followed_phrases, '{}'), nullif(followed_authors, '{}'),
       nullif(muted_phrases, '{}'), nullif(muted_authors, '{}')
FROM subscribers_preferences preferences LEFT JOIN (
  SELECT preferences_id, string_agg(topic_id::text, ',' ORDER BY topic_id) AS topics
  FROM subscribers_preferencestopic WHERE preferences_id = ANY(%(ids)s::bigint[]) GROUP BY preferences_id
) chosen ON chosen.preferences_id = preferences.id
WHERE preferences.id = ANY(%(ids)s::bigint[])
"""


def choices_of(preferences: Collection[int], at: datetime | None = None) -> dict[int, Choice]:
    """Return the choice of each preferences row, by its id; retired topics stand as their heirs."""
    heirs = {slug: heir.slug for slug, heir in retired_topics(at).items()}
    slugs = {str(pk): heirs.get(slug, slug) for pk, slug in Topic.objects.values_list("pk", "slug")}
    known: dict[str | None, frozenset[str]] = {None: frozenset()}
    choices = {}
    with connection.cursor() as cursor:
        cursor.execute(CHOICES, {"ids": "{" + ",".join(map(str, preferences)) + "}"})
        for pk, most, least, topics, *words in cursor.fetchall():
            if topics not in known:
                known[topics] = frozenset([slugs[topic] for topic in topics.split(",")])
            fp, fa, mp, ma = [tuple(some) if some else () for some in words]
            choices[pk] = Choice(known[topics], fp, fa, mp, ma, most, least)
    return choices

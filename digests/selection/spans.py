"""Load what was published between two digests of a reader, for selection.

Functions take the moment they answer for: entries dropped, issues withdrawn and topics retired later still count.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from digests.selection.entry_index import Choice, Entry, IssueIndex, build_index, entries_of_papers, index_words
from digests.selection.objected_topics import index_without, older_without
from digests.selection.rules import OlderIssue
from digests.selection.standings import Standings, standings_at
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish_dry_run import DryRun
from newsletter.papers.community.objections import accepted_topics
from newsletter.papers.models import DayRank, Topic
from newsletter.papers.topics.evidence import strongest_words


def issues_at(at: datetime) -> list[Issue]:
    """Return all issues that a digest made `at` a moment may use, newest first: at most DIGEST_SPAN old."""
    out = Issue.objects.out(at).filter(published_at__gt=at - settings.DIGEST_SPAN)
    return list(out.order_by("-published_at"))


def issues_after(issues: list[Issue], covered_through: datetime | None) -> list[Issue]:
    """Keep the issues published after `covered_through`; only the newest for a reader without a digest yet (None)."""
    if covered_through is None:
        return issues[:1]
    return [issue for issue in issues if issue.published_at and issue.published_at > covered_through]


class OlderIssues:
    """Older issues, newest first; each is read once, and only when a digest has room left."""

    def __init__(self, unread: Iterator[OlderIssue]) -> None:
        self.unread = unread
        self.read: list[OlderIssue] = []

    def __iter__(self) -> Iterator[OlderIssue]:
        yield from self.read
        for issue in self.unread:
            self.read.append(issue)
            yield issue


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Issues to choose from, newest first, indexed together, and the older issues that fill what room they leave."""

    issues: list[Issue]
    index: IssueIndex
    older: Iterable[OlderIssue] = ()

    @property
    def newest_at(self) -> datetime | None:
        """Return when the newest issue was published; a digest of this span covers its reader through that moment."""
        return self.issues[0].published_at


class Spans:
    """The spans of one moment, each indexed once for all its readers."""

    def __init__(self, now: datetime, coming: DryRun | None = None) -> None:
        """Treat `coming`, an open issue, as published."""
        self.now = now
        self.coming = coming
        self.spans: dict[datetime | None, Span] = {}
        self.indexes: dict[int, IssueIndex] = {}  # by the id of an issue, as are the entries
        self.entries: dict[int, list[Entry]] = {}

    @cached_property
    def issues(self) -> list[Issue]:
        """All issues of this moment, newest first; read once, so that issues published later are ignored."""
        return [*([self.coming.issue] if self.coming else ()), *issues_at(self.now)]

    @cached_property
    def standings(self) -> Standings:
        return standings_at(self.now, self.coming)

    def load(self) -> None:
        """Read issues and standings now; they are read once."""
        _ = self.issues, self.standings

    def of(self, covered_through: datetime | None, choice: Choice) -> Span:
        """Return the span of readers covered through a moment, with what `choice` follows and mutes indexed."""
        if (span := self.spans.get(covered_through)) is None:
            span = self.spans[covered_through] = self.span_of(issues_after(self.issues, covered_through))
        index_words(span.index, choice)
        return span

    def without(
        self, span: Span, objections: Iterable[tuple[int, int]], choice: Choice, had: Collection[int] = ()
    ) -> Span:
        """Return a span without the topics that a reader objected to; `objections` are (paper id, topic id).

        Objections to papers that the reader `had` are ignored, because these never come again.
        """
        open_ones = [(paper_id, topic_id) for paper_id, topic_id in objections if paper_id not in had]
        pairs = {
            (same, slug)
            for paper_id, topic_id in open_ones
            for same in self.standings.same_as(paper_id)
            for slug in self.slugs.get(topic_id, ())
        }
        if not pairs:
            return span
        older = OlderIssues(older_without(span.older, pairs, choice))
        return Span(span.issues, index_without(span.index, pairs, choice), older)

    @cached_property
    def slugs(self) -> dict[int, tuple[str, ...]]:
        """The slug of each topic, and of its heir if it is retired, by the topic's id."""
        heirs = {slug: heir.slug for slug, heir in heirs_of_retired_topics(self.now).items()}
        return {pk: (slug, heirs.get(slug, slug)) for pk, slug in Topic.objects.values_list("pk", "slug")}

    def span_of(self, issues: list[Issue], choices: Iterable[Choice] = ()) -> Span:
        """Return the span of some issues, newest first."""
        index = self.index_of(issues)
        for choice in choices:
            index_words(index, choice)
        return Span(issues, index, OlderIssues(self.older_than(issues, index)) if issues else ())

    def index_of(self, issues: list[Issue]) -> IssueIndex:
        if len(issues) == 1 and issues[0].pk in self.indexes:
            return self.indexes[issues[0].pk]
        index = build_index(self.entries_of(issues), shelf_per_topic=settings.DIGEST_SHELF_PER_TOPIC)
        if len(issues) == 1:
            self.indexes[issues[0].pk] = index
        return index

    def entries_of(self, issues: Sequence[Issue]) -> list[Entry]:
        """Return the kept entries of some issues, newest first, in order: the front before the shelf, the best first.

        One issue is ordered by position; several by the published order of the newest issue's day, so that the best of
        the week come first. Each issue is read once.
        """
        if missing := [issue for issue in issues if issue.pk not in self.entries]:
            self.entries |= load_entries(missing, self.now, self.coming)
        entries = [entry for issue in issues for entry in self.entries[issue.pk]]
        if len(issues) > 1:
            newest, coming = issues[0], self.coming
            places = coming.places if coming and is_coming(newest, coming) else ranked_places(newest.date)
            last = len(places) + 1
            entries.sort(key=lambda entry: (not entry.is_front, places.get(entry.paper_id, last), -entry.score))
        return entries

    def older_than(self, issues: list[Issue], index: IssueIndex) -> Iterator[OlderIssue]:
        """Yield the issues of the last days that are not among `issues`, newest first.

        Closed are free items, papers that a newer issue holds too, and papers that first stood in an issue more than
        DIGEST_SHELF_DAYS ago.
        """
        since = self.now - settings.DIGEST_SHELF_AGE
        heir, first_at = self.standings.heir, self.standings.first_at
        newer = {heir(paper_id) for paper_id in index.by_paper}
        for issue in self.issues:
            if issue in issues or issue.published_at is None or issue.published_at <= since:
                continue
            older = self.index_of([issue])
            papers = {paper_id: heir(paper_id) for paper_id in older.by_paper}
            closed = {pk for pk, own in papers.items() if own in newer or first_at.get(own, since) <= since}
            yield OlderIssue(older, older.free | entries_of_papers(older, closed))
            newer.update(papers.values())

    def earliest_standings(self) -> list[tuple[datetime, datetime]]:
        """Return for each issue its `published_at`, and when the earliest of its papers first stood in an issue.

        No digest made before that second moment holds any of its papers.
        """
        earliest = self.standings.earliest
        published = [issue.published_at for issue in self.issues if issue.published_at]
        return [(at, earliest.get(at, at)) for at in published]


def load_entries(issues: Collection[Issue], at: datetime, coming: DryRun | None = None) -> dict[int, list[Entry]]:
    """Return the kept entries of each issue by its id, the front before the shelf and each by position."""
    rows = [row for row in coming.entries if row.dropped_at is None] if coming and coming.issue in issues else []
    out = IssueEntry.objects.kept(at).filter(issue__in=[issue for issue in issues if not is_coming(issue, coming)])
    rows += out.order_by("shelf", "position")
    heirs = {slug: (heir.slug, heir.name) for slug, heir in heirs_of_retired_topics(at).items()}
    days = {issue.pk: issue.date for issue in issues}
    wrong = accepted_topics([row.paper_id for row in rows if row.paper_id], at)
    entries: dict[int, list[Entry]] = {pk: [] for pk in days}
    for row in sorted(rows, key=lambda row: row.shelf):
        entries[row.issue_id].append(entry_of(row, heirs, days[row.issue_id], wrong.get(row.paper_id or 0, ())))
    return entries


def is_coming(issue: Issue, coming: DryRun | None) -> bool:
    return coming is not None and issue == coming.issue


def ranked_places(day: date) -> dict[int, int]:
    """Return the place of each paper in the published order of a day."""
    return dict(DayRank.objects.filter(day__day=day).values_list("paper_id", "place"))


def entry_of(row: IssueEntry, heirs: Mapping[str, tuple[str, str]], day: date, wrong: Collection[str]) -> Entry:
    card = row.snapshot
    topics = snapshot_topics(card["topics"], heirs, wrong)
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
        topics=topics.names,
        evidence=topics.evidence,
        fits=topics.fits,
        day=day,
    )


class SnapshotTopics(NamedTuple):
    """The topics of a snapshot by slug; snapshots made before fits were recorded have no fits."""

    names: dict[str, str]
    evidence: dict[str, str]  # the words that speak most for the topic
    fits: dict[str, float]


def snapshot_topics(
    rows: Iterable[Mapping[str, Any]], heirs: Mapping[str, tuple[str, str]], wrong: Collection[str] = ()
) -> SnapshotTopics:
    """Return the topics of a snapshot without `wrong` ones and their heirs; a retired topic stands beside its heir.

    `heirs` holds (slug, name) of each heir by the retired topic's slug.
    """
    found = SnapshotTopics({}, {}, {})
    wrong = {*wrong, *(heirs[slug][0] for slug in wrong if slug in heirs)}
    for row in rows:
        words, fit = strongest_words(row.get("evidence", ())), row.get("fit")
        for slug, name in [(row["slug"], row["name"]), *([heirs[row["slug"]]] if row["slug"] in heirs else ())]:
            if slug in wrong:
                continue
            found.names[slug] = name
            if slug not in found.evidence or (fit or 0.0) > found.fits.get(slug, 0.0):
                found.evidence[slug] = words
            if fit is not None:
                found.fits[slug] = max(fit, found.fits.get(slug, 0.0))
    return found


def heirs_of_retired_topics(at: datetime | None = None) -> dict[str, Topic]:
    """Return the heir of each topic that was retired by `at` (default: now), by the retired topic's slug."""
    topics, at = Topic.objects.in_bulk(), at or clock.now()
    retired = {topic.pk for topic in topics.values() if topic.retired_into_id and is_past(topic.retired_at, at)}
    return {topics[pk].slug: final_heir(topics, retired, topics[pk]) for pk in retired}


def is_past(moment: datetime | None, at: datetime) -> bool:
    return moment is None or moment <= at


def final_heir(topics: Mapping[int, Topic], retired: Collection[int], topic: Topic) -> Topic:
    while topic.pk in retired:
        topic = topics[topic.first_heir_id or topic.retired_into_id or topic.pk]
    return topic


# Few readers follow words and many chose the same topics: empty arrays become NULL, and each list of topics is parsed
# once.
CHOICES = """
SELECT preferences.id, max_papers, minimum_score, detail,
       chosen.topics, nullif(followed_phrases, '{}'), nullif(followed_authors, '{}'),
       nullif(muted_phrases, '{}'), nullif(muted_authors, '{}')
FROM subscribers_preferences preferences LEFT JOIN (
  SELECT preferences_id, string_agg(topic_id::text, ',' ORDER BY topic_id) AS topics
  FROM subscribers_preferencestopic WHERE preferences_id = ANY(%(ids)s::bigint[]) GROUP BY preferences_id
) chosen ON chosen.preferences_id = preferences.id
WHERE preferences.id = ANY(%(ids)s::bigint[])
"""


def choices_of(preferences: Collection[int], at: datetime | None = None) -> dict[int, Choice]:
    """Return the choice of each preferences row by its id, with heirs in place of retired topics."""
    heirs = {slug: heir.slug for slug, heir in heirs_of_retired_topics(at).items()}
    slugs = {str(pk): heirs.get(slug, slug) for pk, slug in Topic.objects.values_list("pk", "slug")}
    known: dict[str | None, frozenset[str]] = {None: frozenset()}
    choices = {}
    with connection.cursor() as cursor:
        cursor.execute(CHOICES, {"ids": "{" + ",".join(map(str, preferences)) + "}"})
        for pk, most, least, detail, topics, *words in cursor.fetchall():
            if topics not in known:
                known[topics] = frozenset([slugs[topic] for topic in topics.split(",")])
            fp, fa, mp, ma = [tuple(some) if some else () for some in words]
            choices[pk] = Choice(known[topics], fp, fa, mp, ma, most, least, detail)
    return choices

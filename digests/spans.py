"""What was published between two digests of a reader, as selection wants it."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings

from digests.selection import Choice, Entry, IssueIndex, build_index
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Topic
from subscribers.models import Preferences


def issues_since(covered_through: datetime | None, until: datetime | None = None) -> list[Issue]:
    """Return the issues published after `covered_through` up to `until` (now), newest first.

    At most DIGEST_SPAN back; for a reader who was never served (None) only the newest counts.
    """
    until = until or clock.now()
    published = Issue.objects.published().filter(published_at__lte=until).order_by("-published_at")
    if covered_through is None:
        return list(published.filter(published_at__gt=until - settings.DIGEST_SPAN)[:1])
    return list(published.filter(published_at__gt=max(covered_through, until - settings.DIGEST_SPAN)))


def index_of(issues: Collection[Issue], preferences: Collection[Preferences]) -> IssueIndex:
    """Return the entries of `issues` indexed for the readers of `preferences`."""
    phrases = {p for row in preferences for p in (*row.followed_phrases, *row.muted_phrases)}
    authors = {a for row in preferences for a in (*row.followed_authors, *row.muted_authors)}
    return build_index(entries_of(issues), phrases, authors, settings.DIGEST_SHELF_PER_TOPIC)


def entries_of(issues: Collection[Issue]) -> list[Entry]:
    """Return the kept entries, best first: the front before the shelf; in one issue by place, else by score."""
    rows = IssueEntry.objects.kept().filter(issue__in=issues)
    heirs = retired_topics()
    entries = [entry_of(row, heirs) for row in rows.order_by("shelf", "-issue__published_at", "position")]
    if len(issues) > 1:
        entries.sort(key=lambda entry: (not entry.is_front, -entry.score))
    return entries


def entry_of(row: IssueEntry, heirs: dict[str, Topic]) -> Entry:
    card = row.snapshot
    topics = {topic["slug"]: topic["name"] for topic in card["topics"]}
    inherited = {heir.slug: heir.name for slug in topics if (heir := heirs.get(slug))}
    return Entry(
        id=row.pk,
        paper_id=row.paper_id,
        is_front=row.shelf == IssueEntry.Shelf.FRONT,
        is_pick=row.is_pick,
        score=card["score"],
        votes=card["votes"],
        title=card["title"],
        summary=card["summary"],
        authors=tuple(card["authors"]),
        topics=topics | inherited,
    )


def retired_topics() -> dict[str, Topic]:
    """Return the heir of each retired topic, by the slug of the retired one."""
    retired = Topic.objects.exclude(retired_into=None).select_related("retired_into")
    return {topic.slug: topic.retired_into for topic in retired if topic.retired_into}


def choices_of(preferences: Collection[int]) -> dict[int, tuple[Preferences, Choice]]:
    """Return the choice of each preferences row, by its id; retired topics stand as their heirs."""
    heirs = retired_topics()
    rows = Preferences.objects.filter(pk__in=preferences).prefetch_related("topics")
    return {row.pk: (row, choice_of(row, heirs)) for row in rows}


def choice_of(row: Preferences, heirs: dict[str, Topic]) -> Choice:
    slugs = (topic.slug for topic in row.topics.all())
    return Choice(
        topics=frozenset(heirs[slug].slug if slug in heirs else slug for slug in slugs),
        followed_phrases=tuple(row.followed_phrases),
        followed_authors=tuple(row.followed_authors),
        muted_phrases=tuple(row.muted_phrases),
        muted_authors=tuple(row.muted_authors),
        max_papers=row.max_papers,
        minimum_score=row.minimum_score,
    )

"""Computes whom an issue reaches now: what assembly would do if the issue were published and every reader due.

Readers with the same preferences and history form one group (reader_groups.py), and each group is drawn for once with
assembly's own functions.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from digests.assembly.histories_of_due import PapersSent, papers_in_history
from digests.models import Delivery
from digests.previews import reader_groups
from digests.previews.reader_groups import CountedGroup
from digests.selection import digest_choice, spans
from digests.selection.spans import Spans
from newsletter import clock
from newsletter.issues import publish_dry_run
from newsletter.issues.models import Issue, IssueEntry
from subscribers.models import Subscriber

AHEAD = timedelta(hours=24)
Reason = Delivery.Reason


@dataclass(frozen=True, slots=True)
class Reach:
    """Readers whose next slot lies in the next 24 hours, by what they get."""

    sizes: Mapping[int, int] = field(default_factory=dict)  # readers by number of papers; free items do not count
    nothing: Mapping[str, int] = field(default_factory=dict)  # readers who get no digest, by Delivery.Reason
    entries: Mapping[int, int] = field(default_factory=dict)  # readers of each kept entry of the issue, by entry id
    later: int = 0  # readers whose slot comes after 24 hours
    papers: int = 0  # papers of the issue that reach at least one reader
    first_at: datetime | None = None  # when the first digest leaves
    last_at: datetime | None = None  # when the last digest leaves
    first_zone: str = ""

    @property
    def readers(self) -> int:
        """Readers who get a digest."""
        return sum(self.sizes.values())

    @property
    def empty(self) -> int:
        """Readers who get no digest."""
        return sum(self.nothing.values())


def compute_reach(issue: Issue) -> Reach:
    """Compute whom a draft would reach if it were published now, or whom a published issue reaches from now on.

    Stores nothing. This takes seconds for a million readers, so pages show the last stored figure (reach_cache.py).
    """
    now = clock.now()
    source = spans_if_published(issue, now)
    with garbage_collection_disabled():
        groups = reader_groups.count_groups_due_by(now + AHEAD, source)
        return sum_draws(draw_for_groups(source, groups, now), drawable_entry_ids(issue, source), now)


@contextmanager
def garbage_collection_disabled() -> Iterator[None]:
    """Disable the cyclic garbage collector: there are no cycles to free, and its scans doubled the run time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def spans_if_published(issue: Issue, now: datetime) -> Spans:
    """Return the spans to draw from, with an open issue treated as published."""
    if not issue.is_open:
        return Spans(now)
    with publish_dry_run.dry_run(issue, now) as coming:
        source = Spans(now, coming)
        source.load()  # before the dry run takes back what publication would change
        return source


def drawable_entry_ids(issue: Issue, source: Spans) -> list[int]:
    """Return the ids of the issue's entries that can be drawn."""
    if source.coming:
        return [entry.pk for entry in source.coming.entries if entry.dropped_at is None]
    return list(issue.entries.kept().values_list("pk", flat=True))


GroupDraw = tuple[
    CountedGroup, tuple[int, ...], str
]  # readers, the ids of their entries in order, or why there are none


def draw_for_groups(source: Spans, groups: Sequence[CountedGroup], now: datetime) -> Iterator[GroupDraw]:
    """Yield what each group gets. Groups whose preferences no longer exist are left out."""
    choices = spans.choices_of({readers.group.preferences_id for readers in groups}, now)
    sent = PapersSent(source.standings).of({digest_id for readers in groups for digest_id in readers.group.history})
    for readers in groups:
        preferences_id, covered, history, *_ = readers.group
        if readers.is_paused or readers.is_late:
            yield readers, (), Reason.PAUSED if readers.is_paused else Reason.EXPIRED
        elif (choice := choices.get(preferences_id)) is not None:
            span = source.of(covered, choice)
            found = digest_choice.draw(span, choice, papers_in_history(history, sent), is_first=covered is None)
            yield readers, tuple([index.entries[number].id for index, number in found.places]), found.reason


def sum_draws(draws: Iterable[GroupDraw], entries: Iterable[int], now: datetime) -> Reach:
    orders, nothing, free_ids = Counter[tuple[int, ...]](), Counter[str](), free_item_ids()
    first, last = None, None  # seconds since 1970
    for group, ids, reason in draws:
        if not ids:
            nothing[str(reason)] += group.readers
            continue
        orders[ids] += group.readers
        first = group.first_at if first is None else min(first, group.first_at)
        last = group.last_at if last is None else max(last, group.last_at)
    sizes, reached = Counter[int](), Counter[int]()
    for ids, count in orders.items():
        sizes[sum(pk not in free_ids for pk in ids)] += count
        for pk in ids:
            reached[pk] += count
    return Reach(
        dict(sorted(sizes.items())),
        dict(nothing.most_common()),
        {pk: reached[pk] for pk in entries},
        reader_groups.count_due_after(now + AHEAD),
        sum(reached[pk] > 0 and pk not in free_ids for pk in entries),
        departure_at(first, now),
        departure_at(last, now),
        zone_of_slot(first),
    )


def free_item_ids() -> frozenset[int]:
    """Return the ids of entries that are not papers. There are few of them even in an old archive."""
    return frozenset(IssueEntry.objects.filter(paper=None).values_list("pk", flat=True))


def departure_at(seconds: int | None, now: datetime) -> datetime | None:
    """Return the later of the slot (in seconds since 1970) and `now`: an overdue reader is served at once."""
    return None if seconds is None else max(now, datetime.fromtimestamp(seconds, UTC))


def zone_of_slot(seconds: int | None) -> str:
    """Return the time zone of one reader with this slot, empty when there is none."""
    if seconds is None:
        return ""
    slot = datetime.fromtimestamp(seconds, UTC)
    sharing = Subscriber.objects.active().filter(
        next_digest_at__gte=slot, next_digest_at__lt=slot + timedelta(seconds=1)
    )
    return str(sharing.values_list("timezone", flat=True).first() or "")

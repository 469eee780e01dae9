"""Whom an issue reaches as things stand: what assembly would do, were the issue published now and every reader due.

Readers who get the same are drawn for once (readership.py), by the functions that assembly draws with.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from digests.assembly.already_sent import PapersSent, had_by
from digests.models import Delivery
from digests.previews import reader_groups
from digests.previews.reader_groups import Readers
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

    sizes: Mapping[int, int] = field(default_factory=dict)  # readers by how many papers they get; free items are none
    nothing: Mapping[str, int] = field(default_factory=dict)  # readers who get none, by Delivery.Reason
    entries: Mapping[int, int] = field(default_factory=dict)  # readers by the id of each kept entry of the issue
    later: int = 0  # readers whose slot comes after that
    papers: int = 0  # of the issue, that reach anybody
    first_at: datetime | None = None  # when the first digest leaves, and the last
    last_at: datetime | None = None
    first_zone: str = ""

    @property
    def readers(self) -> int:
        """Readers who get a digest."""
        return sum(self.sizes.values())

    @property
    def empty(self) -> int:
        """Readers who get none."""
        return sum(self.nothing.values())


def reach_of(issue: Issue) -> Reach:
    """Work out whom a draft would reach if it were published now, or a published issue does from now on.

    Nothing is kept. It takes seconds where there are a million readers: a page shows the last stored figure.
    """
    now = clock.now()
    source = standing(issue, now)
    with no_collection():
        groups = reader_groups.due_by(now + AHEAD, source)
        return summed(drawn(source, groups, now), entries_of(issue, source), now)


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: there is none, and looking through all that is held takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def standing(issue: Issue, now: datetime) -> Spans:
    """Return what there is to choose from, with an open issue as if it were published."""
    if not issue.is_open:
        return Spans(now)
    with publish_dry_run.published_at(issue, now) as coming:
        source = Spans(now, coming)
        source.earliest_standings()  # read while papers and picks are as publication would leave them
        return source


def entries_of(issue: Issue, source: Spans) -> list[int]:
    """Return the ids of what of the issue can be drawn."""
    if source.coming:
        return [entry.pk for entry in source.coming.entries if entry.dropped_at is None]
    return list(issue.entries.kept().values_list("pk", flat=True))


Drawn = tuple[Readers, tuple[int, ...], str]  # readers, the ids of their entries in order, or why there are none


def drawn(source: Spans, groups: Sequence[Readers], now: datetime) -> Iterator[Drawn]:
    """Yield what each group gets."""
    choices = spans.choices_of({readers.group.preferences_id for readers in groups}, now)
    sent = PapersSent(source.standings).of({digest_id for readers in groups for digest_id in readers.group.history})
    for readers in groups:
        preferences_id, covered, history = readers.group
        if readers.is_paused or readers.is_late:
            yield readers, (), Reason.PAUSED if readers.is_paused else Reason.EXPIRED
        elif (choice := choices.get(preferences_id)) is not None:
            span = source.of(covered, choice)
            found = digest_choice.draw(span, choice, had_by(history, sent), is_first=covered is None)
            yield readers, tuple([index.entries[number].id for index, number in found.places]), found.reason


def summed(drawn: Iterable[Drawn], entries: Iterable[int], now: datetime) -> Reach:
    orders, nothing, free = Counter[tuple[int, ...]](), Counter[str](), free_items()
    first, last = None, None
    for group, ids, reason in drawn:
        if not ids:
            nothing[str(reason)] += group.readers
            continue
        orders[ids] += group.readers
        first = group.first_at if first is None else min(first, group.first_at)
        last = group.last_at if last is None else max(last, group.last_at)
    sizes, reached = Counter[int](), Counter[int]()
    for ids, count in orders.items():
        sizes[sum(pk not in free for pk in ids)] += count
        for pk in ids:
            reached[pk] += count
    return Reach(
        dict(sorted(sizes.items())),
        dict(nothing.most_common()),
        {pk: reached[pk] for pk in entries},
        reader_groups.due_later(now + AHEAD),
        sum(reached[pk] > 0 and pk not in free for pk in entries),
        moment_of(first, now),
        moment_of(last, now),
        zone_of(first),
    )


def free_items() -> frozenset[int]:
    """Return the ids of entries that are no papers: few, whatever the age of the archive."""
    return frozenset(IssueEntry.objects.filter(paper=None).values_list("pk", flat=True))


def moment_of(seconds: int | None, now: datetime) -> datetime | None:
    """Return the moment of a slot, and for one that is past the present: its reader is served at once."""
    return None if seconds is None else max(now, datetime.fromtimestamp(seconds, UTC))


def zone_of(seconds: int | None) -> str:
    """Return the zone of a reader whose slot this is."""
    if seconds is None:
        return ""
    slot = datetime.fromtimestamp(seconds, UTC)
    there = Subscriber.objects.active().filter(
        next_digest_at__gte=slot, next_digest_at__lt=slot + timedelta(seconds=1)
    )
    return str(there.values_list("timezone", flat=True).first() or "")

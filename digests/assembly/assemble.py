"""The step that finds who is due, chooses what is new to them, and writes digests, deliveries and batches.

Readers are served shard by shard. Readers whose choice and history lead to the same selection form a group; a digest
is chosen once for each group, and equal selections share one digest, so that cost grows with distinct digests. Rows
of readers are read and written by SQL alone (`due_readers`).
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from digests.assembly import digest_rows, due_readers, histories_of_due
from digests.assembly.due_readers import CallShape, DueShard, DueSlot, Group, GroupAnswer, NextSlot
from digests.providers import provider_of
from digests.selection import digest_choice, spans
from digests.selection.digest_choice import DigestChoice
from digests.selection.entry_index import Choice
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.issues.models import Issue
from subscribers.digest_schedule import day_of, is_paused, slot_after

In = TypeVar("In")
Out = TypeVar("Out")
logger = logging.getLogger(__name__)
READERS_PER_SHARD = 125_000  # their groups fit into memory
PUBLISHING_TIME = timedelta(minutes=15)  # for so long after its cutoff a draft counts as being published


@dataclass(frozen=True, slots=True)
class AssemblyReport:
    """How many due readers one run served, and the batches it planned."""

    due: int
    batch_ids: list[int]


def assemble_due_digests(wake: Callable[[Sequence[int]], None] = lambda batch_ids: None) -> AssemblyReport:
    """Serve every reader who is due now. Safe to repeat, to run twice at once, and to be killed anywhere.

    `wake` is called with the ids of batches as soon as they are committed.
    """
    run = Run(wake)
    while run.serve_round():
        pass
    return AssemblyReport(run.due, run.batch_ids)


class Run:
    """One assembly at one moment; it keeps what it has loaded and written for the shards that follow."""

    def __init__(self, wake: Callable[[Sequence[int]], None] = lambda batch_ids: None) -> None:
        self.wake = wake
        self.now = clock.now()
        self.spans = spans.Spans(self.now)
        self.digests = digest_rows.DigestWriter(self.now)
        self.everybody = DueShard(self.now, newest_before_draft(self.now))
        self.due = 0
        self.batch_ids: list[int] = []

    def serve_round(self) -> bool:
        """Serve the due readers, shard by shard; return whether more may be due, as after an outage.

        Raise the first error of a shard once all shards were tried.
        """
        before, count = self.due, due_readers.count_due(self.everybody)
        if not count:
            return False
        parts = 1 << ((count - 1) // READERS_PER_SHARD).bit_length()
        errors = [error for part in range(parts) if (error := self.try_shard(part, parts))]
        if errors:
            raise errors[0]
        return self.due > before

    def try_shard(self, part: int, parts: int) -> Exception | None:
        """Serve one shard; log and return its error, so that the other shards are still served."""
        try:
            self.serve_shard(self.everybody._replace(part=part, parts=parts))
        except (InterfaceError, OperationalError):
            raise
        except Exception as exc:
            logger.exception("Shard %s of %s cannot be served", part, parts)
            return exc
        return None

    def serve_shard(self, shard: DueShard) -> None:
        """Serve the readers of one shard, unless another assembler is serving it."""
        with advisory_locks.held(Lock.ASSEMBLY, f"{shard.part} of {shard.parts}") as is_mine:
            if not is_mine or not (loaded := due_readers.load_due_readers(shard, self.spans)):
                return
            next_slots = map_or_log(self.next_slot, due_readers.load_due_slots())
            due_readers.store_answers(next_slots, self.answer_groups(due_readers.load_groups()))
            planned = due_readers.plan_deliveries(self.call_shape)
            for served, batch_ids in due_readers.write_deliveries(shard, self.call_shape, loaded, planned):
                self.due += served
                self.batch_ids += batch_ids
                self.wake(batch_ids)
            due_readers.drop_tables()

    @cached_property
    def call_shape(self) -> CallShape:
        """The calls of today's provider; `sending.call_split` splits them again for another one."""
        with provider_of(settings) as provider:
            return CallShape(provider.lane, provider.most, provider.shares_content)

    @cached_property
    def papers_sent(self) -> histories_of_due.PapersSent:
        return histories_of_due.PapersSent(self.spans.standings)

    def next_slot(self, due_slot: DueSlot) -> NextSlot:
        """Return the slot after `due_slot`; one that passed meanwhile and is not too late is due at once."""
        rhythm, slot, is_welcome = due_slot
        next_at = slot_after(rhythm, slot, self.now - settings.DIGEST_LATEST, is_welcome=is_welcome)
        return NextSlot(due_slot, next_at, is_paused(rhythm, day_of(rhythm, slot)))

    def answer_groups(self, groups: Collection[Group]) -> list[GroupAnswer]:
        """Write the digests of `groups`; return what each gets. Groups whose preferences are gone are left out."""
        choices = spans.choices_of({group.preferences_id for group in groups}, self.now)
        known = [group for group in groups if group.preferences_id in choices]
        sent = self.papers_sent.of({digest_id for group in known for digest_id in group.history})
        chosen = map_or_log(lambda group: (group, self.choose(group, choices[group.preferences_id], sent)), known)
        digest_ids = self.digests.write(choice.content for _, choice in chosen if choice.content)
        return [
            GroupAnswer(group, digest_ids[choice.content] if choice.content else None, choice)
            for group, choice in chosen
        ]

    def choose(self, group: Group, choice: Choice, sent: Mapping[int, frozenset[int]]) -> DigestChoice:
        span, had = (
            self.spans.of(group.covered_through, choice),
            histories_of_due.papers_in_history(group.history, sent),
        )
        span = self.spans.without(span, group.objections, choice, had)
        is_first = group.covered_through is None
        return digest_choice.choose_digest(span, choice, had, is_first=is_first, is_weekly=group.is_weekly)


def map_or_log(work: Callable[[In], Out], items: Iterable[In]) -> list[Out]:
    """Map `work` over `items`; log and skip those that raise. Their readers stay due."""
    results = []
    for item in items:
        try:
            results.append(work(item))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            logger.exception("Skipped %r: its readers stay due", item)
    return results


def newest_before_draft(now: datetime) -> datetime | None:
    """Return when the newest issue was published, while today's is being published; None at any other time.

    Publication begins at the cutoff and takes a while, during which the issue is still a draft.
    """
    is_coming = Q(status=Issue.Status.DRAFT) | Q(published_at__gt=now)
    coming = Issue.objects.filter(is_coming, date=now.date(), cutoff_at__gt=now - PUBLISHING_TIME)
    if not coming.exists():
        return None
    published = Issue.objects.published().filter(published_at__lte=now).order_by("-published_at")
    return published.values_list("published_at", flat=True).first()

"""The step that finds who is due, chooses what is new to them, and writes digests, deliveries and batches.

Readers are served part by part. What decides a selection makes a group, each group is answered once, and equal answers
share one digest: cost grows with distinct digests. Readers themselves are only ever touched by SQL (due.py).
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

from digests.assembly import already_sent, digest_rows, due_readers
from digests.assembly.due_readers import Appointment, CallShape, Given, Group, Look, Moment
from digests.providers import provider_of
from digests.selection import digest_choice, spans
from digests.selection.digest_choice import DigestChoice
from digests.selection.entry_index import Choice
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.issues.models import Issue
from subscribers.digest_schedule import day_of, is_paused, slot_after

Asked = TypeVar("Asked")
Told = TypeVar("Told")
logger = logging.getLogger(__name__)
PART = 125_000  # readers looked at together: as many as fit into memory by their groups
PUBLISHING = timedelta(minutes=15)  # after its cutoff a draft may stay one for so long, if its worker is busy


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one run came to: readers who were due and are served, and the batches that wait to be sent."""

    due: int
    batch_ids: list[int]


def assemble_due_digests(wake: Callable[[Sequence[int]], None] = lambda batch_ids: None) -> Assembled:
    """Serve every reader who is due now. Safe to repeat, to run twice at once, and to be killed anywhere.

    `wake` is told of batches as soon as they wait to be sent.
    """
    run = Run(wake)
    while run.serve_round():
        pass
    return Assembled(run.due, run.batch_ids)


class Run:
    """One assembly at one moment; it remembers what it worked out for the readers before."""

    def __init__(self, wake: Callable[[Sequence[int]], None] = lambda batch_ids: None) -> None:
        self.wake = wake
        self.now = clock.now()
        self.spans = spans.Spans(self.now)
        self.digests = digest_rows.Digests(self.now)
        self.look = Look(self.now, newest_before_draft(self.now))
        self.due = 0
        self.batch_ids: list[int] = []

    def serve_round(self) -> bool:
        """Serve those who are due, part by part; say whether there may be more, as after an outage there are."""
        before, count = self.due, due_readers.count(self.look)
        if not count:
            return False
        parts = 1 << ((count - 1) // PART).bit_length()
        errors = [error for part in range(parts) if (error := self.try_part(part, parts))]
        if errors:
            raise errors[0]
        return self.due > before

    def try_part(self, part: int, parts: int) -> Exception | None:
        """Serve one part; what goes wrong with it keeps no other waiting."""
        try:
            self.serve_part(self.look._replace(part=part, parts=parts))
        except (InterfaceError, OperationalError):
            raise
        except Exception as exc:
            logger.exception("Part %s of %s cannot be served", part, parts)
            return exc
        return None

    def serve_part(self, look: Look) -> None:
        """Serve the readers of one part, unless another assembler is at it."""
        with advisory_locks.held(Lock.ASSEMBLY, f"{look.part} of {look.parts}") as is_mine:
            if not is_mine or not (seen := due_readers.see(look, self.spans)):
                return
            due_readers.tell(worked_out(self.moment, due_readers.appointments()), self.answers(due_readers.groups()))
            planned = due_readers.plan(self.lane)
            for moved, batch_ids in due_readers.deliver(look, self.lane, seen, planned):
                self.due += moved
                self.batch_ids += batch_ids
                self.wake(batch_ids)
            due_readers.forget()

    @cached_property
    def lane(self) -> CallShape:
        """Return how batches are cut for the provider of now; for another one they are cut anew."""
        with provider_of(settings) as provider:
            return CallShape(provider.lane, provider.most, provider.shares_content)

    @cached_property
    def sent(self) -> already_sent.PapersSent:
        return already_sent.PapersSent(self.spans.standings)

    def moment(self, appointment: Appointment) -> Moment:
        """Say what follows: a slot that came meanwhile and is not too late is due again at once."""
        rhythm, slot, is_welcome = appointment
        next_at = slot_after(rhythm, slot, self.now - settings.DIGEST_LATEST, is_welcome=is_welcome)
        return Moment(appointment, next_at, is_paused(rhythm, day_of(rhythm, slot)))

    def answers(self, groups: Collection[Group]) -> list[tuple[Group, Given]]:
        """Return what each group gets, its digest written."""
        choices = spans.choices_of({group.preferences_id for group in groups}, self.now)
        known = [group for group in groups if group.preferences_id in choices]
        sent = self.sent.of({digest_id for group in known for digest_id in group.history})
        answers = dict(
            worked_out(lambda group: (group, self.answer(group, choices[group.preferences_id], sent)), known)
        )
        digest_ids = self.digests.write(answer.content for answer in answers.values() if answer.content)
        return [
            (group, Given(digest_ids[content] if content else None, covered_to, reason, note))
            for group, (content, covered_to, reason, note) in answers.items()
        ]

    def answer(self, group: Group, choice: Choice, sent: Mapping[int, frozenset[int]]) -> DigestChoice:
        span, had = self.spans.of(group.covered_through, choice), already_sent.had_by(group.history, sent)
        span = self.spans.without(span, group.objections, choice, had)
        is_first = group.covered_through is None
        return digest_choice.answer(span, choice, had, is_first=is_first, is_weekly=group.is_weekly)


def worked_out(work: Callable[[Asked], Told], asked: Iterable[Asked]) -> list[Told]:
    """Return what `work` makes of each; what it cannot deal with is logged, and its readers wait for the mend."""
    told = []
    for one in asked:
        try:
            told.append(work(one))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            logger.exception("%r cannot be worked out, and its readers are left out", one)
    return told


def newest_before_draft(now: datetime) -> datetime | None:
    """Return when the newest issue was published, while today's is on its way: still a draft at `now`; else None.

    Its publication begins at the cutoff and takes its time.
    """
    on_its_way = Q(status=Issue.Status.DRAFT) | Q(published_at__gt=now)
    awaited = Issue.objects.filter(on_its_way, date=now.date(), cutoff_at__gt=now - PUBLISHING)
    if not awaited.exists():
        return None
    published = Issue.objects.published().filter(published_at__lte=now).order_by("-published_at")
    return published.values_list("published_at", flat=True).first()

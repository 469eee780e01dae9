"""Sends batches: lease a batch, open its calls window by window, make them, record the outcomes.

Each step is one conditional UPDATE of the batch, committed before the first byte of a call leaves, and no transaction
is open during a call. One commit records the outcomes of a window of calls and opens the next window. If the worker
dies, only the deliveries of the open window become uncertain.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Max

from digests.models import Batch, Delivery
from digests.providers import Mail, Provider, SharedBody, provider_of
from digests.providers.base import fault_of_content
from digests.sending import auto_pause, call_split, messages, outcome_recording, refusal_brake, switch
from digests.sending.calls import NOT_MADE, Caller
from digests.sending.message_ids import load_message_ids
from digests.sending.messages import CallDelivery
from digests.sending.sent_today import count_sent_today
from newsletter import clock
from newsletter.mail import message
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.refusal import Blame
from newsletter.mail.throttle import Pace, Turn, Wait

logger = logging.getLogger(__name__)
Status = Batch.Status

LONGEST_WAIT_IN_LINE = timedelta(seconds=60)  # for a turn of the pace, which any batch would have to wait for
SHORT_WAIT = timedelta(seconds=1)  # for a turn while keeping the lease
TURN_SECONDS = 450  # that one task works at a batch; less than its time limit


class LeaseLost(Exception):
    """Another worker has the batch now. This worker may send nothing more of it."""


class SendingPaused(Exception):
    """Sending is paused or held. The call was not opened."""


def never_stop() -> bool:
    return False


def send_batch(batch: Batch, is_stopping: Callable[[], bool] = never_stop) -> bool:
    """Send what is left of a batch; return False if it has to wait or another worker has it. Safe to repeat."""
    if message.identity_gap() or not switch.send_permission().is_allowed:
        return False
    end = time.monotonic() + TURN_SECONDS
    with provider_of(settings) as provider:
        while time.monotonic() < end and lease_batch(batch, provider):
            handover = Handover(batch, provider, lambda: is_stopping() or time.monotonic() > end)
            wait = handover.run()
            if wait is None:
                return True
            # A worker waits for turns of the pace only. What the provider refused for now is left to the sweep.
            if not handover.is_in_line or wait > LONGEST_WAIT_IN_LINE or not sleep_for(wait, is_stopping):
                return False
    return False


def sleep_for(wait: timedelta, is_stopping: Callable[[], bool]) -> bool:
    """Sleep for `wait`; return False when stopped early."""
    until = time.monotonic() + wait.total_seconds()
    while (left := until - time.monotonic()) > 0:
        if is_stopping():
            return False
        time.sleep(min(left, 0.2))
    return not is_stopping()


@transaction.atomic
def lease_batch(batch: Batch, provider: Provider) -> bool:
    """Lease a ready batch to this worker and fit its calls to `provider`; return False if it is not ready."""
    now = clock.now()
    if not batch.move_to(
        Status.LEASED, Batch.is_ready(), attempt=F("attempt") + 1, lease_until=now + settings.SEND_LEASE
    ):
        return False
    batch.refresh_from_db()
    call_split.fit_calls(batch, provider)
    return True


class Handover:
    """One worker's run through the calls of a batch it has leased."""

    def __init__(self, batch: Batch, provider: Provider, is_stopping: Callable[[], bool]) -> None:
        self.batch, self.provider, self.is_stopping = batch, provider, is_stopping
        # A replayed day replays its pace too.
        now = clock.milliseconds if clock.is_held() else None
        self.pace = Pace("digests", sent_today=count_sent_today, now=now)
        self.calls = messages.load_calls(batch.pk, batch.position)
        self.digests = messages.load_digests(self.calls)
        self.words = messages.ReaderWords(self.calls)
        self.message_ids = load_message_ids()
        self.contents: dict[int, SharedBody] = {}
        self.answered: list[tuple[CallDelivery, SendOutcome]] = []  # of the last window, recorded by the next move
        self.last_answers: deque[bool] = deque(maxlen=refusal_brake.LAST)  # of the provider: True refuses our mail
        self.position = batch.position
        self.unsent: list[tuple[CallDelivery, SendOutcome]] = []  # of a window that the provider refused for now
        self.room: int | None = None  # readers that the next window may hold, by the day's limit or after doubt
        self.caller = Caller(provider, is_stopping)
        self.is_open = False  # calls may be in flight
        self.is_in_line = False  # the batch waits for a turn of the pace

    def run(self) -> timedelta | None:
        """Make all calls; return None when the batch is done, otherwise how long it has to wait."""
        try:
            return self.make_windows_safely()
        except LeaseLost:
            with transaction.atomic():
                outcome_recording.record_late_outcomes(self.batch, [*self.answered, *self.unsent])
            return LONGEST_WAIT_IN_LINE * 2

    def make_windows_safely(self) -> timedelta | None:
        """Make the windows; on an error, release the batch with the outcomes known so far, once that is possible."""
        try:
            return self.make_windows()
        except (InterfaceError, OperationalError):
            if not self.reconnect():
                raise
            self.release(timedelta(0))
            self.is_in_line = True
            return timedelta(0)
        except LeaseLost:
            raise
        except Exception:
            if not self.is_open:
                self.release(LONGEST_WAIT_IN_LINE)
            raise

    def make_windows(self) -> timedelta | None:
        while window := self.next_window():
            try:
                wait = timedelta(0) if self.is_stopping() else self.hand_over(window)
            except SendingPaused:
                self.release(timedelta(0))
                return LONGEST_WAIT_IN_LINE * 2
            if wait is not None:
                self.release(wait)
                return wait
        self.move(Status.DONE, position=self.end_position(), open_calls=0, lease_until=None, finished_at=clock.now())
        return None

    def reconnect(self) -> bool:
        """Reconnect, trying for as long as the lease lasts; return False if the database stays away.

        The stored position shows whether the last commit succeeded: outcomes before it are already recorded.
        """
        mine = Batch.objects.filter(Batch.is_held_by(self.batch.attempt), pk=self.batch.pk)
        while time.monotonic() < self.caller.deadline:
            connection.close()
            try:
                if mine.filter(position__gte=self.position).exists():
                    self.answered = []
                return True
            except (InterfaceError, OperationalError):
                time.sleep(0.2)
        return False

    def next_window(self) -> list[CallDelivery]:
        """Return the deliveries of the next calls that share a commit; empty after the last call.

        If the worker dies, all of them are in doubt.
        """
        most = self.provider.window if self.provider.most == 1 else settings.READERS_IN_DOUBT
        most = min(most, settings.READERS_IN_DOUBT, self.room or most)
        window: list[CallDelivery] = []
        for call_no in sorted(call for call in self.calls if call >= self.position):
            rows = self.calls[call_no]
            if window and (len(window) + len(rows) > most or self.pace.limits.calls_a_minute):
                break  # calls that are rationed are made one at a time, at the pace of their ration
            window += rows
        return window

    def hand_over(self, window: Sequence[CallDelivery]) -> timedelta | None:
        """Make the calls of a window; return how long to wait if none of it was accepted, None to go on."""
        mails = self.build_mails(window)
        try:
            calls = self.caller.split([row for row in window if row.id in mails], mails)
            with self.pace.call(len(window), settings.SEND_LEASE, max(1, len(calls))) as turn:
                return self.make_calls(window, mails, turn)
        except Wait as exc:
            if exc.fits:
                return self.shrink_window(exc.fits)
            if exc.for_ <= SHORT_WAIT and not clock.is_held():
                self.wait_for_turn(exc.for_)
                return None
            self.is_in_line = True
            return exc.for_

    def wait_for_turn(self, wait: timedelta) -> None:
        """Sleep until a turn that comes shortly, with all outcomes recorded and no call open."""
        self.record_answers()
        time.sleep(wait.total_seconds())

    def record_answers(self) -> None:
        """Record the outcomes so far in a commit of their own, with no call open."""
        lease_until = clock.now() + settings.SEND_LEASE
        self.move(Status.SUBMITTING, position=self.position, open_calls=0, lease_until=lease_until)
        self.answered = []

    def shrink_window(self, room: int) -> timedelta | None:
        """Shrink the next window to `room` readers; return zero if its call was split and must be reloaded."""
        self.room = room
        if len(self.next_window()) <= room:
            return None
        with transaction.atomic():
            held = Batch.objects.select_for_update().filter(Batch.is_held_by(self.batch.attempt), pk=self.batch.pk)
            if not held.exists():
                raise LeaseLost
            call_split.limit_next_call(self.batch, self.position, room)
        self.is_in_line = True
        return timedelta(0)

    def make_calls(self, window: Sequence[CallDelivery], mails: dict[int, Mail], turn: Turn) -> timedelta | None:
        """Open the calls of a window, make them and keep the outcomes; return as `hand_over` does."""
        with transaction.atomic():
            if not switch.send_permission().is_allowed:
                turn.unsent()
                raise SendingPaused
            skipped = self.open(window)
        self.is_open = True
        left = [row for row in window if row.id not in skipped]
        live = [row for row in left if row.id in mails]
        unrendered = [(row, UNRENDERED) for row in left if row.id not in mails]
        if not live:
            turn.unsent()
            self.advance(window, unrendered)
            return None
        outcomes, slowest = self.caller.make(self.caller.split(live, mails), turn.at_once)
        answered = list(zip(live, outcomes, strict=True))
        report_to_pace(turn, self.pace, outcomes, slowest)
        is_all_refused_for_now = all(outcome.is_worth_repeating for outcome in outcomes)
        if is_all_refused_for_now and not any(outcome.is_worth_splitting for outcome in outcomes):
            self.answered, self.unsent, self.is_open = [], answered, False
            self.is_in_line = any(outcome.code == "429" for outcome in outcomes)
            return max(outcome.wait for outcome in outcomes)
        self.advance(window, [*answered, *unrendered])
        self.stop_if_refused(outcomes)
        return None

    def stop_if_refused(self, outcomes: Sequence[SendOutcome]) -> None:
        """Record refusals of our mail at once, and pause sending where they are too many: no further call is made."""
        self.last_answers.extend(outcome.blame is Blame.US for outcome in outcomes if not outcome.is_worth_repeating)
        if any(outcome.blame is Blame.US for outcome in outcomes):
            self.record_answers()
            refusal_brake.pause_if_refused(self.last_answers)

    def open(self, window: Sequence[CallDelivery]) -> dict[int, str]:
        """Record the outcomes so far and open the calls of `window`; return {delivery id: reason} of those skipped.

        Runs in the caller's transaction, which commits before the first byte leaves.
        """
        last = window[-1].call_no
        self.caller.deadline = time.monotonic() + settings.SEND_LEASE.total_seconds() - self.provider.longest
        self.move(
            Status.SUBMITTING,
            position=window[0].call_no,
            open_calls=last - window[0].call_no + 1,
            provider=settings.EMAIL_PROVIDER,
            started_at=self.batch.started_at or clock.now(),
            lease_until=clock.now() + settings.SEND_LEASE,
        )
        skipped = outcome_recording.find_skip_reasons(row.id for row in window)
        outcome_recording.skip_deliveries(skipped)
        return skipped

    def advance(self, window: Sequence[CallDelivery], answered: list[tuple[CallDelivery, SendOutcome]]) -> None:
        """Move past the calls of `window`; the next move stores it."""
        self.answered, self.unsent, self.is_open, self.room = answered, [], False, None
        self.position = window[-1].call_no + 1

    def release(self, wait: timedelta) -> None:
        not_before = clock.now() + wait if wait else None
        self.move(Status.PLANNED, position=self.position, open_calls=0, lease_until=None, not_before=not_before)

    def move(self, status: Status, **changes: object) -> None:
        """Move the batch and record the outcomes so far in one commit. Raise LeaseLost if it is no longer ours."""
        with transaction.atomic(savepoint=False):
            if not self.batch.move_to(status, Batch.is_held_by(self.batch.attempt), **changes):
                raise LeaseLost
            outcome_recording.record_outcomes(self.batch, self.answered)
        # Only after the commit, so that a failed one can be repeated; an opened call's commit is yet to come.
        self.answered = [] if status is not Status.SUBMITTING else self.answered

    def end_position(self) -> int:
        """Return the position after the last call of the batch."""
        last = Delivery.objects.filter(batch=self.batch).aggregate(last=Max("call_no"))["last"]
        return self.position if last is None else max(self.position, last + 1)

    def build_mails(self, window: Sequence[CallDelivery]) -> dict[int, Mail]:
        """Return the mails of a window by delivery id, leaving out those whose digest cannot be rendered."""
        missing = {row.digest_id for row in window} - self.contents.keys()
        if missing:
            self.contents = {key: self.contents[key] for key in {row.digest_id for row in window} - missing}
            bodies = messages.shared_bodies(self.digests[key] for key in missing & self.digests.keys())
            self.stop_for_faults(bodies.values())
            self.contents |= bodies
        rows = [row for row in window if row.digest_id in self.contents]
        return {row.id: one for row, one in zip(rows, self.mails_of(rows), strict=True)}

    def mails_of(self, rows: Sequence[CallDelivery]) -> list[Mail]:
        return messages.build_mails(rows, self.contents, self.message_ids, self.words)

    def stop_for_faults(self, bodies: Iterable[SharedBody]) -> None:
        """Pause sending if what all readers of a digest share can never be sent. Raise SendingPaused."""
        for body in bodies:
            fault = fault_of_content(body)
            if fault and auto_pause.pause_for_content(self.digests[body.key].issue_id, fault.reason):
                raise SendingPaused


UNRENDERED = SendOutcome("refused", reason="This digest cannot be rendered: its papers are gone.", code="content")


def report_to_pace(turn: Turn, pace: Pace, outcomes: Sequence[SendOutcome], seconds: float) -> None:
    """Report a window's outcomes, and the seconds of its slowest call, to the pace that all workers share."""
    throttled = [outcome for outcome in outcomes if outcome.code == "429"]
    unknown = [outcome for outcome in outcomes if outcome.status == "unknown"]
    made = [outcome for outcome in outcomes if outcome is not NOT_MADE]
    if throttled:
        pace.pause(max(outcome.wait for outcome in throttled))
    if unknown:
        turn.doubted(unknown[0].reason)
    elif made and all(outcome.blame is Blame.US for outcome in made):
        turn.failed(made[0].reason)
    elif not all(outcome.is_worth_repeating for outcome in outcomes):
        turn.slow(seconds)
    elif throttled or all(outcome is NOT_MADE for outcome in outcomes):
        turn.unsent()
    elif not any(outcome.is_worth_splitting for outcome in outcomes):
        turn.failed(outcomes[0].reason, is_locked_out=any(outcome.is_locked_out for outcome in outcomes))
    else:
        turn.slow(seconds)

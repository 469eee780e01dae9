"""The step from a batch on disk to the provider: claimed, opened call by call, handed over, recorded.

The batch is the claim, the call is the doubt. Every move is one conditional UPDATE, committed before the first byte
leaves; no transaction is open during a call. One commit records the answers of a window of calls and opens the next.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Max

from digests.mail.compose import DigestOrder
from digests.models import Batch, CardsPruned, Delivery
from digests.providers import Mail, Provider, SharedBody, provider_of
from digests.sending import call_split, messages, outcome_recording, switch
from digests.sending.messages import Row
from digests.sending.sent_today import handed_over_today
from newsletter import clock
from newsletter.mail import message
from newsletter.mail.outcome import SendOutcome
from newsletter.mail.throttle import Pace, Turn, Wait

logger = logging.getLogger(__name__)
Status = Batch.Status

# Small calls share a commit, so that of no more readers than these it is in doubt whether they were sent.
READERS_IN_DOUBT = 50
PATIENCE = timedelta(seconds=60)  # for a turn, which every batch would have to wait for
A_MOMENT = timedelta(seconds=1)  # so long a turn is waited for with the batch at hand
TURN_SECONDS = 450  # of one worker at one batch; less than the time limit of a task
REPETITIONS = 2  # of a call that has a key to be known by


class Stopped(Exception):
    """Another worker holds the batch now. Nothing more of it may be sent here."""


class Paused(Exception):
    """No call may be opened until an operator says so. This one was not."""


def never() -> bool:
    return False


def send_batch(batch: Batch, is_stopping: Callable[[], bool] = never) -> bool:
    """Send what is left of one batch; return False where it waits, or another worker has it."""
    if message.identity_gap() or not switch.may_send().may:
        return False
    end = time.monotonic() + TURN_SECONDS
    with provider_of(settings) as provider:
        while time.monotonic() < end and claim(batch, provider):
            handover = Handover(batch, provider, lambda: is_stopping() or time.monotonic() > end)
            wait = handover.run()
            if wait is None:
                return True
            # What is refused for now concerns this batch alone, and holds no worker up.
            if not handover.is_in_line or wait > PATIENCE or not slept(wait, is_stopping):
                return False
    return False


def slept(wait: timedelta, is_stopping: Callable[[], bool]) -> bool:
    """Wait, and say whether it was to the end."""
    until = time.monotonic() + wait.total_seconds()
    while (left := until - time.monotonic()) > 0:
        if is_stopping():
            return False
        time.sleep(min(left, 0.2))
    return not is_stopping()


@transaction.atomic
def claim(batch: Batch, provider: Provider) -> bool:
    """Lease a batch that is ready to this worker, cut for its provider; return False where it is not."""
    now = clock.now()
    if not batch.move_to(
        Status.LEASED, Batch.is_ready(), attempt=F("attempt") + 1, lease_until=now + settings.SEND_LEASE
    ):
        return False
    batch.refresh_from_db()
    call_split.fit(batch, provider)
    return True


class Handover:
    """One worker's way through the calls of a batch it holds."""

    def __init__(self, batch: Batch, provider: Provider, is_stopping: Callable[[], bool]) -> None:
        self.batch, self.provider, self.is_stopping = batch, provider, is_stopping
        # Where days are replayed, so is the pace.
        now = clock.milliseconds if clock.is_held() else None
        self.pace = Pace("digests", sent_today=handed_over_today, now=now)
        self.calls = messages.rows_ahead(batch.pk, batch.position)
        self.digests = messages.digests_of(self.calls)
        self.contents: dict[int, SharedBody] = {}
        self.answered: list[tuple[Row, SendOutcome]] = []  # of the last window, to be recorded with the next move
        self.position = batch.position
        self.unsent: list[tuple[Row, SendOutcome]] = []  # of a window of which nothing left
        self.room: int | None = None  # readers that the day has room for, where that is less than a window
        self.deadline = 0.0  # for the beginning of a call
        self.slowest = 0.0  # seconds that a call of the last window took
        self.is_open = False  # whether calls may be on their way
        self.is_in_line = False  # whether a turn is waited for

    def run(self) -> timedelta | None:
        """Make window after window; return None when all is behind us, else how long the batch waits."""
        try:
            return self.make_windows_and_keep_answers()
        except Stopped:
            with transaction.atomic():
                outcome_recording.record_late(self.batch, [*self.answered, *self.unsent])
            return PATIENCE * 2

    def make_windows_and_keep_answers(self) -> timedelta | None:
        """Make the windows; whatever breaks off, put the batch back with what is known, once that is possible."""
        try:
            return self.make_windows()
        except (InterfaceError, OperationalError):
            if not self.is_database_back():
                raise
            self.put_back(timedelta(0))
            self.is_in_line = True
            return timedelta(0)
        except Stopped:
            raise
        except Exception:
            if not self.is_open:
                self.put_back(PATIENCE)
            raise

    def make_windows(self) -> timedelta | None:
        while window := self.next_window():
            try:
                wait = timedelta(0) if self.is_stopping() else self.hand_over(window)
            except Paused:
                self.put_back(timedelta(0))
                return PATIENCE * 2
            if wait is not None:
                self.put_back(wait)
                return wait
        self.move(Status.DONE, position=self.end(), open_calls=0, lease_until=None, finished_at=clock.now())
        return None

    def is_database_back(self) -> bool:
        """Wait for a database that went away, for as long as the lease lasts, and see what it knows of this batch.

        Whether the last commit was made before it went is told by the position: what is behind it is recorded.
        """
        mine = Batch.objects.filter(Batch.is_held_by(self.batch.attempt), pk=self.batch.pk)
        while time.monotonic() < self.deadline:
            connection.close()
            try:
                if mine.filter(position__gte=self.position).exists():
                    self.answered = []
                return True
            except (InterfaceError, OperationalError):
                time.sleep(0.2)
        return False

    def next_window(self) -> list[Row]:
        """Return the deliveries of the next calls that share a commit; none when all are behind us."""
        most = self.provider.window if self.provider.most == 1 else READERS_IN_DOUBT
        most = min(most, self.room or most)
        window: list[Row] = []
        for call_no in sorted(call for call in self.calls if call >= self.position):
            rows = self.calls[call_no]
            if window and len(window) + len(rows) > most:
                break
            window += rows
        return window

    def hand_over(self, window: Sequence[Row]) -> timedelta | None:
        """Make the calls of one window; return how long to wait where nothing of it left."""
        mails = self.mails_of(window)
        try:
            with self.pace.call(len(window), settings.SEND_LEASE) as turn:
                return self.make_calls(window, mails, turn)
        except Wait as exc:
            if exc.fits:
                return self.make_smaller(exc.fits)
            if exc.for_ <= A_MOMENT and not clock.is_held():
                self.stay(exc.for_)
                return None
            self.is_in_line = True
            return exc.for_

    def stay(self, wait: timedelta) -> None:
        """Wait for a turn that comes in a moment, with the answers so far recorded and no call open."""
        lease_until = clock.now() + settings.SEND_LEASE
        self.move(Status.SUBMITTING, position=self.position, open_calls=0, lease_until=lease_until)
        self.answered = []
        time.sleep(wait.total_seconds())

    def make_smaller(self, room: int) -> timedelta | None:
        """Make the next window as small as the day has room for; say not to wait where its call was cut for it."""
        self.room = room
        if len(self.next_window()) <= room:
            return None
        with transaction.atomic():
            held = Batch.objects.select_for_update().filter(Batch.is_held_by(self.batch.attempt), pk=self.batch.pk)
            if not held.exists():
                raise Stopped
            call_split.cut_off(self.batch, self.position, room)
        self.is_in_line = True
        return timedelta(0)

    def make_calls(self, window: Sequence[Row], mails: dict[int, Mail], turn: Turn) -> timedelta | None:
        """Open the calls of a window and make them."""
        with transaction.atomic():
            if not switch.may_send().may:
                turn.unsent()
                raise Paused
            gone = self.open(window)
        self.is_open = True
        left = [row for row in window if row.id not in gone]
        live = [row for row in left if row.id in mails]
        unrendered = [(row, UNRENDERED) for row in left if row.id not in mails]
        if not live:
            turn.unsent()
            self.step(window, unrendered)
            return None
        self.slowest = 0.0
        outcomes = self.submit(live, mails)
        answered = list(zip(live, outcomes, strict=True))
        tell(turn, self.pace, outcomes, self.slowest)
        is_all_refused_for_now = all(outcome.is_worth_repeating for outcome in outcomes)
        if is_all_refused_for_now and not any(outcome.is_worth_splitting for outcome in outcomes):
            self.answered, self.unsent, self.is_open = [], answered, False
            self.is_in_line = any(outcome.code == "429" for outcome in outcomes)
            return max(outcome.wait for outcome in outcomes)
        self.step(window, [*answered, *unrendered])
        return None

    def open(self, window: Sequence[Row]) -> dict[int, str]:
        """Record the answers so far and open the calls of `window`; return who is taken out of them, and why.

        In the caller's transaction, which is over before the first byte leaves.
        """
        last = window[-1].call_no
        self.deadline = time.monotonic() + settings.SEND_LEASE.total_seconds() - self.provider.longest
        self.move(
            Status.SUBMITTING,
            position=window[0].call_no,
            open_calls=last - window[0].call_no + 1,
            provider=settings.EMAIL_PROVIDER,
            started_at=self.batch.started_at or clock.now(),
            lease_until=clock.now() + settings.SEND_LEASE,
        )
        gone = outcome_recording.taken_out(row.id for row in window)
        outcome_recording.skip(gone)
        return gone

    def step(self, window: Sequence[Row], answered: list[tuple[Row, SendOutcome]]) -> None:
        """Take the calls of `window` for made; the next move writes it down."""
        self.answered, self.unsent, self.is_open = answered, [], False
        self.position = window[-1].call_no + 1

    def put_back(self, wait: timedelta) -> None:
        not_before = clock.now() + wait if wait else None
        self.move(Status.PLANNED, position=self.position, open_calls=0, lease_until=None, not_before=not_before)

    def move(self, status: Status, **changes: object) -> None:
        """Move the batch and record the answers so far in one commit. Raise Stopped where it is not ours any more."""
        with transaction.atomic(savepoint=False):
            if not self.batch.move_to(status, Batch.is_held_by(self.batch.attempt), **changes):
                raise Stopped
            outcome_recording.record(self.batch, self.answered)
        # Not before the commit: one that fails is made up for. That of an opened call is yet to come.
        self.answered = [] if status is not Status.SUBMITTING else self.answered

    def end(self) -> int:
        """Return the number behind the last call of the batch."""
        last = Delivery.objects.filter(batch=self.batch).aggregate(last=Max("call_no"))["last"]
        return self.position if last is None else max(self.position, last + 1)

    def submit(self, rows: Sequence[Row], mails: dict[int, Mail]) -> list[SendOutcome]:
        """Make the calls of one window; once nothing is accepted for now, the rest is not made."""
        if self.provider.lane == "smtp":
            return self.submit_call([mails[row.id] for row in rows])
        outcomes: list[SendOutcome] = []
        for call_no in dict.fromkeys(row.call_no for row in rows):
            call = [mails[row.id] for row in rows if row.call_no == call_no]
            if outcomes and (self.is_stopping() or outcomes[-1].is_worth_repeating):
                outcomes += [NOT_MADE] * len(call)
            else:
                outcomes += self.submit_call(call)
        return outcomes

    def submit_call(self, mails: Sequence[Mail]) -> list[SendOutcome]:
        """Make one call, if the time for it is not over; ask again where the provider knows the call by its key."""
        if time.monotonic() > self.deadline:
            return [NOT_MADE] * len(mails)
        key, started = key_of(mails), time.monotonic()
        outcomes = self.provider.submit(mails, key)
        self.slowest = max(self.slowest, (time.monotonic() - started) / self.provider.rounds(len(mails)))
        for _ in range(REPETITIONS if self.provider.can_repeat else 0):
            if not all(outcome.status == "unknown" for outcome in outcomes) or time.monotonic() > self.deadline:
                break
            outcomes = self.provider.submit(mails, key)
        return outcomes

    def mails_of(self, window: Sequence[Row]) -> dict[int, Mail]:
        """Return the mails of a window by delivery; one whose digest cannot be rendered is left out."""
        missing = {row.digest_id for row in window} - self.contents.keys()
        if missing:
            self.contents = {key: self.contents[key] for key in {row.digest_id for row in window} - missing}
            self.contents |= contents_of(self.digests[key] for key in missing & self.digests.keys())
        rows = [row for row in window if row.digest_id in self.contents]
        return {row.id: one for row, one in zip(rows, messages.mails_of(rows, self.contents), strict=True)}


NOT_MADE = SendOutcome("not_accepted", reason="The call was not made.", wait=timedelta(0))
UNRENDERED = SendOutcome("refused", reason="This digest cannot be rendered: its papers are gone.", code="content")


def contents_of(digests: Iterable[DigestOrder]) -> dict[int, SharedBody]:
    found: dict[int, SharedBody] = {}
    for digest in digests:
        try:
            found[digest.pk] = messages.content_of(digest)
        except CardsPruned:
            logger.error("Digest %s cannot be rendered: its cards are gone", digest.pk)
    return found


def tell(turn: Turn, pace: Pace, outcomes: Sequence[SendOutcome], seconds: float) -> None:
    """Say how a window went, and how long its slowest call took, so that all workers keep the pace."""
    throttled = [outcome for outcome in outcomes if outcome.code == "429"]
    if throttled:
        pace.pause(max(outcome.wait for outcome in throttled))
    if any(outcome.status == "unknown" for outcome in outcomes):
        turn.failed()
    elif not all(outcome.is_worth_repeating for outcome in outcomes):
        turn.slow(seconds)
    elif throttled or all(outcome is NOT_MADE for outcome in outcomes):
        turn.unsent()
    elif not any(outcome.is_worth_splitting for outcome in outcomes):
        turn.failed()
    else:
        turn.slow(seconds)


def key_of(mails: Sequence[Mail]) -> str:
    """Return what a provider knows a call by: the same for the same mails."""
    return hashlib.sha256(",".join([str(one.copy.delivery_id) for one in mails]).encode()).hexdigest()[:40]

"""Makes the calls of a window, several at the same time where the provider allows it."""

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from itertools import groupby
from typing import NamedTuple

from digests.providers import Mail, Provider
from digests.providers.interface import Call
from digests.sending.messages import CallDelivery
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.refusal import Blame

MOST_THREADS = 64
RETRIES_WITH_KEY = 2  # of a call with an idempotency key, after an unclear answer
MOST_REFUSED = 10  # calls in a row for a fault of ours, after which no more of the window is made
NOT_MADE = SendOutcome("not_accepted", reason="The call was not made.", wait=timedelta(0))


class Made(NamedTuple):
    """The outcomes of calls, one a mail in order, and the seconds of the slowest."""

    outcomes: list[SendOutcome]
    slowest: float


class Caller:
    """Makes calls to one provider. No call begins after `deadline`, in seconds of the monotonic clock."""

    def __init__(self, provider: Provider, is_stopping: Callable[[], bool]) -> None:
        self.provider, self.is_stopping = provider, is_stopping
        self.deadline = 0.0
        self.refusals: deque[bool] = deque(maxlen=MOST_REFUSED)  # of the last calls: True was refused for our fault

    def split(self, rows: Sequence[CallDelivery], mails: Mapping[int, Mail]) -> list[Sequence[Mail]]:
        """Return the mails of `rows`, call by call. SMTP spreads a whole window over its connections."""
        if self.provider.lane == "smtp":
            return [[mails[row.id] for row in rows]]
        calls = ([mails[row.id] for row in same] for _, same in groupby(rows, lambda row: row.call_no))
        return [part for call in calls for part in self.provider.split(call)]

    def make(self, calls: Sequence[Sequence[Mail]], at_once: int) -> Made:
        """Make calls, `at_once` of them at the same time; begin no more after one that was refused for now.

        Nor after MOST_REFUSED in a row that were refused for a fault of ours, since it costs every reader's mail.
        """
        self.refusals.clear()
        if at_once == 1 or len(calls) == 1 or not self.provider.can_overlap:
            return self.make_in_turn(calls)
        threads, places, refused = threads_of(os.getpid()), threading.Semaphore(at_once), threading.Event()
        made: list[Future[Made] | Made] = []
        for mails in calls:
            places.acquire()
            if made and (self.is_stopping() or refused.is_set()):
                places.release()
                made.append(not_made(mails))
            else:
                call = self.provider.prepare(mails)  # here, since what providers cache is of this thread
                made.append(threads.submit(self.make_beside, call, mails, places, refused))
        return joined([each if isinstance(each, Made) else each.result() for each in made])

    def make_beside(
        self, call: Call, mails: Sequence[Mail], places: threading.Semaphore, refused: threading.Event
    ) -> Made:
        try:
            made = self.make_one(call, mails)
            if self.is_vain(made.outcomes):
                refused.set()
            return made
        finally:
            places.release()

    def make_in_turn(self, calls: Sequence[Sequence[Mail]]) -> Made:
        made, is_refused = list[Made](), False
        for mails in calls:
            if made and (self.is_stopping() or is_refused):
                made.append(not_made(mails))
            else:
                made.append(self.make_one(self.provider.prepare(mails), mails))
                is_refused = self.is_vain(made[-1].outcomes)
        return joined(made)

    def is_vain(self, outcomes: Sequence[SendOutcome]) -> bool:
        """Return whether further calls of the window would be refused like the call with these outcomes."""
        self.refusals.append(all(outcome.blame is Blame.US for outcome in outcomes))
        return outcomes[-1].is_worth_repeating or (len(self.refusals) == MOST_REFUSED and all(self.refusals))

    def make_one(self, call: Call, mails: Sequence[Mail]) -> Made:
        """Make one call unless its deadline has passed; after an unclear answer, repeat it if a key allows."""
        started = time.monotonic()
        if started > self.deadline:
            return not_made(mails)
        key = call_key(mails)
        outcomes = call(key)
        seconds = (time.monotonic() - started) / self.provider.rounds(len(mails))
        for _ in range(RETRIES_WITH_KEY if self.provider.can_repeat else 0):
            if not all(outcome.status == "unknown" for outcome in outcomes) or time.monotonic() > self.deadline:
                break
            outcomes = call(key)
        return Made(outcomes, seconds)


@cache
def threads_of(process: int) -> ThreadPoolExecutor:
    """Return the threads that make calls in this process, which a fork has none of."""
    return ThreadPoolExecutor(MOST_THREADS)


def not_made(mails: Sequence[Mail]) -> Made:
    return Made([NOT_MADE] * len(mails), 0.0)


def joined(made: Sequence[Made]) -> Made:
    return Made([outcome for each in made for outcome in each.outcomes], max(each.slowest for each in made))


def call_key(mails: Sequence[Mail]) -> str:
    """Return the idempotency key of a call: the same for the same mails."""
    return hashlib.sha256(",".join([str(one.copy.delivery_id) for one in mails]).encode()).hexdigest()[:40]

"""Limits how fast all workers on all machines together send to a provider.

Two lanes share it: letters, which a person waits for, and digests. Letters have a reserved share of the rate, of the
concurrent calls and of the day. pyrate-limiter keeps the rate; throttle.lua keeps the rest, in Redis. When Redis loses
its data, the pace starts afresh; while Redis does not answer, nothing is sent.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import redis
from django.conf import settings
from pyrate_limiter import GCRA, Decision, Rate, RedisStateStore, StateStore
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.mail.provider_limits import limits_of_provider

Channel = Literal["letters", "digests"]
GATE = Path(__file__).with_suffix(".lua").read_text()
# A call that lasts longer loses its place among the concurrent calls, as the call of a killed worker does.
LEASE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(hours=1)
# How soon to ask again while waiting for another call to end.
POLL_INTERVAL = timedelta(milliseconds=200)
REDIS_TIMEOUT_SECONDS = 2
# Small calls may come this early, so that a worker that wakes late loses none of the rate.
BURST_SECONDS = 0.1
CALLS_BEYOND = 2  # calls of a turn that a minute may see beyond the rate: one, and a second where it had to be cut

logger = logging.getLogger(__name__)


class Wait(Exception):
    """Nothing may be sent now and nothing was reserved: ask again after `for_`.

    `why` is "rate", "calls", "pause", "breaker", "doubt", "day" or "redis". `fits` is the size of the largest call
    that may be made now: for "day" what is left of the day's allowance, maybe 0; for "doubt" what a probe may hold.
    """

    def __init__(self, for_: timedelta, why: str, fits: int | None = None) -> None:
        super().__init__(f"wait {for_.total_seconds():.3f} s: {why}")
        self.for_, self.why, self.fits = for_, why, fits


class RedisAway(Wait):
    """Redis does not answer, so the pace is unknown. A place taken just before is freed when its lease ends."""

    def __init__(self) -> None:
        super().__init__(timedelta(seconds=5), "redis")


@dataclass(frozen=True)
class State:
    """The present state of a lane's provider."""

    is_open: bool  # the circuit breaker: nothing is sent but a trial call
    since: datetime | None
    reason: str  # why the last call failed, in a sentence; empty where the breaker is closed
    paused_until: datetime | None
    left_today: int | None  # messages of this lane; None: no limit
    sent_today: int | None  # messages of both lanes; None: not counted without a limit
    calls_in_flight: int  # of both lanes
    probe: int | None  # messages that this lane's next call may hold, after an unclear answer; None: no doubt


@dataclass(frozen=True)
class Limits:
    """The limits of one lane; 0 is no limit."""

    rate: float  # messages per second
    calls_a_minute: float
    calls: int
    calls_of_lane: int
    cap: int
    warmup: list[int]
    warmup_from: date | None
    kept_share: float  # of the day, reserved for the other lane


class Turn:
    """The right to make calls, `at_once` of them at a time. Report once how they went.

    An unreported turn leaves the breaker as it is.
    """

    def __init__(self, pace: "Pace", messages: int, calls: int) -> None:
        self.id = uuid4().hex
        self.messages, self.calls, self.at_once = messages, calls, 1
        self.day = 0
        self._pace = pace
        self._is_over = False

    def accepted(self) -> None:
        """Report that the provider works: it accepted the call, or refused its messages for a good reason."""
        self._end("accepted")

    def failed(self, reason: str = "", *, is_locked_out: bool = False) -> None:
        """Report that the provider answered with an error of its own, refused all for a fault of ours, or was silent.

        `reason` is a sentence for operators, without addresses. `is_locked_out` opens the breaker at once.
        """
        self._end("locked_out" if is_locked_out else "failed", reason)

    def slow(self, seconds: float) -> None:
        """Report a call accepted after `seconds`; from SEND_SLOW_SECONDS on it counts as a failure."""
        is_slow = seconds >= settings.SEND_SLOW_SECONDS
        self._end(*(("failed", f"A call took {seconds:.0f} seconds.") if is_slow else ("accepted",)))

    def doubted(self, reason: str = "") -> None:
        """Report a failure that may have delivered: until calls are answered clearly again, they are small probes."""
        self._end("doubted", reason)

    def unsent(self) -> None:
        """Report that certainly nothing was sent (429, no call made): the day does not count it."""
        self._end("unsent")

    def over(self) -> None:
        """Free the place among the concurrent calls, unless a report has freed it."""
        if not self._is_over:
            self._end("")

    def _end(self, verdict: str, reason: str = "") -> None:
        self._is_over = True
        facts = {"turn": self.id, "messages": self.messages, "places": self.at_once, "day": self.day}
        self._pace.tell("done", verdict=verdict, reason=reason, **facts)


class Pace:
    """The pace of one lane. Cheap to create; holds no connection of its own.

    `sent_today` counts the mails the provider was given on this day of UTC; it is called when Redis has lost
    the count. `now` replays time: it returns milliseconds since 1970, instead of Redis' clock.
    """

    def __init__(
        self, lane: Channel, *, sent_today: Callable[[], int] = lambda: 0, now: Callable[[], int] | None = None
    ) -> None:
        self.lane = lane
        self.provider = settings.EMAIL_LETTERS_PROVIDER if lane == "letters" else settings.EMAIL_PROVIDER
        self.limits = limits_of(lane)
        self._prefix = f"pace:{{{self.provider}}}"
        self._sent_today = sent_today
        self._now = now

    @contextmanager
    def call(self, messages: int, lease: timedelta = LEASE, calls: int = 1) -> Iterator[Turn]:
        """Take a turn for `calls` calls of `messages` messages in all, or raise Wait.

        As many of them may be made at once as are free, and as are one worker's part.
        """
        assert messages > 0
        turn = Turn(self, messages, calls)
        self._take(turn, lease)
        try:
            yield turn
        finally:
            turn.over()

    def pause(self, pause: timedelta) -> None:
        """Make all workers of both lanes wait, LONGEST_PAUSE at most; the longest of several pauses counts."""
        self.tell("pause", pause=milliseconds(min(pause, LONGEST_PAUSE)), longest_pause=milliseconds(LONGEST_PAUSE))

    def state(self) -> State:
        """Return the present state; raise RedisAway."""
        found = self._ask("look")
        allowed, sent = found.get("allowed"), found.get("sent")
        if allowed is not None and sent is None:
            sent = self._sent_today()
        return State(
            is_open=found["since"] > 0,
            since=moment(found["since"]),
            reason=found["reason"] if found["since"] > 0 else "",
            paused_until=moment(found["paused_until"]),
            left_today=None if allowed is None else max(allowed - sent, 0),
            sent_today=None if allowed is None else sent,
            calls_in_flight=found["calls"],
            probe=found.get("probing"),
        )

    def tell(self, operation: str, **facts: Any) -> None:
        """Record what happened. Losing a record undoes no call: its lease frees the place."""
        try:
            self._ask(operation, **facts)
        except RedisAway:
            logger.warning("Redis did not answer, so the pace of %s misses one record: %s", self.provider, operation)

    def _take(self, turn: Turn, lease: timedelta) -> None:
        facts: dict[str, Any] = {"turn": turn.id, "messages": turn.messages, "lease": milliseconds(lease)}
        facts["places"] = min(turn.calls, max(1, self.limits.calls_of_lane // settings.WORKER_CONCURRENCY["sending"]))
        found = self._ask("take", **facts)
        if found.get("why") == "count":
            found = self._ask("take", **facts, sent=self._sent_today())
        if "why" in found:
            raise Wait(timedelta(milliseconds=found["wait"]), found["why"], found.get("fits"))
        turn.day, turn.at_once = found["day"], found["places"]
        if wait := self._spend(turn, found["now"]):
            turn.unsent()
            raise Wait(wait, "rate")

    def _spend(self, turn: Turn, now: int) -> timedelta | None:
        """Take all of a turn from the rates of messages and of calls, or none and return how long to wait.

        Small and large turns pass under one condition: earlier ones are worked off except for BURST_SECONDS. So no
        size starves another, and no window sees more than its rate plus one turn plus BURST_SECONDS of it.
        """
        limits = self.limits
        if not (limits.rate or limits.calls_a_minute):
            return None
        calls_a_second = limits.calls_a_minute / 60 * turn.messages / turn.calls  # counted in messages of this turn
        rates = [rate_of(limits.rate, turn.messages), rate_of(calls_a_second, turn.messages)]
        drained_ms = max(2 * rate.burst * rate.interval // rate.limit for rate in rates) + milliseconds(LONGEST_PAUSE)
        key = f"{self._prefix}:rates:{self.lane}"
        store: StateStore = RedisStateStore(client(settings.REDIS_URL), key, ttl_ms=drained_ms)
        with redis_away():
            decision = store.check(GCRA(), rates, now, turn.messages)
        assert isinstance(decision, Decision)
        return None if decision.allowed else timedelta(milliseconds=decision.retry_after_ms or 1)

    def _ask(self, operation: str, **facts: Any) -> dict[str, Any]:
        if self._now:
            facts["now"] = self._now()
        limits = self.limits
        facts |= {
            "lane": self.lane,
            "other_lane": "digests" if self.lane == "letters" else "letters",
            "calls": limits.calls,
            "calls_of_lane": limits.calls_of_lane,
            "cap": limits.cap,
            "warmup": limits.warmup,
            "warmup_from": (limits.warmup_from - date(1970, 1, 1)).days if limits.warmup_from else 0,
            "kept_share": limits.kept_share,
            "most": settings.READERS_IN_DOUBT,
            "failures": settings.SEND_BREAKER_FAILURES,
            "rest": settings.SEND_BREAKER_SECONDS * 1000,
            "look_again": milliseconds(POLL_INTERVAL),
        }
        with redis_away():
            answer: dict[str, Any] = json.loads(
                gate(settings.REDIS_URL)([self._prefix], [operation, json.dumps(facts)])
            )
        return answer


def rate_of(a_second: float, messages: int) -> Rate:
    """Return a rate in messages, under which a turn of `messages` may begin; 0 is no limit."""
    if not a_second:
        return Rate(1_000_000, 1_000, messages + 1_000_000)
    apart = ceil(1_000_000 / a_second)  # whole microseconds, in which pyrate-limiter counts
    return Rate(1_000, apart, messages + int(BURST_SECONDS * 1_000_000 / apart))


def limits_of(lane: Channel) -> Limits:
    """Return the lane's limits from the settings. Lanes with different providers share nothing."""
    calls, share = settings.SEND_CALLS_AT_ONCE, settings.LETTERS_SHARE
    plan = (settings.SEND_DAILY_CAP, settings.SEND_WARMUP, settings.SEND_WARMUP_FROM)
    a_minute = calls_a_minute_of(lane)
    if settings.EMAIL_LETTERS_PROVIDER != settings.EMAIL_PROVIDER:
        if lane == "letters":
            return Limits(settings.LETTERS_RATE, a_minute, calls, calls, 0, [], None, kept_share=0)
        return Limits(settings.SEND_RATE, a_minute, calls, calls, *plan, kept_share=0)
    letters_rate = max(settings.SEND_RATE * share, min(1.0, settings.SEND_RATE / 2))
    if lane == "letters":
        return Limits(letters_rate, a_minute, calls, calls, *plan, kept_share=0)
    return Limits(settings.SEND_RATE - letters_rate, a_minute, calls, max(1, calls - 1), *plan, kept_share=share)


def calls_a_minute_of(lane: Channel) -> float:
    """Return the calls that a lane may make each minute, so that no minute sees more than the provider allows."""
    name = settings.EMAIL_LETTERS_PROVIDER if lane == "letters" else settings.EMAIL_PROVIDER
    published = limits_of_provider(name)
    limit = published.calls_a_minute if settings.SEND_CALLS_A_MINUTE is None else settings.SEND_CALLS_A_MINUTE
    if not limit or (lane == "letters" and not published.counts_letters):
        return 0
    kept = max(limit - CALLS_BEYOND, limit / 2)
    if settings.EMAIL_LETTERS_PROVIDER != settings.EMAIL_PROVIDER or not published.counts_letters:
        return kept
    letters = kept * settings.LETTERS_SHARE
    return letters if lane == "letters" else kept - letters


@contextmanager
def redis_away() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as exc:
        raise RedisAway from exc


@cache
def client(url: str) -> redis.Redis:
    # One retry, at once: a connection that a restarted Redis closed does not mean that Redis is away.
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


@cache
def gate(url: str) -> Any:
    return client(url).register_script(GATE)


def milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None

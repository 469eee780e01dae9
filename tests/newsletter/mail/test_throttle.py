"""How fast a provider is sent to: against a real Redis, on a clock of the tests' own."""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from django.conf import LazySettings
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from newsletter.mail import throttle
from newsletter.mail.throttle import Channel, Pace, RedisAway, Turn, Wait
from newsletter.runtime import embedded_servers

MORNING = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
MIDNIGHT = timedelta(hours=19)
SECOND = timedelta(seconds=1)


class Begin(Protocol):
    def __call__(self, lane: Pace, lease: timedelta = ...) -> Turn: ...


class Clock:
    """Milliseconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = round(MORNING.timestamp() * 1000)

    def __call__(self) -> int:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += throttle.milliseconds(by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _empty_redis(settings: LazySettings) -> Iterator[None]:
    settings.SEND_CALLS_AT_ONCE = 4
    url = settings.REDIS_URL
    forget(url)
    yield
    forget(url)


@pytest.fixture
def digests(clock: Clock) -> Pace:
    return Pace("digests", now=clock)


@pytest.fixture
def letters(clock: Clock) -> Pace:
    return Pace("letters", now=clock)


def forget(url: str) -> None:
    """Empty Redis of all that pace keeps, and of nothing else: the server may be somebody's own."""
    client = throttle.client(url)
    for key in client.scan_iter("pace:*"):
        client.delete(key)


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Take a turn and leave it open, as a worker does that is killed in its call."""
    with ExitStack() as open_calls:
        yield lambda lane, lease=throttle.LEASE: open_calls.enter_context(lane.call(1, lease))


def send(lane: Pace, messages: int = 1) -> None:
    with lane.call(messages) as turn:
        turn.accepted()


def fail(lane: Pace, times: int = 1) -> None:
    for _ in range(times):
        with lane.call(1) as turn:
            turn.failed()


def wait_of(lane: Pace, messages: int = 1) -> Wait:
    with pytest.raises(Wait) as found, lane.call(messages):
        pytest.fail("a turn was given")
    return found.value


# The rate


def test_with_no_limit_set_a_call_passes_at_once(digests: Pace) -> None:
    for _ in range(20):
        send(digests, 1000)
    assert digests.state() == throttle.State(
        False, None, "", None, left_today=None, sent_today=None, calls_in_flight=0, probe=None
    )


def test_a_call_larger_than_a_seconds_rate_passes_and_is_worked_off(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE = 300
    digests = Pace("digests", now=clock)  # 270 a second of the 300
    send(digests, 1000)
    wait = wait_of(digests, 1000)
    assert wait.why == "rate"
    assert wait.for_ == pytest.approx(SECOND * (1000 / 270 - throttle.BURST_SECONDS), abs=timedelta(milliseconds=5))
    clock.move(wait.for_ - timedelta(milliseconds=1))
    wait_of(digests, 1000)
    clock.move(timedelta(milliseconds=1))
    send(digests, 1000)


def test_over_an_hour_the_rate_is_reached_and_never_passed(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE = 300
    digests, sent, end = Pace("digests", now=clock), 0, clock.now + 3_600_000
    while clock.now < end:
        try:
            send(digests, 1000)
            sent += 1000
        except Wait as wait:
            clock.move(wait.for_)
    assert 270 * 3600 * 0.999 <= sent <= 270 * 3600 + 1000 + 27


def test_letters_are_not_kept_waiting_by_digests(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE = 20
    digests, letters = Pace("digests", now=clock), Pace("letters", now=clock)
    send(digests, 1000)
    assert wait_of(digests).why == "rate"
    send(letters)
    clock.move(SECOND / 2)
    send(letters)


@pytest.mark.parametrize(("rate", "letters", "digests"), [(300, 30, 270), (5, 1, 4), (1, 0.5, 0.5), (0, 0, 0)])
def test_the_lanes_share_one_rate(settings: LazySettings, rate: float, letters: float, digests: float) -> None:
    settings.SEND_RATE = rate
    assert (throttle.limits_of("letters").rate, throttle.limits_of("digests").rate) == (letters, digests)


def test_letters_with_a_provider_of_their_own_leave_the_other_to_digests(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE, settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER = 300, "mailgun", "postmark"
    digests, letters = Pace("digests", now=clock), Pace("letters", now=clock)
    assert (digests.limits.rate, digests.limits.calls_of_lane, letters.limits.rate) == (300, 4, 0)
    digests.pause(SECOND)
    assert wait_of(digests).why == "pause"
    send(letters)


# Calls a minute


def minutes_of(calls: list[int]) -> int:
    """Return the most calls that one minute saw, of moments in milliseconds."""
    return max(sum(start <= moment < start + 60_000 for moment in calls) for start in calls)


def call_for(lane: Pace, clock: Clock, minutes: int, messages: int) -> list[int]:
    """Call whenever it may be; return the moments of all calls."""
    moments, end = list[int](), clock.now + minutes * 60_000
    while clock.now < end:
        try:
            send(lane, messages)
            moments.append(clock.now)
        except Wait as wait:
            clock.move(wait.for_)
    return moments


@pytest.mark.parametrize("messages", [1, 200, 1000])
def test_a_providers_calls_a_minute_are_used_and_never_passed(
    settings: LazySettings, clock: Clock, messages: int
) -> None:
    settings.EMAIL_PROVIDER = "brevo"
    settings.EMAIL_LETTERS_PROVIDER = "postmark"
    calls = call_for(Pace("digests", now=clock), clock, 10, messages)
    assert minutes_of(calls) <= 100
    assert len(calls) >= 970


def test_letters_have_their_share_of_the_calls_that_count_them(settings: LazySettings, clock: Clock) -> None:
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "resend"
    digests, letters = throttle.limits_of("digests"), throttle.limits_of("letters")
    assert (digests.calls_a_minute, letters.calls_a_minute) == pytest.approx((268 * 0.9, 268 * 0.1))
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "brevo"
    digests, letters = throttle.limits_of("digests"), throttle.limits_of("letters")
    assert (digests.calls_a_minute, letters.calls_a_minute) == (98, 0)


@pytest.mark.parametrize(("granted", "kept"), [(None, 98), (0, 0), (300, 298), (1, 0.5)])
def test_what_the_provider_grants_takes_the_place_of_what_it_publishes(
    settings: LazySettings, granted: int | None, kept: float
) -> None:
    settings.EMAIL_PROVIDER, settings.SEND_CALLS_A_MINUTE = "brevo", granted
    assert throttle.limits_of("digests").calls_a_minute == kept


def test_a_rate_that_holds_a_turn_back_costs_it_no_call(settings: LazySettings, clock: Clock) -> None:
    settings.EMAIL_PROVIDER, settings.SEND_RATE = "brevo", 10
    digests = Pace("digests", now=clock)
    send(digests, 1000)
    for _ in range(50):
        assert wait_of(digests, 10).why == "rate"
    clock.move(wait_of(digests, 10).for_)
    send(digests, 10)


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["letters", "digests"]), st.sampled_from([1, 2, 50, 1000])),
        st.tuples(st.just("pause"), st.integers(0, 3000)),
        st.tuples(st.just("move"), st.one_of(st.integers(0, 100), st.integers(-2000, 8000))),
        st.tuples(st.just("patience"), st.integers(1, 5)),
    ),
    max_size=60,
)


@given(rate=st.sampled_from([1, 7, 300, 999.5, 25_000]), steps=steps)
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_sees_more_than_its_rate_and_one_burst(
    settings: LazySettings, rate: float, steps: list[tuple[str, int]]
) -> None:
    """Whatever is taken, paused and waited for, and wherever the clock jumps, back too."""
    forget(settings.REDIS_URL)
    settings.SEND_RATE = rate
    clock = Clock()
    lanes: dict[str, Pace] = {"letters": Pace("letters", now=clock), "digests": Pace("digests", now=clock)}
    passed: dict[str, list[tuple[int, int]]] = {"letters": [], "digests": []}
    paused_until, last = 0, ("digests", 1)

    def attempt(lane: str, messages: int) -> timedelta:
        try:
            send(lanes[lane], messages)
        except Wait as wait:
            return wait.for_
        assert clock.now >= paused_until
        passed[lane].append((clock.now, messages))
        return timedelta(0)

    for what, amount in steps:
        if what == "move":
            clock.now += amount
        elif what == "pause":
            lanes["letters"].pause(timedelta(milliseconds=amount))
            paused_until = max(paused_until, clock.now + amount)
        elif what == "patience":
            for _ in range(amount):
                clock.move(attempt(*last))
        else:
            last = (what, amount)
            attempt(*last)
    for lane, sent in passed.items():
        lane_rate = lanes[lane].limits.rate
        for i, (start, _) in enumerate(sent):
            for j, (end, _) in enumerate(sent[i:], i):
                window = [messages for _, messages in sent[i : j + 1]]
                burst = max(window) + lane_rate * throttle.BURST_SECONDS
                elapsed = max(0, end - start)  # a clock that jumps back takes no time away
                assert sum(window) <= lane_rate * elapsed / 1000 + burst + 1e-6


def test_workers_side_by_side_share_one_rate(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE, settings.LETTERS_SHARE, settings.SEND_CALLS_AT_ONCE = 1250, 0.2, 100

    def work(_: int) -> int:
        lane, sent = Pace("digests", now=clock), 0
        for _ in range(100):
            try:
                send(lane, 10)
                sent += 10
            except Wait:
                pass
        return sent

    with ThreadPoolExecutor(4) as workers:
        # The clock stands: what passes is one burst, the part that may come early and one call.
        assert sum(workers.map(work, range(4))) == 1000 * throttle.BURST_SECONDS + 10


# Calls at once


def test_digests_leave_letters_one_call(begin: Begin, digests: Pace, letters: Pace) -> None:
    for _ in range(3):
        begin(digests)
    assert wait_of(digests).why == "calls"
    begin(letters)
    assert wait_of(letters).why == "calls"
    assert letters.state().calls_in_flight == 4


def test_one_call_at_once_is_shared(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_CALLS_AT_ONCE = 1
    digests, letters = Pace("digests", now=clock), Pace("letters", now=clock)
    with digests.call(1):
        assert wait_of(letters).why == "calls"
    send(letters)


def test_a_call_that_ends_frees_its_place_however_it_ends(digests: Pace) -> None:
    with suppress(ZeroDivisionError), digests.call(1):
        assert digests.state().calls_in_flight == 1
        _ = 1 / 0
    assert digests.state().calls_in_flight == 0


def test_a_killed_workers_place_comes_free_by_its_lease(begin: Begin, digests: Pace, clock: Clock) -> None:
    for _ in range(3):
        begin(digests, lease=SECOND * 30)
    clock.move(SECOND * 30 - timedelta(milliseconds=1))
    assert wait_of(digests).why == "calls"
    clock.move(timedelta(milliseconds=1))
    send(digests)


@pytest.mark.parametrize(("processes", "places"), [(1, [3]), (2, [1, 1, 1]), (9, [1, 1, 1])])
def test_a_turn_has_as_many_calls_at_once_as_are_free_and_as_are_a_workers_part(
    settings: LazySettings, clock: Clock, processes: int, places: list[int]
) -> None:
    settings.WORKER_CONCURRENCY = settings.WORKER_CONCURRENCY | {"sending": processes}
    digests, granted = Pace("digests", now=clock), list[int]()
    with ExitStack() as turns:
        for _ in places:
            granted.append(turns.enter_context(digests.call(10, calls=10)).at_once)
        assert granted == places
        assert digests.state().calls_in_flight == 3
        assert wait_of(digests).why == "calls"
    assert digests.state().calls_in_flight == 0


def test_a_turn_takes_no_more_places_than_it_has_calls_or_than_are_free(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_CALLS_AT_ONCE, settings.WORKER_CONCURRENCY = 9, settings.WORKER_CONCURRENCY | {"sending": 1}
    digests = Pace("digests", now=clock)
    with digests.call(10, calls=3) as first, digests.call(10, calls=8) as second:
        assert (first.at_once, second.at_once) == (3, 5)


# Pauses


def test_every_worker_obeys_a_pause_and_the_longest_wins(digests: Pace, letters: Pace, clock: Clock) -> None:
    digests.pause(SECOND * 90)
    letters.pause(SECOND * 10)
    for lane in (digests, letters):
        assert (wait_of(lane).why, wait_of(lane).for_) == ("pause", SECOND * 90)
        assert lane.state().paused_until == MORNING + SECOND * 90
    clock.move(SECOND * 90)
    send(digests)
    assert digests.state().paused_until is None


def test_a_pause_lasts_an_hour_at_most(digests: Pace) -> None:
    digests.pause(timedelta(days=7))
    assert wait_of(digests).for_ == timedelta(hours=1)


# The breaker


def test_failures_one_after_another_open_the_breaker_for_both_lanes(digests: Pace, letters: Pace) -> None:
    fail(digests, 4)
    send(digests)
    fail(digests, 4)
    assert not digests.state().is_open
    fail(letters)
    for lane in (digests, letters):
        assert (wait_of(lane).why, wait_of(lane).for_) == ("breaker", SECOND * 60)
        assert (lane.state().is_open, lane.state().since) == (True, MORNING)


def test_one_refused_key_opens_the_breaker_and_one_accepted_call_closes_it(digests: Pace, clock: Clock) -> None:
    with digests.call(1) as turn:
        turn.failed("The provider does not accept our key (401).", is_locked_out=True)
    state = digests.state()
    assert (state.is_open, state.reason) == (True, "The provider does not accept our key (401).")
    clock.move(SECOND * 60)
    send(digests)
    assert not digests.state().is_open


def test_one_trial_passes_across_all_workers_and_closes_the_breaker(
    digests: Pace, letters: Pace, clock: Clock
) -> None:
    fail(digests, 5)
    clock.move(SECOND * 60)
    with digests.call(1) as trial:
        assert wait_of(letters).why == wait_of(digests).why == "breaker"
        trial.accepted()
    assert not digests.state().is_open
    send(letters)


def test_a_failed_trial_keeps_the_breaker_open(digests: Pace, clock: Clock) -> None:
    fail(digests, 5)
    clock.move(SECOND * 60)
    fail(digests)
    assert wait_of(digests).for_ == SECOND * 60
    assert digests.state().since == MORNING


def test_a_trial_whose_worker_was_killed_is_followed_by_another(begin: Begin, digests: Pace, clock: Clock) -> None:
    fail(digests, 5)
    clock.move(SECOND * 60)
    begin(digests)
    clock.move(throttle.LEASE)
    send(digests)
    assert not digests.state().is_open


def test_an_answer_to_a_call_from_before_does_not_close_the_breaker(begin: Begin, digests: Pace) -> None:
    early = begin(digests)
    fail(digests, 5)
    early.accepted()
    assert digests.state().is_open


def test_slow_answers_open_the_breaker(settings: LazySettings, digests: Pace) -> None:
    for seconds in (9.9, 10, 10, 10, 10, 10):
        assert not digests.state().is_open
        with digests.call(1) as turn:
            turn.slow(seconds)
    assert digests.state().is_open


def test_a_trial_that_could_not_be_made_leaves_room_for_another(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE = 10
    digests, letters = Pace("digests", now=clock), Pace("letters", now=clock)
    send(digests, 1000)
    fail(letters)
    settings.SEND_BREAKER_FAILURES = 1
    clock.move(SECOND * 2)
    fail(letters)
    clock.move(SECOND * 60)
    assert wait_of(digests).why == "rate"
    send(letters)
    assert not letters.state().is_open


# The day


def test_a_days_cap_holds_until_midnight_and_keeps_a_share_for_letters(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_DAILY_CAP = 1000
    digests, letters = Pace("digests", now=clock), Pace("letters", now=clock)
    send(digests, 600)
    wait = wait_of(digests, 301)
    assert (wait.why, wait.for_, wait.fits) == ("day", MIDNIGHT, 300)
    send(digests, 300)
    assert (digests.state().left_today, letters.state().left_today) == (0, 100)
    send(letters, 100)
    assert wait_of(letters).fits == 0
    clock.move(MIDNIGHT)
    send(digests, 900)


def test_a_warm_up_grows_day_by_day_and_ends(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_WARMUP, settings.SEND_WARMUP_FROM, settings.LETTERS_SHARE = [50, 100], date(2026, 5, 5), 0.1
    lane = Pace("letters", now=clock)
    left = []
    for _ in range(4):
        left.append(lane.state().left_today)
        clock.move(timedelta(days=1))
    assert left == [50, 50, 100, None]


def test_a_warm_up_never_passes_the_cap(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_WARMUP, settings.SEND_WARMUP_FROM, settings.SEND_DAILY_CAP = [50, 100], date(2026, 5, 3), 80
    assert Pace("letters", now=clock).state().left_today == 80


def test_messages_that_never_left_are_not_counted(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_DAILY_CAP, settings.SEND_RATE = 1000, 100
    digests = Pace("digests", now=clock)
    with digests.call(500) as turn:
        turn.unsent()
    assert wait_of(digests, 500).why == "rate"
    assert digests.state().left_today == 900


# Redis


def test_an_emptied_redis_gets_the_days_count_and_keeps_the_pace(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_RATE, settings.SEND_DAILY_CAP = 300, 10_000
    on_record = 0
    digests = Pace("digests", now=clock, sent_today=lambda: on_record)
    send(digests, 1000)
    on_record = 1000
    forget(settings.REDIS_URL)
    assert digests.state().left_today == 8000
    send(digests, 1000)
    assert wait_of(digests, 1000).why == "rate"
    assert digests.state().left_today == 7000


def test_the_count_on_record_is_asked_for_only_where_redis_has_none(settings: LazySettings, clock: Clock) -> None:
    settings.SEND_DAILY_CAP = 1000
    asked: list[int] = []
    lane = Pace("letters", now=clock, sent_today=lambda: asked.append(1) or 7)  # type: ignore[func-returns-value]
    send(lane)
    send(lane)
    assert (len(asked), lane.state().left_today) == (1, 991)


@pytest.mark.parametrize("lane", ["letters", "digests"])
def test_without_redis_nothing_is_sent(settings: LazySettings, lane: Channel) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert isinstance(wait_of(Pace(lane)), RedisAway)
    with pytest.raises(RedisAway):
        Pace(lane).state()


def test_a_redis_killed_in_a_call_ends_no_call_and_lets_nothing_pass_until_it_is_back(settings: LazySettings) -> None:
    with tempfile.TemporaryDirectory(prefix="paper-round-") as folder:
        var_dir, only_redis = Path(folder) / "var", {"DATABASE_URL": "another"}
        settings.REDIS_URL = embedded_servers.redis_url(var_dir)
        lane = Pace("digests")
        with embedded_servers.keep_running(var_dir, only_redis, scratch=True), lane.call(1) as turn:
            server = embedded_servers.Redis(var_dir).process()
            assert server
            server.kill()
            psutil.wait_procs([server])
            turn.accepted()
            lane.pause(SECOND)
            assert isinstance(wait_of(lane), RedisAway)
            with embedded_servers.keep_running(var_dir, only_redis, scratch=True):
                send(lane)


def test_by_default_redis_tells_the_time(settings: LazySettings) -> None:
    settings.SEND_RATE = 1
    lane = Pace("digests")
    before = datetime.now(UTC)
    lane.pause(timedelta(hours=1))
    paused_until = lane.state().paused_until
    assert paused_until
    assert abs(paused_until - before - timedelta(hours=1)) < SECOND * 30


# After doubt


def doubt(lane: Pace) -> None:
    with lane.call(1) as turn:
        turn.doubted("The provider gave no clear answer.")


def test_after_doubt_calls_begin_with_one_reader_and_grow_with_each_clear_answer(
    settings: LazySettings, digests: Pace
) -> None:
    settings.READERS_IN_DOUBT = 500
    doubt(digests)
    sizes = []
    while (probe := digests.state().probe) is not None:
        assert wait_of(digests, probe + 1).fits == probe
        send(digests, probe)
        sizes.append(probe)
    assert sizes == [1, 10, 100, 200, 400, 800]
    send(digests, 5000)


def test_one_probe_is_under_way_at_a_time_on_all_workers_together(digests: Pace, begin: Begin, clock: Clock) -> None:
    doubt(digests)
    begin(digests)
    other = Pace("digests", now=clock)
    wait = wait_of(other)
    assert (wait.why, wait.fits) == ("doubt", None)


@pytest.mark.parametrize("end", [Turn.doubted, Turn.failed, Turn.unsent, Turn.over])
def test_a_probe_that_is_not_answered_clearly_does_not_grow(digests: Pace, end: Callable[[Turn], None]) -> None:
    doubt(digests)
    send(digests, 1)
    with digests.call(10) as turn:
        end(turn)
    assert digests.state().probe == (1 if end is Turn.doubted else 10)


def test_a_call_from_before_the_doubt_is_no_probe(digests: Pace, begin: Begin) -> None:
    early = begin(digests)
    doubt(digests)
    early.accepted()
    assert digests.state().probe == 1


def test_doubt_about_digests_keeps_no_letter_waiting(digests: Pace, letters: Pace) -> None:
    doubt(digests)
    send(letters)
    assert digests.state().probe == 1

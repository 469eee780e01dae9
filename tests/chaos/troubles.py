"""What breaks and when, by the share of the issue that is sent."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.deployment import Deployment
from tests.outside import faults
from tests.outside.faults import Rule
from tests.outside.provider import Provider

ERRORS = 0.02  # of the calls; half of them were taken all the same


@dataclass(frozen=True)
class Size:
    """The size of a run and of its troubles."""

    readers: int
    batch: int  # readers
    kills: int
    redis_away_seconds: float
    throttled_seconds: float
    delay: float  # seconds a call takes
    sweep_seconds: int
    lease_seconds: int
    timeout_seconds: int
    most_seconds: float  # for all of it


LONG = Size(100_000, 200, 20, 30, 60, 0.25, 10, 30, 10, 1800)
SHORT = Size(2_000, 200, 3, 2, 2, 0.1, 1, 6, 2, 100)


@dataclass
class Troubles:
    deployment: Deployment
    provider: Provider
    size: Size
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    kills: dict[str, int] = field(default_factory=lambda: {"leader": 0, "child": 0})
    throttled: list[tuple[float, float]] = field(default_factory=list)

    def timetable(self) -> list[tuple[float, Callable[[], None]]]:
        """Return (share of the issue that is sent, trouble) in order."""
        kills = [((number + 0.5) / self.size.kills * 0.9, self.kill) for number in range(self.size.kills)]
        once: list[tuple[float, Callable[[], None]]] = [
            (0.12, self.deployment.restart_postgres),
            (0.21, self.deployment.flush_redis),
            (0.33, self.lose_redis),
            (0.46, self.deployment.restart_postgres),
            (0.57, self.throttle),
            (0.68, self.deployment.flush_redis),
            (0.79, self.deployment.restart_postgres),
        ]
        return sorted([*kills, *once], key=lambda entry: entry[0])

    def kill(self) -> None:
        self.kills[self.deployment.kill_one(self.dice)] += 1

    def lose_redis(self) -> None:
        self.deployment.stop_redis()
        time.sleep(self.size.redis_away_seconds)
        self.deployment.start_redis()

    def throttle(self) -> None:
        seconds = self.size.throttled_seconds
        self.throttled.append((time.time(), time.time() + seconds + 1))
        self.provider.plan(faults.throttled("1", seconds=seconds), *self.usual())

    def usual(self) -> list[Rule]:
        share = ERRORS / 2
        if self.provider.name == "smtp":  # whose 5xx is a clear answer
            return [
                faults.slow(self.size.delay / 5),
                faults.failing(450, share=share, seed=1),
                faults.cut(share=share, seed=2, accepts=True),
            ]
        return [
            faults.slow(self.size.delay),
            faults.failing(503, share=share, seed=1),
            faults.failing(500, share=share, seed=2, accepts=True),
        ]

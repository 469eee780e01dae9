"""How soon an editor knows whom a draft reaches."""

import statistics
import time
from datetime import timedelta

from digests.previews import reach
from newsletter import clock
from newsletter.issues.models import Issue
from subscribers.models import Preferences
from tests.benchmarks.delivery.digests import FRONT, NOW, READERS, SHELF, make_issue, make_readers
from tests.benchmarks.registry import Figure, bench

ROUNDS = 3


@bench("reach", unit="s", target=5, higher_is_better=False, peak_target_mb=700)
def reach_of_a_draft(scale: float) -> Figure:
    """Work out whom a draft reaches, with nothing in memory: the worst of a few rounds."""
    readers = round(READERS * scale)
    with clock.at(NOW):
        issue = make_issue(publishes=False)
        make_readers(readers)
    # Who is due by the hour of NOW is too late for nothing.
    with clock.at(NOW + timedelta(hours=1)):
        rounds = [timed(issue, readers) for _ in range(ROUNDS)]
    return Figure(
        max(rounds),
        f"{readers:,} readers with {Preferences.objects.count():,} preferences, a draft of {FRONT} + {SHELF} papers; "
        f"the worst of {ROUNDS} rounds, median {statistics.median(rounds):.2f} s",
    )


def timed(issue: Issue, readers: int) -> float:
    started = time.perf_counter()
    found = reach.compute_reach(issue)
    seconds = time.perf_counter() - started
    assert found.readers + found.empty == readers
    return seconds
